"""The API over a SQLite file and a frame folder of its own; the bell and the events are kept."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from db.credentials import SecretBox
from db.engine import Database
from db.frames import FrameStore, open_store
from services.api import create_app
from services.api.values import ApiValues
from tests.unit.db.conftest import database, empty_sqlite  # noqa: F401  (fixtures)

TOKEN = "a-token-of-the-tests"
NO_REDIS = "redis://127.0.0.1:1/0"


@dataclass
class KeptBell:
    rings: list[str] = field(default_factory=list)

    def ring(self, queue: str) -> None:
        self.rings.append(queue)


@dataclass
class KeptEvents:
    events: list[dict[str, Any]] = field(default_factory=list)

    def publish(self, event: dict[str, Any]) -> bool:
        self.events.append(event)
        return True


class TokenClient(FlaskClient):
    """Sends the token, unless a test says otherwise."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        headers = dict(kwargs.pop("headers", None) or {})
        headers.setdefault("Authorization", f"Bearer {TOKEN}")
        return super().open(*args, headers=headers, **kwargs)


@pytest.fixture
def bell() -> KeptBell:
    return KeptBell()


@pytest.fixture
def kept_events() -> KeptEvents:
    return KeptEvents()


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    return open_store(str(tmp_path / "frames"), min_free_bytes=0)


@pytest.fixture
def values(
    database: Database,  # noqa: F811
    store: FrameStore,
    bell: KeptBell,
    kept_events: KeptEvents,
    tmp_path: Path,
) -> ApiValues:
    return ApiValues(
        database=database,
        store=store,
        bell=bell,
        events=kept_events,
        token=TOKEN,
        secrets=lambda: SecretBox(tmp_path / "secret.key"),
        redis_url=NO_REDIS,
    )


@pytest.fixture
def app(values: ApiValues) -> Flask:
    app = create_app(values)
    app.test_client_class = TokenClient
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
