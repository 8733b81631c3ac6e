"""The boards' queries give the same on SQLite and on PostgreSQL, and are answered from indexes."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from dashboards.line_view import load_board
from dashboards.shelf.board_view import load_shelves
from db.engine import Database
from db.models import CameraMinute
from db.queries import boards, counts, gap_work
from db.queries.discrepancy_lists import Wanted, list_placed
from db.queries.shifts import Window
from db.queries.stations import get_line
from tests import factories
from tests.factories import Found

NOW = datetime(2026, 7, 1, 10, 3, 30, tzinfo=UTC)
WINDOW = Window(NOW - timedelta(hours=2), NOW)


def test_a_line_is_counted(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        line = factories.make_line(session, key="counted")
        station_row = factories.make_station(session, line)
        camera = factories.make_camera(session, station_row, interval_s=60.0)
        for minutes, verdict in (
            (1, "pass"),
            (2, "fail"),
            (14, "warn"),
            (90, "fail"),
            (500, "fail"),
        ):
            at = NOW - timedelta(minutes=minutes)
            factories.decide(session, camera, verdict, found=[Found()], captured_at=at)
        factories.decide(session, camera, "not_inspected", captured_at=NOW - timedelta(minutes=3))
        factories.make_acquisition(session, camera, captured_at=NOW)
        session.add(
            CameraMinute(
                camera_id=camera.id,
                minute=NOW - timedelta(minutes=5),
                reason="database_away",
                count=4,
            )
        )
        session.add(
            CameraMinute(
                camera_id=camera.id,
                minute=NOW - timedelta(minutes=5),
                reason="trigger_skipped",
                count=99,
            )
        )
        station = camera.station_id
    with any_database.reads() as session:
        assert counts.counts_in(session, [station], WINDOW)[station] == counts.Counts(
            passed=1, warned=1, failed=2, not_inspected=1, failed_last_hour=1, lost=4
        )
        fails = counts.fails_by_bucket(session, [station], WINDOW)[station]
        assert len(fails) == 13  # two hours, begun in the middle of ten minutes
        assert sum(fails) == 2
        assert fails[-1] == 1
        assert counts.waiting(session, [station]) == {station: 1}
        assert counts.pareto(session, [station], WINDOW) == [("crack", 2)]
        assert len(boards.defect_feed(session, [station], WINDOW)) == 3
        assert [each.verdict for each in boards.newest_inspections(session, station)][:3] == [
            "pass",
            "fail",
            "not_inspected",
        ]
        board = load_board(session, get_line(session, "counted"), NOW)
        assert board.tiles[0].verdict == "pass"
        newest = boards.newest_inspections(session, station)
        older, newer = boards.neighbours(session, newest[1])
        assert (older, newer) == (newest[2].id, newest[0].id)


def test_a_shelf_is_read_and_restocked(any_database: Database) -> None:
    position = {"name": "A1", "product": "milk", "box": [0, 0, 1, 1], "facings": 4}
    with any_database.sessions.begin() as session:
        line = factories.make_line(session, key="shelf", kind="shelf")
        factories.make_product(session, key="milk", name="Milk", price=2, rate_per_hour=6)
        body = factories.recipe_body(positions=[position])
        recipe = factories.make_recipe_version(session, body=body)
        camera = factories.make_camera(
            session, factories.make_station(session, line, recipe=recipe)
        )
        at = NOW - timedelta(hours=1)
        inspection = factories.decide(
            session, camera, "fail", counts=[("facings", "A1", 0, 1)], captured_at=NOW
        )
        gap = factories.make_discrepancy(
            session, inspection, kind="out_of_stock", place="A1", opened_at=at
        )
    with any_database.sessions.begin() as session:
        gap_work.restock(session, gap.id, "somebody")
    with any_database.reads() as session:
        board = load_shelves(session, get_line(session, "shelf"), NOW)
        assert board.availability == 0
        assert board.days is not None
        assert board.days.today == 0
        (gap,) = board.gaps.gaps
        assert gap.product == "Milk"
        assert gap.gap.loss_per_hour == 12
        assert gap.restocked is not None
        assert gap.discrepancy.state == "acknowledged"


def test_a_list_goes_on_after_its_last_row(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        inspection = factories.decide(session, verdict="fail", captured_at=NOW)
        for number in range(5):
            factories.make_discrepancy(session, inspection, kind=f"k{number}", opened_at=NOW)
    for state in ("unresolved", "all"):
        with any_database.reads() as session:
            rows = list_placed(session, Wanted(state), limit=3)
            last = rows[-1].discrepancy
            rest = list_placed(session, Wanted(state), after=(last.opened_at, last.id), limit=3)
        seen = [row.discrepancy.id for row in (*rows, *rest)]
        assert len(set(seen)) == 5, state


def test_a_shift_is_counted_from_an_index_alone(any_database: Database) -> None:
    if any_database.engine.dialect.name != "sqlite":
        return  # PostgreSQL decides by statistics, of which an empty table has none
    with any_database.engine.connect() as connection:
        plan = connection.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT station_id, verdict, COUNT(*) FROM inspection"
                " WHERE station_id IN (1, 2) AND verdict IN ('pass', 'fail')"
                " AND captured_at >= '2026' GROUP BY station_id, verdict"
            )
        )
        assert "COVERING INDEX ix_inspection_station_verdict" in str(plan.all())
