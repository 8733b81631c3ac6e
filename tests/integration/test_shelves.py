"""Boards, walks, stores and the days of a shelf, on both databases."""

from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import select

from dashboards.shelf.board_view import load_shelves
from dashboards.shelf.history_view import load_history
from dashboards.shelf.store_view import load_store
from dashboards.shelf.walk_view import load_walk
from db.base import utc_now
from db.engine import Database
from db.models import Line
from db.queries import gap_work, snoozing
from db.queries.shelf_history import watched
from db.queries.stores import aisles_of
from inspection.shelves.opening import Span
from tests import factories

NOW = utc_now()
SOON = NOW + timedelta(hours=3)


def place(name: str, x: float, **values: object) -> dict[str, object]:
    """Worth two an hour, and a facing of two, where nothing else is said."""
    given = {"name": name, "product": name, "box": [x, 0.1, x + 0.1, 0.5], "facings": 2}
    return given | {"price": 1.0, "rate_per_hour": 2.0} | values


def test_hours_in_which_a_station_looked(any_database: Database) -> None:
    nine = datetime(2026, 7, 1, 9, tzinfo=UTC)
    with any_database.sessions.begin() as session:
        camera, other = factories.make_camera(session), factories.make_camera(session)
        for minutes, verdict in ((0, "pass"), (59, "warn"), (60, "fail"), (250, "not_inspected")):
            at = nine + timedelta(minutes=minutes)
            factories.decide(session, camera, verdict, captured_at=at)
        stations = [camera.station_id, other.station_id]
    within = [Span(nine - timedelta(hours=2), nine + timedelta(hours=6))]
    with any_database.reads() as session:
        assert watched(session, stations, within) == {
            stations[0]: [Span(nine, nine + timedelta(hours=2))],
            stations[1]: [],
        }
        assert watched(session, [], within) == {}


@pytest.fixture
def aisles(any_database: Database) -> list[str]:
    """Two aisles: bays 10 and 2 with two gaps, and one more aisle with one; their keys."""
    now = NOW
    with any_database.sessions.begin() as session:
        site = factories.make_site(session, key="store", name="Store")
        factories.make_shift(session, site, starts_at=time(0), ends_at=time(0))
        keys = []
        for number, bays in ((3, (10, 2)), (4, (1,))):
            line = factories.make_line(session, site, name=f"Aisle {number}", kind="shelf")
            keys.append(line.key)
            for bay in bays:
                positions = [place("A1", 0.1), place("A2", 0.5, price=bay * 10.0)]
                body = factories.recipe_body(positions=positions)
                recipe = factories.make_recipe_version(session, body=body)
                station = factories.make_station(session, line, recipe=recipe, name=f"Bay {bay}")
                camera = factories.make_camera(session, station, interval_s=60.0)
                counts = [("facings", "A1", 2, 1), ("facings", "A2", 0, 1)]
                one = factories.decide(session, camera, "fail", counts=counts, captured_at=now)
                factories.make_discrepancy(
                    session,
                    one,
                    kind="out_of_stock",
                    place="A2",
                    opened_at=now - timedelta(minutes=30),
                )
        factories.make_line(session, site, name="Line 1")
    return keys


def test_gaps_by_worth_and_along_the_way(any_database: Database, aisles: list[str]) -> None:
    with any_database.reads() as session:
        line = session.scalars(select(Line).where(Line.key == aisles[0])).one()
        worth, walk = (load_shelves(session, line, NOW, order) for order in ("worth", "walk"))
        assert [each.station_name for each in worth.gaps.to_do] == ["Bay 10", "Bay 2"]
        assert [each.station_name for each in walk.gaps.to_do] == ["Bay 2", "Bay 10"]
        assert [bay.name for bay in walk.bays] == ["Bay 2", "Bay 10"]
        assert worth.availability == 0.5
        first = worth.gaps.to_do[0]
        assert first.gap.loss_per_hour == 200
        assert first.lost == pytest.approx(100)
        assert worth.gaps.loss_per_hour == {"EUR": 240.0}


