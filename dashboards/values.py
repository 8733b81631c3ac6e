"""What the pages work with, handed to `create_app` and read back through the app."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, cast

from flask import current_app

from db.base import utc_now
from db.engine import Database, connect
from db.events import Events
from db.frames import FrameStore, open_store
from db.settings import BrokerSettings, StorageSettings

if TYPE_CHECKING:
    from dashboards.coalesce import Coalesced
    from dashboards.hub import EventHub
    from dashboards.line_view import LineBoard
    from dashboards.pictures import Pictures
    from dashboards.shelf_view import ShelfBoard

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# A stream holds one of the server's threads; pages beyond this number poll instead.
MAX_STREAMS = 24


class Publishes(Protocol):
    """What tells the live screens (`db.events.Events`)."""

    def publish(self, event: dict[str, Any]) -> bool: ...


@dataclass(frozen=True)
class DashboardValues:
    """`allowed_hosts` are the names under which the pages may be asked for; None: any name.

    `remote` says that other hosts are let in, who ask under this host's addresses.
    """

    database: Database
    store: FrameStore
    events: Publishes
    redis_url: str
    allowed_hosts: frozenset[str] | None = field(default=LOOPBACK)
    remote: bool = False
    max_streams: int = MAX_STREAMS
    now: Callable[[], datetime] = utc_now


@dataclass(frozen=True)
class Parts:
    """The values, and what the app made from them for itself."""

    values: DashboardValues
    hub: "EventHub"
    pictures: "Pictures"
    line_boards: "Coalesced[LineBoard]"
    shelf_boards: "Coalesced[ShelfBoard]"


EXTENSION = "lineside-dashboards"


def parts() -> Parts:
    return cast(Parts, current_app.extensions[EXTENSION])


def values() -> DashboardValues:
    """The values of the app that handles this request."""
    return parts().values


def values_from_settings(
    allowed_hosts: frozenset[str] | None = LOOPBACK, *, remote: bool = False
) -> DashboardValues:
    """The values that the environment names. Opens no connection yet."""
    storage = StorageSettings()
    redis_url = BrokerSettings().redis_url
    return DashboardValues(
        database=connect(storage.resolved_database_url, pool_size=10),
        store=open_store(storage.resolved_frame_store_url),
        events=Events(redis_url),
        redis_url=redis_url,
        allowed_hosts=allowed_hosts,
        remote=remote,
    )
