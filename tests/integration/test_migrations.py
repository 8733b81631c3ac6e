import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from db import migrate
from db.base import Base
from db.engine import Database, connect
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