def test_what_cannot_be_filled_or_sleeps_is_not_to_do(
    any_database: Database, aisles: list[str]
) -> None:
    with any_database.sessions.begin() as session:
        line = session.scalars(select(Line).where(Line.key == aisles[0])).one()
        dear, cheap = load_shelves(session, line, NOW).gaps.to_do
        gap_work.not_workable(session, dear.discrepancy.id, "supplier", SOON, "ada", now=NOW)
        snoozing.snooze(session, cheap.discrepancy.id, SOON, "ada", now=NOW)
    with any_database.reads() as session:
        line = session.scalars(select(Line).where(Line.key == aisles[0])).one()
        gaps = load_shelves(session, line, NOW).gaps
        assert (gaps.to_do, gaps.done) == ([], [])
        assert [each.station_name for each in gaps.unworkable] == ["Bay 10"]
        assert [each.station_name for each in gaps.snoozed] == ["Bay 2"]
        assert gaps.changes_at() == SOON
        later = load_shelves(session, line, SOON + timedelta(seconds=1)).gaps
        assert len(later.to_do) == 2


def test_a_store_has_its_aisles_and_a_walk_goes_through_them(
    any_database: Database, aisles: list[str]
) -> None:
    with any_database.reads() as session:
        line = session.scalars(select(Line).where(Line.key == aisles[0])).one()
        lines = aisles_of(session, line.site_id)
        assert [each.key for each in lines] == aisles
        store = load_store(session, line.site, lines, NOW)
        assert [(each.line.name, each.to_do) for each in store.aisles] == [
            ("Aisle 3", 2),
            ("Aisle 4", 1),
        ]
        assert store.available == 0.5
        seen, gap_id = [], None
        for _ in range(3):
            walk = load_walk(session, line.site, lines, gap_id, NOW)
            assert walk.current is not None
            seen.append((walk.current.line.name, walk.current.station_name))
            gap_id = walk.next.discrepancy.id if walk.next else None
        assert seen == [("Aisle 3", "Bay 2"), ("Aisle 3", "Bay 10"), ("Aisle 4", "Bay 1")]
        # At the end one turns round.
        assert walk.next is not None
        assert walk.next.station_name == "Bay 2"


def test_a_walk_goes_on_where_a_gap_has_closed(any_database: Database, aisles: list[str]) -> None:
    with any_database.sessions.begin() as session:
        line = session.scalars(select(Line).where(Line.key == aisles[0])).one()
        lines = aisles_of(session, line.site_id)
        middle = load_walk(session, line.site, lines, None, NOW).next
        assert middle is not None
        gap_work.false_call(session, middle.discrepancy.id, "ada")
        walk = load_walk(session, line.site, lines, middle.discrepancy.id, NOW)
        assert walk.current is None
        assert walk.closed is not None
        assert walk.previous is not None
        assert walk.next is not None
        assert (walk.previous.station_name, walk.next.station_name) == ("Bay 2", "Bay 1")


def test_the_last_days_of_a_shelf(any_database: Database, aisles: list[str]) -> None:
    now = datetime(2026, 7, 15, 12, tzinfo=UTC)
    with any_database.sessions.begin() as session:
        line = session.scalars(select(Line).where(Line.key == aisles[1])).one()
        camera = line.stations[0].cameras[0]
        for day in (0, 1):
            one = factories.decide(
                session, camera, "pass", captured_at=now - timedelta(days=day, minutes=30)
            )
        # Half an hour of the one hour in which anybody looked yesterday, two of four facings.
        yesterday = now - timedelta(days=1)
        factories.make_discrepancy(
            session,
            one,
            kind="out_of_stock",
            place="A1",
            state="resolved",
            opened_at=yesterday - timedelta(minutes=30),
            closed_at=yesterday,
        )
        history = load_history(session, line, now)
        shares = [day.share.available for day in history.days.days]
        assert shares[-2:] == [pytest.approx(0.75), 1.0]
        assert shares[:-2] == [None] * 12
        assert (history.filled, history.median) == (1, timedelta(minutes=30))
        (worst,) = history.worst
        assert (worst.name, worst.empty, worst.lost) == ("A1", timedelta(minutes=30), 1.0)
