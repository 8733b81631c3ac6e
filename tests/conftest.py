"""Real servers, started when the first test asks for them, and databases on both kinds."""

import importlib.util
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from db import migrate
from db.engine import Database, connect
from tests.servers import PostgresServer, RedisServer, running_postgres, running_redis

_Report = TypeVar("_Report", pytest.TestReport, pytest.CollectReport)


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With CI set no test is left out: one that would be skipped elsewhere fails there."""
    report = yield
    return _no_skip_in_ci(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _no_skip_in_ci(report)


def _no_skip_in_ci(report: _Report) -> _Report:
    if _needs_detectron2(report):
        return report
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"CI leaves out no test, and this one was skipped: {report.longrepr}"
    return report


def _needs_detectron2(report: pytest.TestReport | pytest.CollectReport) -> bool:
    """Whether a test waits for the one package that CI may lack: nobody publishes it.

    It is skipped there by name (`-ra`), and fails where Detectron2 is and something else is not.
    """
    marked = isinstance(report, pytest.TestReport) and "detectron2" in report.keywords
    return marked and importlib.util.find_spec("detectron2") is None
