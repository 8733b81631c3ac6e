"""Real servers, started when the first test asks for them, and databases on both kinds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db import migrate
from db.engine import Database, connect
from tests.servers import PostgresServer, RedisServer, running_postgres, running_redis


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def redis_server(shared_redis: RedisServer) -> RedisServer:
    """A running Redis with nothing in it. A test may empty it, but not stop it."""
    with shared_redis.client() as client:
        client.flushall()
    return shared_redis


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL: ask it for a `new_database()`. A test may not stop it."""
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def any_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database of its own, once on SQLite and once on PostgreSQL."""
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        return server.new_database()
    url = f"sqlite:///{tmp_path / 'lineside.sqlite3'}"
    database = connect(url)
    migrate.upgrade(database.engine)
    database.dispose()
    return url


@pytest.fixture
def any_database(any_database_url: str) -> Iterator[Database]:
    database = connect(any_database_url)
    yield database
    database.dispose()
