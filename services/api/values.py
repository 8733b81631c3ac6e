"""What the API's views work with, handed to `create_app` and read back through the app."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from flask import current_app

from db.camera_sources import SourceRules
from db.credentials import SecretBox
from db.engine import Database
from db.frames import FrameStore
from services.api.pace import Pace


class Rings(Protocol):
    """What a bell does (`services.bell.Bell`)."""

    def ring(self, queue: str) -> None: ...


class Publishes(Protocol):
    """What tells the live screens (`db.events.Events`)."""

    def publish(self, event: dict[str, Any]) -> bool: ...


@dataclass(frozen=True)
class ApiValues:
    database: Database
    store: FrameStore
    bell: Rings
    events: Publishes
    token: str
    secrets: Callable[[], SecretBox]  # read when a camera's password is locked, and not before
    redis_url: str
    models_dirs: tuple[Path, ...] = ()  # where models are found beside the shipped ones
    sources: SourceRules = field(default_factory=SourceRules)  # what cameras may be
    behind_front: bool = False  # whose word on who asks (X-Forwarded-For) is believed
    max_wait_s: float = 30.0
    # Of one token. No camera is near it; what loops without a pause is.
    push_pace: Pace = field(default_factory=lambda: Pace(per_s=100, burst=1000))


EXTENSION = "lineside"


def values() -> ApiValues:
    """The values of the app that handles this request."""
    return cast(ApiValues, current_app.extensions[EXTENSION])
