"""Who may see one line sees nothing of another, whatever is asked and however."""

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, aliased, selectinload

from db.access import Access, acting
from db.engine import Database
from db.errors import NotFound
from db.models import Acquisition, Camera, Discrepancy, Inspection, Line, Site, Station
from db.queries.stations import get_line, get_station
from tests import factories


@pytest.fixture
def two_lines(any_database: Database) -> tuple[int, int]:
    """Ids of two lines of two sites, each with a station, an inspection and a discrepancy."""
    ids = []
    with any_database.sessions.begin() as session:
        for _ in range(2):
            line = factories.make_line(session)
            camera = factories.make_camera(session, factories.make_station(session, line))
            factories.make_discrepancy(session, factories.decide(session, camera, "fail"))
            ids.append(line.id)
    return ids[0], ids[1]


@pytest.fixture
def mine(any_database: Database, two_lines: tuple[int, int]) -> Iterator[Session]:
    """A session of somebody who may see the first line."""
    with (
        acting(Access(None, frozenset({two_lines[0]}))),
        any_database.sessions.begin() as session,
    ):
        yield session


@pytest.mark.parametrize(
    "entity", [Site, Line, Station, Camera, Acquisition, Inspection, Discrepancy]
)
def test_a_query_sees_one_line(mine: Session, entity: type) -> None:
    assert len(mine.scalars(select(entity)).all()) == 1
    assert mine.scalar(select(func.count()).select_from(entity)) == 1
    assert len(mine.scalars(select(aliased(entity))).all()) == 1


def test_a_key_of_another_line_is_unknown(mine: Session, two_lines: tuple[int, int]) -> None:
    assert get_line(mine, str(two_lines[0])).id == two_lines[0]
    with pytest.raises(NotFound):
        get_line(mine, str(two_lines[1]))
    with pytest.raises(NotFound):
        get_station(mine, str(two_lines[1]))


def test_get_by_id_is_restricted_too(any_database: Database, two_lines: tuple[int, int]) -> None:
    with any_database.reads() as session:
        ids = session.scalars(select(Inspection.id).order_by(Inspection.id)).all()
    with acting(Access(None, frozenset({two_lines[0]}))), any_database.reads() as session:
        assert [session.get(Inspection, each) is None for each in ids] == [False, True]


def test_what_is_loaded_with_a_row_is_restricted(mine: Session) -> None:
    stations = mine.scalars(select(Station).options(selectinload(Station.cameras))).all()
    assert [len(station.cameras) for station in stations] == [1]
    assert mine.scalars(select(Site)).one().lines[0].stations[0].id == stations[0].id


def test_a_subquery_and_a_join_are_restricted(mine: Session) -> None:
    newest = select(func.max(Inspection.id)).scalar_subquery()
    assert mine.scalars(select(Inspection.id).where(Inspection.id == newest)).all() != []
    rows = mine.execute(select(Line.id, Station.id).join(Station)).all()
    assert len(rows) == 1


def test_a_bulk_update_changes_one_line_only(
    any_database: Database, two_lines: tuple[int, int]
) -> None:
    with (
        acting(Access(None, frozenset({two_lines[1]}))),
        any_database.sessions.begin() as session,
    ):
        session.execute(update(Station).values(name="mine"))
    with any_database.reads() as session:
        names = session.scalars(select(Station.name).order_by(Station.id)).all()
    assert [name == "mine" for name in names] == [False, True]


def test_nobody_sees_nothing_and_outside_everything_is_seen(
    any_database: Database, two_lines: tuple[int, int]
) -> None:
    with acting(Access(None, frozenset())), any_database.reads() as session:
        assert session.scalars(select(Line)).all() == []
    with acting(Access(None, None)), any_database.reads() as session:
        assert len(session.scalars(select(Line)).all()) == 2
    with any_database.reads() as session:
        assert len(session.scalars(select(Line)).all()) == 2


def test_a_site_without_lines_is_seen_by_who_has_it(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        site_id = factories.make_site(session).id
        factories.make_site(session)
    with acting(Access(None, frozenset(), frozenset({site_id}))), any_database.reads() as session:
        assert [site.id for site in session.scalars(select(Site))] == [site_id]
