"""What the pages work with, handed to `create_app` and read back through the app."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, cast

from flask import current_app

from dashboards.lab_places import LabPlaces
from dashboards.people.oidc_settings import OidcSettings
from dashboards.people.second_factor_settings import SecondFactorSettings
from db.access import Role
from db.base import utc_now
from db.credentials import SecretBox, derived_key
from db.engine import Database, connect
from db.events import Events
from db.frames import FrameStore, open_store
from db.settings import BrokerSettings, StorageSettings

if TYPE_CHECKING:
    from dashboards.coalesce import Coalesced
    from dashboards.home_view import Home
    from dashboards.hub import EventHub
    from dashboards.lab.rejudged import Rejudged
    from dashboards.line_view import LineBoard
    from dashboards.pictures import Pictures
    from dashboards.shelf.board_view import ShelfBoard
    from dashboards.station_view import StationPage

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# A stream holds one of the server's threads; pages beyond this number poll instead.
MAX_STREAMS = 64


class Publishes(Protocol):
    """What tells the live screens (`db.events.Events`)."""

    def publish(self, event: dict[str, Any]) -> bool: ...


@dataclass(frozen=True)
class DashboardValues:
    """`allowed_hosts` are the names under which the pages may be asked for; None: any name.

    `remote` says that other hosts are let in, who ask under this host's addresses; `tls`, that a
    front before the pages ends TLS, and that what it says of who asks is believed. `secret_key`
    signs the cookies.
    """

    database: Database
    store: FrameStore
    events: Publishes
    redis_url: str
    secret_key: bytes
    allowed_hosts: frozenset[str] | None = field(default=LOOPBACK)
    remote: bool = False
    tls: bool = False
    oidc: OidcSettings | None = None
    max_streams: int = MAX_STREAMS
    now: Callable[[], datetime] = utc_now
    # What encrypts the addresses of alert channels; None: nobody can enter one here.
    secrets: Callable[[], SecretBox] | None = None
    # Roles that must have a second factor.
    second_factor: frozenset[Role] = frozenset()
    lab: LabPlaces = field(default_factory=LabPlaces)


@dataclass(frozen=True)
class Parts:
    """The values, and what the app made from them for itself."""

    values: DashboardValues
    hub: "EventHub"
    pictures: "Pictures"
    line_boards: "Coalesced[LineBoard]"
    shelf_boards: "Coalesced[ShelfBoard]"
    # Home and stations, by what is asked and, where it depends on it, by who may see what.
    homes: "Coalesced[Home]"
    station_pages: "Coalesced[StationPage]"
    rejudged: "Rejudged"


EXTENSION = "lineside-dashboards"


def parts() -> Parts:
    return cast(Parts, current_app.extensions[EXTENSION])


def values() -> DashboardValues:
    """The values of the app that handles this request."""
    return parts().values


def values_from_settings(
    allowed_hosts: frozenset[str] | None = LOOPBACK, *, remote: bool = False, tls: bool = False
) -> DashboardValues:
    """The values that the environment names. Opens no connection yet."""
    storage = StorageSettings()
    redis_url = BrokerSettings().redis_url
    return DashboardValues(
        database=connect(storage.resolved_database_url, pool_size=10),
        store=open_store(storage.resolved_frame_store_url),
        events=Events(redis_url),
        redis_url=redis_url,
        secret_key=derived_key(storage.data_dir / "secret.key", "cookies of the pages"),
        allowed_hosts=allowed_hosts,
        remote=remote,
        tls=tls,
        secrets=lambda: SecretBox(storage.data_dir / "secret.key"),
        oidc=OidcSettings(),
        second_factor=SecondFactorSettings().roles,
        lab=LabPlaces.from_settings(),
    )
