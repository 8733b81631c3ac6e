"""Alive is not ready: what must be there, and what may be away."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from db import migrate
from db.engine import connect
from services.api import create_app
from services.api.values import ApiValues


class ReadOnlyStore:
    def put(self, data: bytes, suffix: str) -> None:
        raise PermissionError("read-only")


def ready(values: ApiValues, **changed: Any) -> tuple[int, dict[str, Any]]:
    app = create_app(replace(values, **changed))
    answer = app.test_client().get("/readyz")
    assert answer.json is not None
    return answer.status_code, answer.json


def test_without_redis_frames_are_accepted_still(values: ApiValues) -> None:
    status, told = ready(values)
    assert (status, told["status"]) == (200, "degraded")
    assert told["database"] == told["migrations"] == told["frame_store"] == "ok"


def test_a_database_without_tables_is_not_ready(values: ApiValues, tmp_path: Path) -> None:
    empty = connect(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    status, told = ready(values, database=empty)
    assert (status, told["status"]) == (503, "not ready")
    assert "lineside migrate" in told["migrations"]
    migrate.upgrade(empty.engine)
    assert ready(values, database=empty)[0] == 200
    empty.dispose()


def test_a_database_that_is_away_is_not_ready_and_not_named(
    values: ApiValues, tmp_path: Path
) -> None:
    away = connect(f"sqlite:///{tmp_path / 'nowhere' / 'secret-place.sqlite3'}")
    status, told = ready(values, database=away)
    assert (status, told["database"]) == (503, "cannot be reached")
    assert "secret-place" not in str(told)


def test_a_store_that_cannot_be_written_is_not_ready(values: ApiValues) -> None:
    status, told = ready(values, store=ReadOnlyStore())
    assert (status, told["frame_store"]) == (503, "cannot be written")


def test_alive_needs_nothing(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "alive"}
