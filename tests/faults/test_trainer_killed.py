"""A trainer that is killed with all that it has started: its run goes on from its checkpoint."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("torch")

from db import migrate
from db.bell import TRAIN_QUEUE
from db.engine import Database, connect
from db.frames import open_store
from db.models import RegisteredModel, TrainingRun
from db.queries import training_runs
from db.queries.snapshots import SnapshotQuery
from db.snapshot_freezing import freeze
from inspection.training_request import TrainingRequest
from services.bell import Bell
from services.sweeper.loop import sweep
from tests import factories
from tests.labelled import draw_labelled
from tests.servers import RedisServer, wait_until
from workers.trainer.job import RunFolder
from workers.training.checkpoint import read_progress

PATIENCE_S = 240


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = connect(f"sqlite:///{tmp_path / 'lineside.sqlite3'}")
    migrate.upgrade(database.engine)
    yield database
    database.dispose()


def start_trainer(folder: Path, redis: RedisServer) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "LINESIDE_DATA_DIR": str(folder),
        "LINESIDE_REDIS_URL": redis.url,
        "LINESIDE_TRAINER_LEASE_S": "5",
        "LINESIDE_TRAINER_NICE": "0",  # other tests run beside it
    }
    for name in ("LINESIDE_DATABASE_URL", "LINESIDE_RUN_DIR", "LINESIDE_MODELS_DIR"):
        environment.pop(name, None)
    return subprocess.Popen(
        [sys.executable, "-m", "lineside", "trainer"],
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def test_a_killed_trainers_run_is_taken_up_and_done(
    database: Database, tmp_path: Path, redis_server: RedisServer
) -> None:
    store = open_store(str(tmp_path / "frames"), min_free_bytes=0)
    with database.sessions.begin() as session:
        draw_labelled(session, store, factories.make_station(session), 8)
    snapshot = freeze(database, store, SnapshotQuery(shares=(0.6, 0.4, 0.0)), by="Ada")
    request = TrainingRequest(
        network="pspnet", encoder="light", steps=4000, batch=2, crop_px=64, name="small"
    )
    with database.sessions.begin() as session:
        run_id = training_runs.ask(session, snapshot.id, request, by="Ada").id

    def row() -> TrainingRun:
        with database.reads() as session:
            return training_runs.get(session, run_id)

    folder = RunFolder(tmp_path / "training" / f"run-{run_id}", "small")
    bell = Bell(redis_server.url)
    trainer = start_trainer(tmp_path, redis_server)
    try:
        bell.ring(TRAIN_QUEUE)
        wait_until(folder.checkpoint.is_file, PATIENCE_S, "no checkpoint was written")
        wait_until(lambda: row().step > 0, PATIENCE_S, "no progress was told")
        assert _trains(folder)
        # The consumer and its pool child; the training process is in a session of its own, and
        # ends because they have.
        os.killpg(trainer.pid, signal.SIGKILL)
        trainer.wait()
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(trainer.pid, signal.SIGKILL)
        raise
    wait_until(lambda: not _trains(folder), 30, "the training process outlives its trainer")
    assert row().state == "running"
    reached = read_progress(folder.checkpoint).step
    assert reached > 0
    with database.sessions.begin() as session:
        run = training_runs.get(session, run_id)
        run.options = {**run.options, "steps": reached + 2}

    trainer = start_trainer(tmp_path, redis_server)
    try:
        # The sweeper alone rings: the bell was heard, and whoever heard it is dead.
        def rung_and_done() -> bool:
            sweep(database, bell.ring)
            return row().state in training_runs.OVER

        wait_until(rung_and_done, PATIENCE_S, "nobody took the run up")
    finally:
        trainer.terminate()
        trainer.wait(60)
        bell.close()
    run = row()
    assert (run.state, run.reason, run.step, run.token) == ("done", "", reached + 2, 2)
    with database.reads() as session:
        assert session.get_one(RegisteredModel, run.model_id).name == "small"


def _trains(folder: RunFolder) -> bool:
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(folder.job) in (entry / "cmdline").read_bytes().decode().split("\0"):
                return True
    return False
