"""The process that trains: `python -m workers.trainer.training_process RUN_FOLDER/job.json`.

It ends at the next step after SIGTERM, and at once where its trainer is gone, whatever killed it:
then the pipe that is its standard input comes to its end.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import traceback
from dataclasses import replace
from pathlib import Path
from types import FrameType

from inspection.training_request import INSTALL
from workers.trainer.job import DONE, FAILED, STOPPED, Job, Outcome

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What others' libraries say of it in words alone.
_NO_ROOM_WORDS = ("No space left", "File too large", "Disk quota exceeded")
_NO_MEMORY_WORDS = ("out of memory", "can't allocate memory", "not enough memory")
# Of a run of so many steps a checkpoint is written at least so many times.
_CHECKPOINTS = 20
_MOST_BETWEEN = 50


class Stopped(Exception):
    """Somebody asked it to stop."""


def main(job_path: Path) -> int:
    """Train as the job says and write how it ended; the exit status is 0 where it could."""
    job, outcome_path = Job.load(job_path), job_path.with_name("outcome.json")
    os.nice(job.nice)
    threading.Thread(target=_end_with_the_trainer, name="trainer", daemon=True).start()
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _train(job, stop)
        outcome = Outcome(DONE)
    except Stopped:
        outcome = Outcome(STOPPED)
    except Exception as error:  # noqa: BLE001 - outermost: whatever a library raises ends the run
        traceback.print_exc()
        outcome = Outcome(FAILED, reason_of(error))
    outcome.save(outcome_path)
    return 0


def _train(job: Job, stop: threading.Event) -> None:
    from workers.networks.catalogue import find_network
    from workers.training.data_sources import SourceOptions
    from workers.training.loop import Plan
    from workers.training.run import TrainingOptions, network_plan, run_training

    entry = find_network(job.network)
    plan = network_plan(
        entry,
        Plan(
            steps=job.steps,
            time_budget_s=None if job.steps is not None else job.budget_s,
            seed=job.seed,
            # A process that reads images would take the core that is left to inspection.
            loader_processes=1 if job.threads > 1 else 0,
        ),
        job.init,
    )
    plan = replace(
        plan,
        crop_batch=job.batch or plan.crop_batch,
        full_batch=max(1, job.batch // 2) if job.batch else plan.full_batch,
        crop_px=job.crop_px or plan.crop_px,
        peak_rate=job.rate or plan.peak_rate,
    )
    if job.steps is not None:
        plan = replace(
            plan,
            chunk_steps=max(1, min(plan.chunk_steps, job.steps // _CHECKPOINTS, _MOST_BETWEEN)),
            # A short run that warms up for most of it would hardly learn.
            warm_up_steps=max(1, min(plan.warm_up_steps, job.steps // 10)),
        )
    options = TrainingOptions(
        source=SourceOptions(job.data, form="coco", instances=entry.task.startswith("instance")),
        out=Path(job.out),
        network=entry,
        plan=plan,
        encoder=job.encoder,
        init=job.init,
        input_px=job.input_px,
        device=job.device,
        threads=job.threads,
        resume=job.resume,
        command=job.command,
    )

    def report(_stage: str, _done: int, _total: int) -> None:
        if stop.is_set():
            raise Stopped

    run_training(options, report, lambda line: print(line, flush=True))  # noqa: T201 - the log


def reason_of(error: Exception) -> str:
    """Why a run failed, for the person who asked for it."""
    text = str(error) or type(error).__name__
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is not installed here: {INSTALL}"
    if getattr(error, "errno", None) in _NO_ROOM or any(word in text for word in _NO_ROOM_WORDS):
        return (
            "the disk is full, or the file is larger than it may be: the last checkpoint is "
            f"whole; make room, then resume ({text})"
        )
    if isinstance(error, MemoryError) or any(word in text.lower() for word in _NO_MEMORY_WORDS):
        return f"memory ran out: take a smaller batch or crop ({text.splitlines()[0]})"
    if isinstance(error, (FloatingPointError, FileNotFoundError)) or _is_ours(error):
        return text
    return f"{type(error).__name__}: {text}"


def _is_ours(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in ("inspection", "workers", "db")


def _end_with_the_trainer() -> None:
    # Past Python's buffer, whose lock the interpreter would wait for at its end.
    while os.read(0, 1):
        pass
    os._exit(75)


if __name__ == "__main__":
    status = main(Path(sys.argv[1]))
    sys.stdout.flush()
    # Nothing is left to be done, and threads of native libraries have hung at the end before.
    os._exit(status)
