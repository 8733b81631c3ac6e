"""The API's promises on both databases: pushes at once, transitions, the order of locks."""

import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import migrate
from db.credentials import SecretBox
from db.engine import Database
from db.errors import NotFound, WrongState
from db.frames import open_store
from db.models import Acquisition, Camera, Discrepancy, DiscrepancyEvent
from db.queries import discrepancies, recipes
from db.queries.inspections import InspectionFilter, list_inspections
from db.queries.ledger import read_ledger
from inspection.recipe import Recipe
from services.api import create_app
from services.api.values import ApiValues
from tests.factories import Found, decide, make_camera, make_discrepancy, make_station
from tests.unit.services.api.conftest import (
    NO_REDIS,
    TOKEN,
    KeptBell,
    KeptEvents,
    TokenClient,
)

JPEG = b"\xff\xd8\xff"


@pytest.fixture
def app(any_database: Database, tmp_path: Path) -> Flask:
    app = create_app(
        ApiValues(
            database=any_database,
            store=open_store(str(tmp_path / "frames"), min_free_bytes=0),
            bell=KeptBell(),
            events=KeptEvents(),
            token=TOKEN,
            secrets=lambda: SecretBox(tmp_path / "secret.key"),
            redis_url=NO_REDIS,
        )
    )
    app.test_client_class = TokenClient
    return app


def at_once(count: int, what: Callable[[int], Any]) -> list[Any]:
    """Do something in as many threads, which start together; the answers in order."""
    gate = threading.Barrier(count)
    answers: list[Any] = [None] * count

    def run(number: int) -> None:
        gate.wait()
        answers[number] = what(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def push(app: Flask, station_id: int, data: bytes, key: str | None = None) -> tuple[int, Any]:
    client: FlaskClient = app.test_client()
    answer = client.post(
        f"/api/v1/stations/{station_id}/frames",
        data={"image": (io.BytesIO(data), "a.jpg")},
        headers={"Idempotency-Key": key} if key else {},
    )
    return answer.status_code, answer.json


def test_first_pushes_at_once_share_one_camera(app: Flask, any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        station_id = make_station(session).id
    answers = at_once(6, lambda number: push(app, station_id, JPEG + bytes([number])))
    assert [status for status, _ in answers] == [202] * 6
    assert sorted(body["sequence"] for _, body in answers) == [1, 2, 3, 4, 5, 6]
    with any_database.reads() as session:
        assert session.scalar(select(func.count()).select_from(Camera)) == 1
    with any_database.reads() as session:
        assert read_ledger(session).consistent


def test_one_key_pushed_at_once_is_one_acquisition(app: Flask, any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        station_id = make_station(session).id
    answers = at_once(6, lambda _number: push(app, station_id, JPEG, "the-key"))
    assert [status for status, _ in answers] == [202] * 6
    assert len({body["acquisition_id"] for _, body in answers}) == 1
    assert sorted(body["repeated"] for _, body in answers) == [False] + [True] * 5
    with any_database.reads() as session:
        assert session.scalar(select(func.count()).select_from(Acquisition)) == 1


def test_of_two_who_resolve_at_once_one_does(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        discrepancy_id = make_discrepancy(session).id

    def resolve(number: int) -> str:
        try:
            with any_database.sessions.begin() as session:
                discrepancies.resolve(session, discrepancy_id, f"person {number}")
        except WrongState as error:
            return error.state
        return "done"

    assert sorted(at_once(4, resolve)) == ["done", "resolved", "resolved", "resolved"]
    with any_database.reads() as session:
        actions = session.scalars(select(DiscrepancyEvent.action)).all()
        row = session.get_one(Discrepancy, discrepancy_id)
    assert sorted(actions) == ["opened", "resolved"]
    assert row.revision == 2


def test_a_state_read_before_the_lock_decides_nothing(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        discrepancy_id = make_discrepancy(session).id
    with any_database.reads() as session:
        row = session.get_one(Discrepancy, discrepancy_id)
    with any_database.sessions.begin() as session:
        discrepancies.resolve(session, discrepancy_id, "first")
    with any_database.sessions() as session:
        session.add(row)  # as it was
        with pytest.raises(WrongState) as caught:
            discrepancies.acknowledge(session, discrepancy_id, "second")
    assert (caught.value.state, caught.value.expected) == ("resolved", ("open",))
    with any_database.sessions() as session, pytest.raises(NotFound):
        discrepancies.false_call(session, 999, "third")


def test_recipes_drafted_at_once_are_versions_in_a_row(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        recipes.draft(session, Recipe(name="tile", model="m"))

    def draft(number: int) -> int:
        with any_database.sessions.begin() as session:
            recipe = Recipe(name="tile", model="m", description=str(number))
            return recipes.draft(session, recipe)[0].version

    assert sorted(at_once(5, draft)) == [2, 3, 4, 5, 6]


def test_inspections_are_found_by_class_and_listed_without_masks(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        camera = make_camera(session)
        decide(session, camera)
        failed = decide(session, camera, "fail", found=[Found("stain"), Found("stain")]).id

    def listed(session: Session) -> list[int]:
        wanted = InspectionFilter(class_name="stain")
        page = list_inspections(session, wanted, after=None, limit=10)
        assert page.next_after is None
        return [view.inspection.id for view in page.rows]

    with any_database.reads() as session:
        assert listed(session) == [failed]


def test_the_tables_are_current_only_at_head(any_database: Database) -> None:
    assert migrate.is_current(any_database.engine)
    migrate.downgrade(any_database.engine)
    assert not migrate.is_current(any_database.engine)
