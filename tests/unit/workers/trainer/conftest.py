"""A trainer's place with a snapshot of drawn pictures, and runs that take seconds."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from db import migrate
from db.engine import Database, connect
from db.frames import FrameStore, open_store
from db.models import DatasetSnapshot, TrainingRun
from db.queries import training_runs
from db.queries.snapshots import SnapshotQuery
from db.snapshot_freezing import freeze
from inspection.training_request import TrainingRequest
from tests import factories
from tests.labelled import draw_labelled
from workers.trainer.supervising import TrainerPlace

# The smallest network there is, on views of 64 px two by two.
SMALL = TrainingRequest(
    network="pspnet", encoder="light", steps=12, batch=2, crop_px=64, name="small"
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = connect(f"sqlite:///{tmp_path / 'lineside.sqlite3'}")
    migrate.upgrade(database.engine)
    yield database
    database.dispose()


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    return open_store(str(tmp_path / "frames"), min_free_bytes=0)


@pytest.fixture
def snapshot(database: Database, store: FrameStore) -> DatasetSnapshot:
    with database.sessions.begin() as session:
        draw_labelled(session, store, factories.make_station(session), 8)
    shares = (0.6, 0.4, 0.0)
    return freeze(database, store, SnapshotQuery(shares=shares), name="drawn", by="Ada")


@pytest.fixture
def place(database: Database, store: FrameStore, tmp_path: Path) -> TrainerPlace:
    return TrainerPlace(
        database=database,
        store=store,
        root=tmp_path / "training",
        models_dir=tmp_path / "models",
        device="cpu",
        threads=1,
        nice=0,  # other tests run beside these
        lease_s=60,
        stop=threading.Event(),
        beat_s=0.1,
    )


@pytest.fixture
def ask(database: Database, snapshot: DatasetSnapshot) -> Callable[..., int]:
    """Asks for a small run, and gives its id."""

    def ask_for(*, installed: tuple[str, ...] = (), **values: Any) -> int:
        with database.sessions.begin() as session:
            request = replace(SMALL, **values)
            run = training_runs.ask(session, snapshot.id, request, installed=installed, by="Ada")
            return run.id

    return ask_for


def run_row(database: Database, run_id: int) -> TrainingRun:
    with database.reads() as session:
        return training_runs.get(session, run_id)
