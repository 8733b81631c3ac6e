import pytest
from sqlalchemy import delete, text

from db.engine import Database
from db.models import Acquisition
from db.queries.ledger import read_ledger
from tests.factories import decide, make_acquisition, make_camera


def test_it_adds_up(database: Database) -> None:
    with database.sessions.begin() as session:
        camera = make_camera(session)
        for verdict in ("pass", "pass", "warn", "fail", "not_inspected"):
            decide(session, camera, verdict)
        decide(session, verdict="not_inspected", reason="frozen")
        make_acquisition(session, camera)
        station_id = camera.station_id
    with database.reads() as session:
        ledger = read_ledger(session)
    assert ledger.as_dict() == {
        "acquired": 7,
        "passed": 2,
        "warned": 1,
        "failed": 1,
        "not_inspected": {"frozen": 1, "unreadable": 1},
        "in_flight": 1,
        "consistent": True,
        "problems": [],
    }
    with database.reads() as session:
        of_station = read_ledger(session, station_id=station_id)
    assert (of_station.acquired, of_station.not_inspected) == (6, {"unreadable": 1})
    assert of_station.consistent


def test_an_empty_plant_is_consistent(database: Database) -> None:
    with database.reads() as session:
        assert read_ledger(session).consistent


def test_two_verdicts_show(database: Database) -> None:
    with database.sessions.begin() as session:
        inspection = decide(session)
        acquisition_id = inspection.acquisition_id
        # The key forbids it, so that only a broken database could hold it.
        columns = (
            "id, acquisition_id, station_id, camera_id, captured_at, recipe_version_id,"
            " verdict, created_at"
        )
        session.execute(text("ALTER TABLE inspection RENAME TO inspection_kept"))
        session.execute(text("CREATE TABLE inspection AS SELECT * FROM inspection_kept"))
        session.execute(
            text(
                f"INSERT INTO inspection ({columns})"
                f" SELECT {columns.replace('id', 'id + 1', 1)} FROM inspection_kept"
            )
        )
    with database.reads() as session:
        ledger = read_ledger(session)
    assert not ledger.consistent
    assert any(f"two verdicts: {acquisition_id}" in problem for problem in ledger.problems)
    assert any("add up to 2" in problem for problem in ledger.problems)


def test_done_without_a_verdict_and_in_flight_with_one_show(database: Database) -> None:
    with database.sessions.begin() as session:
        lost = make_acquisition(session, state="done")
        early = decide(session)
        session.get_one(Acquisition, early.acquisition_id).state = "claimed"
        ids = (lost.id, early.acquisition_id)
    with database.reads() as session:
        problems = read_ledger(session).problems
    assert f"acquisitions done without a verdict: {ids[0]}" in problems
    assert f"acquisitions in flight with a verdict: {ids[1]}" in problems


@pytest.mark.parametrize("which", ["first", "last"])
def test_a_row_that_is_gone_shows(database: Database, which: str) -> None:
    with database.sessions.begin() as session:
        camera = make_camera(session)
        rows = [make_acquisition(session, camera) for _ in range(3)]
        gone = rows[0 if which == "first" else -1].id
        camera_id = camera.id
    with database.sessions.begin() as session:
        session.execute(delete(Acquisition).where(Acquisition.id == gone))
    with database.reads() as session:
        ledger = read_ledger(session)
    assert not ledger.consistent
    assert ledger.problems[0].startswith(f"camera {camera_id}: 2 acquisitions")
