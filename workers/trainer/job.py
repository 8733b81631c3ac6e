"""What the training process is told, and what it says at its end: two JSON files in a run's folder.

The process shares nothing else with its trainer, so that neither's end can harm the other's state.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

DONE, FAILED, STOPPED = "done", "failed", "stopped"


@dataclass(frozen=True)
class Job:
    """One training process.

    Attributes:
        data: folder of the exported snapshot.
        out: the model folder to write; the checkpoint lies in `<out>-run`.
        init: `none`, `imagenet`, `coco`, or a safetensors file.
        nice: added to the priority.
    """

    data: str
    out: str
    network: str
    encoder: str | None
    init: str
    steps: int | None
    budget_s: float | None
    seed: int
    input_px: int
    batch: int | None
    rate: float | None
    crop_px: int | None
    device: str
    threads: int
    nice: int
    resume: bool
    command: str

    def save(self, path: Path) -> None:
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Job:
        return cls(**json.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Outcome:
    """How a training process ended: done, failed or stopped, and why."""

    state: str
    reason: str = ""

    def save(self, path: Path) -> None:
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Outcome | None:
        """None where the process could not say: it was killed."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


@dataclass(frozen=True)
class RunFolder:
    """Where a run's things lie."""

    root: Path
    name: str

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def model(self) -> Path:
        return self.root / "model" / self.name

    @property
    def work(self) -> Path:
        return self.root / "model" / f"{self.name}-run"

    @property
    def checkpoint(self) -> Path:
        return self.work / "checkpoint.safetensors"

    @property
    def job(self) -> Path:
        return self.root / "job.json"

    @property
    def outcome(self) -> Path:
        return self.root / "outcome.json"

    @property
    def log(self) -> Path:
        return self.root / "train.log"


def write_json(path: Path, value: object) -> None:
    """Write a small file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".part")
    fresh.write_text(json.dumps(value), encoding="utf-8")
    fresh.replace(path)
