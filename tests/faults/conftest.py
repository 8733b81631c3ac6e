"""A plant on each kind of database, with servers that a test may kill."""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from db import migrate
from db.engine import connect
from tests.faults.plant import Plant
from tests.servers import PostgresServer, running_postgres, running_redis

HERE = Path(__file__).parent

# Another seed for every run, and the same one again by FAULTS_SEED.
SEED = int(os.environ.get("FAULTS_SEED", random.SystemRandom().randrange(10**6)))


def pytest_report_header() -> str:
    return f"faults: FAULTS_SEED={SEED}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Processes start and die by the dozen here, which takes long where others use the cores."""
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def mortal_postgres() -> Iterator[PostgresServer]:
    """A server of these tests alone, which they stop and start again."""
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def new_plant(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Plant]]:
    """Makes a plant: `new_plant(lease_s=…, fence="off")`. Its processes end with the test."""
    print(f"FAULTS_SEED={SEED}")
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("mortal_postgres")
        url = server.new_database()
    else:
        url = f"sqlite:///{tmp_path / 'lineside.sqlite3'}"
        database = connect(url)
        migrate.upgrade(database.engine)
        database.dispose()
    with ExitStack() as stack:

        def make(**values: object) -> Plant:
            redis = stack.enter_context(running_redis())
            plant = Plant(tmp_path, url, redis, SEED, **values)
            stack.callback(plant.close)
            return plant

        yield make
