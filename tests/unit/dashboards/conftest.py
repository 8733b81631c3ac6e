"""The pages over a database of their own, without Redis and with a clock that stands still."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from dashboards import DashboardValues, create_app
from dashboards.lab_places import LabPlaces
from db import migrate
from db.engine import Database, connect
from db.frames import FrameStore, open_store
from tests.signed_in import sign_in

NOW = datetime(2026, 7, 1, 10, 0, 0, tzinfo=UTC)
SAME_SITE = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}


class ToldEvents:
    """Remembers what was published."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def publish(self, event: dict[str, Any]) -> bool:
        self.told.append(event)
        return True


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "lineside.sqlite3"
    database = connect(f"sqlite:///{path}")
    migrate.upgrade(database.engine)
    database.dispose()  # the last connection that closes puts the log into the file
    return path


@pytest.fixture
def database(empty_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "lineside.sqlite3"
    shutil.copyfile(empty_sqlite, path)
    database = connect(f"sqlite:///{path}")
    yield database
    database.dispose()


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    return open_store(str(tmp_path / "frames"))


@pytest.fixture
def events() -> ToldEvents:
    return ToldEvents()


@pytest.fixture
def app(database: Database, store: FrameStore, events: ToldEvents, tmp_path: Path) -> Flask:
    # Time enough on any host; what happens without is a test of its own.
    lab = LabPlaces(models_dirs=(tmp_path / "models",), try_s=60)
    values = DashboardValues(
        database, store, events, "redis://127.0.0.1:1/0", b"secret" * 6, now=lambda: NOW, lab=lab
    )
    return create_app(values)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Of an admin who may see everything."""
    return sign_in(app)


@pytest.fixture
def count_queries(database: Database) -> Callable[[], Any]:
    """`with count_queries() as statements:` collects every SELECT that is sent."""

    @contextmanager
    def counting() -> Iterator[list[str]]:
        statements: list[str] = []

        def collect(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if statement.lstrip().upper().startswith("SELECT"):
                statements.append(statement)

        event.listen(database.engine, "before_cursor_execute", collect)
        try:
            yield statements
        finally:
            event.remove(database.engine, "before_cursor_execute", collect)

    return counting
