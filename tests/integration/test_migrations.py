from datetime import UTC, datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError

from db import migrate
from db.access import Role
from db.base import Base
from db.engine import Database, connect
from db.models import PartArrival, Person
from db.queries import people
from db.queries.people import Grant
from tests import factories
from tests.factories import make_camera
from tests.servers import PostgresServer


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def bare_url(request: pytest.FixtureRequest, tmp_path) -> str:
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        return server.empty_database()
    return f"sqlite:///{tmp_path / 'bare.sqlite3'}"


def test_up_down_and_up_again(bare_url: str) -> None:
    database = connect(bare_url)
    for _ in range(2):
        migrate.upgrade(database.engine)
        tables = set(inspect(database.engine).get_table_names())
        assert tables == set(Base.metadata.tables) | {"alembic_version"}
        with database.engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        migrate.downgrade(database.engine)
        assert set(inspect(database.engine).get_table_names()) == {"alembic_version"}
    database.dispose()


def test_foreign_keys_are_enforced(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        camera_id = make_camera(session).id
    for statement in (
        "UPDATE camera SET station_id = 4711 WHERE id = :id",
        "DELETE FROM station WHERE id = (SELECT station_id FROM camera WHERE id = :id)",
    ):
        with pytest.raises(IntegrityError), any_database.sessions.begin() as session:
            session.execute(text(statement), {"id": camera_id})


def test_when_parts_came_is_known_of_what_was_there_before(any_database: Database) -> None:
    later = datetime(2026, 7, 1, 8, tzinfo=UTC)
    with any_database.sessions.begin() as session:
        camera, part = factories.make_camera(session), factories.make_part(session)
        for hours in (2, 0, 1):
            at = later + timedelta(hours=hours)
            factories.make_acquisition(session, camera, part_id=part.id, captured_at=at)
        factories.make_acquisition(session, camera)
        came = (part.id, camera.station_id, later)
    migrate.downgrade(any_database.engine, "0011")
    migrate.upgrade(any_database.engine)
    with any_database.reads() as session:
        rows = session.execute(
            select(PartArrival.part_id, PartArrival.station_id, PartArrival.first_at)
        ).all()
    assert [tuple(row) for row in rows] == [came]


def test_the_second_factor_goes_again_where_people_have_roles(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        people.create_person(session, "Ada", [Grant(Role.ADMIN)])
    migrate.downgrade(any_database.engine, "0012")
    migrate.upgrade(any_database.engine)
    with any_database.reads() as session:
        person = session.scalars(select(Person)).one()
        assert [grant.role for grant in person.grants] == ["admin"]
