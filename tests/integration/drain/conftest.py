"""A plant on each kind of database."""

from pathlib import Path

import pytest

from db.engine import Database
from tests.integration.drain.plant import Plant


@pytest.fixture
def plant(any_database: Database, tmp_path: Path) -> Plant:
    return Plant(any_database, tmp_path)
