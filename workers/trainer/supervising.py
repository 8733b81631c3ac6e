"""One run from its row to a registered model: the trainer's side, which imports no torch.

It exports the snapshot, starts the training process, tells the row how far that is, and at the
end puts the model where workers find it. The row's token is its right to write.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.engine import Database
from db.errors import DomainError
from db.frames import FrameStore
from db.queries import registry, training_runs
from db.queries.training_runs import CANCELLED, CANCELLING, DONE, FAILED, RunProgress, Taken
from db.snapshot_export import ANNOTATIONS, read_content, write_folder
from inspection.model_folder import ModelFolderError, find_model
from inspection.training_request import INITS
from workers.trainer import job as jobs
from workers.trainer.job import Job, Outcome, RunFolder
from workers.trainer.progress import ProgressReader
from workers.trainer.publishing import publish

_log = structlog.get_logger()

_LOOK_S = 0.5  # at whether the process has ended
_BEAT_S = 3.0
_PATIENCE_S = 30.0  # of a process that was asked to stop: a step of a large network, at most
BUDGET_S = 3600.0  # where neither steps nor a budget were asked for
WEIGHTS = "weights.safetensors"

Argv = Sequence[str]


class RunLost(Exception):
    """The run is no longer this trainer's."""


class RunCancelled(Exception):
    """Somebody cancelled the run."""


class WorkerStopping(Exception):
    """This trainer was told to end."""


class RunFailed(Exception):
    """Why a run cannot go on, for the person who asked for it."""


@dataclass(frozen=True)
class TrainerPlace:
    """What a trainer works with.

    Attributes:
        root: where runs lie.
        models_dir: where models are put, and looked for first.
        launch: what stands before the training process's own command; empty but in tests.
    """

    database: Database
    store: FrameStore
    root: Path
    models_dir: Path
    device: str
    threads: int
    nice: int
    lease_s: float
    stop: threading.Event
    beat_s: float = _BEAT_S
    launch: Argv = ()

    def folder(self, taken: Taken) -> RunFolder:
        return RunFolder(self.root / f"run-{taken.run_id}", taken.name)


def do_run(place: TrainerPlace, taken: Taken) -> None:
    """Do a run that was taken up, to whichever end. Never raises for what is wrong with it."""
    keeper = _Keeper(place, taken)
    _log.info("training.begun", run_id=taken.run_id, token=taken.token)
    try:
        _export(place, taken, keeper)
        _train(place, taken, keeper)
        _publish(place, taken, keeper)
    except RunLost:
        _log.warning("training.lost", run_id=taken.run_id)
    except RunCancelled:
        _finish(place, taken, CANCELLED)
    except WorkerStopping:
        with place.database.sessions.begin() as session:
            training_runs.give_back(session, taken)
    except (RunFailed, DomainError, ModelFolderError) as error:
        _finish(place, taken, FAILED, str(error))
    except SQLAlchemyError as error:
        # The lease runs out, and whoever takes the run up goes on from its checkpoint.
        _log.warning("training.database_away", run_id=taken.run_id, error=str(error))
    except OSError as error:
        _finish(place, taken, FAILED, f"{place.root} cannot be written: {error}")


class _Keeper:
    """Renews the lease as the work goes on, and says when it is to end."""

    def __init__(self, place: TrainerPlace, taken: Taken) -> None:
        self._place, self._taken = place, taken
        self._at = self._renewed = time.monotonic()

    def __call__(self, progress: Callable[[], RunProgress] | None = None) -> None:
        """Beat where it is time to.

        Raises:
            RunLost, RunCancelled, WorkerStopping: why the work ends here.
        """
        place = self._place
        if place.stop.is_set():
            raise WorkerStopping
        now = time.monotonic()
        if now - self._at < min(place.beat_s, place.lease_s / 3):
            return
        self._at = now
        try:
            told = None if progress is None else progress()
            with place.database.sessions.begin() as session:
                state = training_runs.beat(session, self._taken, told, place.lease_s)
        except SQLAlchemyError as error:
            if now - self._renewed > place.lease_s:
                raise RunLost from error
            _log.warning("training.not_told", run_id=self._taken.run_id, error=str(error))
            return
        self._renewed = now
        if state is None:
            raise RunLost
        if state == CANCELLING:
            raise RunCancelled


def _export(place: TrainerPlace, taken: Taken, keeper: _Keeper) -> None:
    """The snapshot's images and labels on disk, once."""
    folder = place.folder(taken).data
    if (folder / ANNOTATIONS).is_file():
        return
    content = read_content(place.database, taken.snapshot_id)
    write_folder(content, place.store, folder, lambda _done, _total: keeper())


