"""What a training beside the line costs it: latency of verdicts with one and without, in turns."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from db.queries.training_runs import RunProgress
from inspection.drawing.dataset import write_coco
from inspection.drawing.surfaces import CLASSES, draw_surface
from lineside.bench import pipeline
from lineside.bench.plant import Plant, PlantFailed
from workers.trainer.job import Job, Outcome, RunFolder
from workers.trainer.progress import ProgressReader
from workers.trainer.settings import TrainerSettings

_IMAGES, _SIDE_PX = 24, 320
_FIRST_STEP_S = 180.0
# More than any turn takes: it is ended, not waited for.
_STEPS = 1_000_000


def draw_data(folder: Path) -> None:
    """The drawn surfaces that are trained on."""
    size_wh = (_SIDE_PX, _SIDE_PX)
    write_coco(folder, lambda rng: draw_surface(rng, size_wh), CLASSES, _IMAGES, seed=7)


def measure(plant: Plant, folder: Path, seconds: float, turns: int) -> list[dict[str, Any]]:
    """Figures of the pipeline, in turns without and with a training process as the trainer's.

    Raises:
        PlantFailed: a process has ended, the training one too.
    """
    found = []
    for turn in range(turns):
        found.append({"training": False} | pipeline.measure(plant, seconds))
        with _training(folder / f"run-{turn}", folder / "drawn") as steps:
            before = steps()
            figures = pipeline.measure(plant, seconds)
            found.append({"training": True, "training_steps": steps() - before} | figures)
    return found


@contextlib.contextmanager
def _training(root: Path, data: Path) -> Iterator[Any]:
    """A training process as `lineside trainer` starts it; gives what counts its steps."""
    settings, run = TrainerSettings(), RunFolder(root, "beside")
    run.root.mkdir(parents=True)
    Job(
        data=str(data),
        out=str(run.model),
        network="mask-rcnn-light",
        encoder=None,
        init="none",
        steps=_STEPS,
        budget_s=None,
        seed=0,
        input_px=_SIDE_PX,
        batch=4,
        rate=None,
        crop_px=None,
        device=settings.device,
        threads=settings.resolved_threads,
        nice=settings.nice,
        resume=False,
        command="lineside bench training",
    ).save(run.job)
    reader = ProgressReader(run.work / "log.jsonl", run.log, _STEPS, None)

    def steps() -> int:
        progress: RunProgress = reader.read()
        return progress.step

    with run.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "workers.trainer.training_process", str(run.job)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _FIRST_STEP_S
        while steps() == 0:
            if process.poll() is not None or time.monotonic() > deadline:
                outcome = Outcome.load(run.outcome)
                raise PlantFailed(f"nothing is trained: {outcome.reason if outcome else 'late'}")
            time.sleep(0.5)
        yield steps
    finally:
        process.kill()
        process.wait()
