"""The list of inspections on both databases: every filter, every page, each inspection once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from db.access import NOBODY, Access, acting
from db.engine import Database
from db.models import Camera, Inspection
from db.queries import inspection_lists, reviews
from db.queries.inspection_lists import ListFilter, Place
from db.queries.reviews import ReviewVerdict
from tests import factories
from tests.factories import Found

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def stations(any_database: Database) -> list[int]:
    """Two stations with sixty inspections in turn, a minute apart; every third one failed."""
    with any_database.sessions.begin() as session:
        line = factories.make_line(session)
        cameras = [
            factories.make_camera(session, factories.make_station(session, line)) for _ in range(2)
        ]
        for number in range(60):
            verdict = "fail" if number % 3 == 0 else "pass"
            name = "crack" if number % 2 == 0 else "pit"
            factories.decide(
                session,
                session.get_one(Camera, cameras[number % 2].id),
                verdict,
                captured_at=NOON + timedelta(minutes=number // 2),
                found=[Found(class_name=name)] if verdict == "fail" else [],
            )
        return [camera.station_id for camera in cameras]


def walk(database: Database, wanted: ListFilter, limit: int) -> list[int]:
    """Ids of all pages, and that they end."""
    found: list[int] = []
    before: Place | None = None
    with database.reads() as session:
        for _ in range(100):
            page = inspection_lists.page(session, wanted, before=before, limit=limit)
            found += [row.inspection.id for row in page.rows]
            if page.before is None:
                return found
            assert before is None or page.before < before
            before = page.before
    raise AssertionError("the pages never end")


def expected(database: Database, fits: Callable[[Inspection], bool]) -> list[int]:
    with database.reads() as session:
        rows = [row for row in session.query(Inspection).all() if fits(row)]
    return [row.id for row in sorted(rows, key=lambda row: (row.captured_at, row.id), reverse=True)]


@pytest.mark.parametrize("limit", [1, 7, 60, 200])
def test_every_page_holds_each_once_the_newest_first(
    any_database: Database, stations: list[int], limit: int
) -> None:
    found = walk(any_database, ListFilter(station_ids=stations), limit)
    assert found == expected(any_database, lambda _: True)


def test_every_filter_lets_through_what_it_says(
    any_database: Database, stations: list[int]
) -> None:
    with any_database.sessions.begin() as session:
        fails = [row.id for row in session.query(Inspection).filter_by(verdict="fail")]
        said = [
            reviews.say(session, id_, ReviewVerdict.CONFIRMED, "Ada").review for id_ in fails[:3]
        ]
        reviews.take_back(session, fails[0], said[0].id, "Ada")
        reviews.say(session, fails[5], ReviewVerdict.NOTED, "Ada", note="look again")
    reviewed = set(fails[1:3])

    def both(wanted: ListFilter, fits: Callable[[Inspection], bool]) -> None:
        found = walk(any_database, wanted, 4)
        assert found == expected(any_database, fits)
        assert found

    first = stations[:1]
    both(ListFilter(first), lambda row: row.station_id in first)
    both(ListFilter(stations, verdict="fail"), lambda row: row.verdict == "fail")
    both(
        ListFilter(stations, since=NOON + timedelta(minutes=5), until=NOON + timedelta(minutes=9)),
        lambda row: timedelta(minutes=5) <= row.captured_at - NOON < timedelta(minutes=9),
    )
    both(
        ListFilter(stations, class_name="pit"),
        lambda row: row.verdict == "fail" and row.station_id == stations[1],
    )
    both(ListFilter(stations, reviewed=True), lambda row: row.id in reviewed)
    both(
        ListFilter(stations, verdict="fail", reviewed=False),
        lambda row: row.verdict == "fail" and row.id not in reviewed,
    )
    with any_database.reads() as session:
        model = session.query(Inspection).first()
    assert model is not None
    if model.model_version_id is not None:
        both(
            ListFilter(stations, model_version_id=model.model_version_id),
            lambda row: row.model_version_id == model.model_version_id,
        )


def test_what_no_index_finds_is_looked_for_so_far_back_and_then_further(
    any_database: Database, stations: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection_lists, "_LOOKED_AT", 16)
    monkeypatch.setattr(inspection_lists, "_LEAST_OF_A_STATION", 8)
    wanted = ListFilter(stations, class_name="never seen")
    with any_database.reads() as session:
        page = inspection_lists.page(session, wanted, before=None, limit=5)
    assert page.is_cut
    assert page.rows == []
    assert page.before is not None
    # Eight of each station: two a minute, thirty minutes long.
    assert page.before.at == NOON + timedelta(minutes=22)
    assert walk(any_database, wanted, 5) == []
    pits = walk(any_database, ListFilter(stations, class_name="pit"), 5)
    assert pits == expected(
        any_database, lambda row: row.verdict == "fail" and row.station_id == stations[1]
    )


def test_who_sees_no_line_is_shown_nothing(any_database: Database, stations: list[int]) -> None:
    for access in (NOBODY, Access(None, frozenset({10**6}))):
        with acting(access):
            assert walk(any_database, ListFilter(stations), 10) == []
            assert walk(any_database, ListFilter(stations, class_name="pit"), 10) == []