def _train(place: TrainerPlace, taken: Taken, keeper: _Keeper) -> None:
    folder = place.folder(taken)
    folder.outcome.unlink(missing_ok=True)
    job = make_job(place, taken)
    job.save(folder.job)
    reader = ProgressReader(folder.work / "log.jsonl", folder.log, job.steps, job.budget_s)
    with folder.log.open("ab") as words:
        process = _start(place, folder, words)
        try:
            while process.poll() is None:
                keeper(reader.read)
                _wait(process, _LOOK_S)
        except (RunCancelled, WorkerStopping):
            _ask_to_stop(process)
            raise
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    with place.database.sessions.begin() as session:
        if training_runs.beat(session, taken, reader.read(), place.lease_s) is None:
            raise RunLost
    outcome = Outcome.load(folder.outcome) or Outcome(jobs.FAILED, _killed(process.returncode))
    if outcome.state == jobs.FAILED:
        raise RunFailed(outcome.reason)
    if outcome.state == jobs.STOPPED:
        # By somebody at this host's own shell.
        raise RunFailed("the training process was told to stop; resume goes on from its checkpoint")


def make_job(place: TrainerPlace, taken: Taken) -> Job:
    """What the training process is told.

    Raises:
        ModelFolderError: the model to begin with is not here.
        RunFailed: it has no weights.
    """
    folder, options = place.folder(taken), taken.options
    steps = options.get("steps")
    given = {
        "--network": taken.network,
        "--encoder": taken.encoder or None,
        "--init": taken.init,
        "--steps": steps,
        "--budget": options.get("budget_s"),
        "--seed": options.get("seed"),
    }
    asked = " ".join(f"{name} {value}" for name, value in given.items() if value is not None)
    return Job(
        data=str(folder.data),
        out=str(folder.model),
        network=taken.network,
        encoder=taken.encoder or None,
        init=_weights(place, taken.init),
        steps=steps,
        budget_s=None if steps else options.get("budget_s") or BUDGET_S,
        seed=options.get("seed") or 0,
        input_px=options.get("input_px") or 512,
        batch=options.get("batch"),
        rate=options.get("rate"),
        crop_px=options.get("crop_px"),
        device=place.device,
        threads=place.threads,
        nice=place.nice,
        resume=folder.checkpoint.is_file(),
        command=f"lineside training-runs start --snapshot {taken.snapshot_id} {asked}",
    )


def _weights(place: TrainerPlace, init: str) -> str:
    if init in INITS:
        return init
    path = find_model(init, [place.models_dir]) / WEIGHTS
    if not path.is_file():
        raise RunFailed(f"the model {init} has no {WEIGHTS} to begin with")
    return str(path)


def _start(place: TrainerPlace, folder: RunFolder, words: IO[bytes]) -> subprocess.Popen[bytes]:
    argv = [*place.launch, sys.executable, "-m", "workers.trainer.training_process"]
    threads = str(place.threads)
    return subprocess.Popen(
        [*argv, str(folder.job)],
        # Its end tells the process that this one is gone, however it went.
        stdin=subprocess.PIPE,
        stdout=words,
        stderr=words,
        # A Ctrl-C at the terminal is for this process, which then asks that one to stop.
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
    )


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _ask_to_stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    _wait(process, _PATIENCE_S)


def _killed(status: int) -> str:
    if status == -9:
        return (
            "the training process was killed (signal 9), most likely because memory ran out: take "
            "a smaller batch or crop, then resume"
        )
    return f"the training process ended with status {status}; its log says more"


def _publish(place: TrainerPlace, taken: Taken, keeper: _Keeper) -> None:
    model = publish(place.folder(taken).model, place.models_dir)
    with place.database.sessions.begin() as session:
        # Fenced first, so that a model is never registered twice.
        if training_runs.beat(session, taken, None, place.lease_s) is None:
            raise RunLost
        row = registry.register(
            session,
            model,
            source=registry.TRAINED,
            parent_id=training_runs.parent_of(session, taken),
            snapshot_id=taken.snapshot_id,
            by=taken.asked_by,
        )
        training_runs.finish(session, taken, DONE, model_id=row.id)
    _log.info("training.done", run_id=taken.run_id, model=model.name, version=model.version)


def _finish(place: TrainerPlace, taken: Taken, state: str, reason: str = "") -> None:
    _log.info("training.ended", run_id=taken.run_id, state=state, reason=reason)
    with place.database.sessions.begin() as session:
        training_runs.finish(session, taken, state, reason)
