"""First-pass yield of parts, the same on SQLite and on PostgreSQL."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from db.engine import Database
from db.queries.acquisitions import NewAcquisition, accept
from db.queries.counts import counts_in
from db.queries.first_pass import FIRST_PASS, FirstPass, first_pass_in
from db.queries.shifts import Window
from inspection.verdicts import Reason
from tests import factories

NOW = datetime(2026, 7, 1, 10, 3, 30, tzinfo=UTC)
WINDOW = Window(NOW - timedelta(hours=2), NOW)
SECOND = timedelta(seconds=1)
# When each frame of one part was taken, seconds before now, and what came of it.
Frames = list[tuple[float, str]]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param([(100, "pass")], FirstPass(1, 1), id="good"),
        pytest.param([(100, "warn")], FirstPass(1, 1), id="a warning is no fail"),
        pytest.param([(100, "fail")], FirstPass(1, 0), id="bad"),
        pytest.param([(100, "not_inspected")], FirstPass(1, 0), id="nobody knows"),
        pytest.param([(100, "pass"), (98, "fail"), (97, "pass")], FirstPass(1, 0), id="views"),
        pytest.param([(100, "fail"), (60, "pass")], FirstPass(1, 0), id="shown again at once"),
        pytest.param([(3600, "fail"), (100, "pass")], FirstPass(1, 0), id="reworked"),
        pytest.param([(3600, "pass"), (100, "fail")], FirstPass(1, 1), id="damaged later"),
        pytest.param([(9000, "fail"), (100, "pass")], FirstPass(0, 0), id="of the shift before"),
        pytest.param(
            [(7500, "pass"), (7100, "fail")], FirstPass(0, 0), id="begun in the shift before"
        ),
        pytest.param([(100, "waiting")], FirstPass(0, 0), id="still waiting"),
        pytest.param([(100, "waiting"), (98, "fail")], FirstPass(0, 0), id="the first waits"),
        pytest.param([(100, "pass"), (98, "waiting")], FirstPass(1, 1), id="the second waits"),
    ],
)
def test_a_part_counts_by_its_first_pass(
    any_database: Database, frames: Frames, expected: FirstPass
) -> None:
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session)
        part = factories.make_part(session)
        for age_s, verdict in frames:
            acquisition = factories.make_acquisition(
                session, camera, part_id=part.id, captured_at=NOW - age_s * SECOND
            )
            if verdict != "waiting":
                factories.decide(session, verdict=verdict, acquisition=acquisition)
    with any_database.reads() as session:
        found = first_pass_in(session, [camera.station_id], WINDOW)
    assert found == {camera.station_id: expected}


def test_stations_and_cameras_are_told_apart(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        first = factories.make_station(session)
        front, back = (factories.make_camera(session, first) for _ in range(2))
        second = factories.make_camera(session)
        without = factories.make_camera(session)
        for number in range(10):
            part = factories.make_part(session)
            at = NOW - timedelta(minutes=number)
            for camera, verdict in (
                (front, "pass"),
                (back, "fail" if number < 3 else "pass"),
                (second, "fail" if number == 9 else "pass"),
            ):
                acquisition = factories.make_acquisition(
                    session, camera, part_id=part.id, captured_at=at
                )
                factories.decide(session, verdict=verdict, acquisition=acquisition)
            factories.decide(session, without, "fail", captured_at=at)
        ids = [first.id, second.station_id, without.station_id]
    with any_database.reads() as session:
        counts = counts_in(session, ids, WINDOW)
    assert [counts[station_id].first_pass for station_id in ids] == [
        FirstPass(10, 7),
        FirstPass(10, 9),
        FirstPass(0, 0),
    ]
    assert counts[first.id].first_pass.rate == 0.7
    assert counts[first.id].pass_rate == 17 / 20  # of frames
    assert counts[ids[2]].first_pass.rate is None


def test_a_frame_on_the_edge_of_the_first_pass_is_in_it(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session)
        for extra in (0 * SECOND, SECOND):
            part = factories.make_part(session)
            for at, verdict in (
                (WINDOW.start, "pass"),
                (WINDOW.start + FIRST_PASS + extra, "fail"),
            ):
                acquisition = factories.make_acquisition(
                    session, camera, part_id=part.id, captured_at=at
                )
                factories.decide(session, verdict=verdict, acquisition=acquisition)
    with any_database.reads() as session:
        found = first_pass_in(session, [camera.station_id], WINDOW)
    assert found == {camera.station_id: FirstPass(2, 1)}


@pytest.mark.parametrize("together", [True, False])
def test_a_frame_that_comes_late_moves_its_part_back(
    any_database: Database, together: bool
) -> None:
    """Taken before the window, accepted after one of it: the part is of the shift before."""
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session)
        camera_id, station_id = camera.id, camera.station_id
    late, early = (
        NewAcquisition(camera_id, at, None, refusal=(Reason.BLIND, ""), part_serial="SN-1")
        for at in (WINDOW.start + SECOND, WINDOW.start - SECOND)
    )
    if together:
        with any_database.sessions.begin() as session:
            accept(session, [late, early])
    else:
        with any_database.sessions.begin() as session:
            accept(session, [late])
        with any_database.reads() as session:
            assert first_pass_in(session, [station_id], WINDOW) == {station_id: FirstPass(1, 0)}
        with any_database.sessions.begin() as session:
            accept(session, [early])
    with any_database.reads() as session:
        assert first_pass_in(session, [station_id], WINDOW) == {station_id: FirstPass(0, 0)}


def test_parts_are_counted_from_indexes_alone(any_database: Database) -> None:
    if any_database.engine.dialect.name != "sqlite":
        return  # PostgreSQL decides by statistics, of which an empty table has none
    seen: list[str] = []
    with any_database.reads() as session:
        connection = session.connection()
        explain = connection.connection.driver_connection
        explain.set_trace_callback(seen.append)
        first_pass_in(session, [1, 2], WINDOW)
        explain.set_trace_callback(None)
        (statement,) = (one for one in seen if "count(*)" in one)
        plan = str(session.execute(text(f"EXPLAIN QUERY PLAN {statement}")).all())
    assert "COVERING INDEX ix_part_arrival_station_first" in plan
    assert "acquisition" not in plan
