"""A migrated SQLite database of its own for every test: a copy of one that is made once."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import migrate
from db.engine import Database, connect


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "lineside.sqlite3"
    database = connect(f"sqlite:///{path}")
    migrate.upgrade(database.engine)
    database.dispose()  # the last connection that closes puts the log into the file
    return path


@pytest.fixture
def database(empty_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "lineside.sqlite3"
    shutil.copyfile(empty_sqlite, path)
    database = connect(f"sqlite:///{path}")
    yield database
    database.dispose()
