"""Where training images come from: a COCO folder, or the project's own drawing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inspection.drawing.dataset import write_coco
from inspection.model_folder import TrainingData, sha256_of
from workers.labelled_images import DRAWN
from workers.training.dataset import Record, read_coco

VALIDATION_SEED = 900_001
VALIDATION_IMAGES = 250
# Without a folder of its own, one image in ten of a data set is for validation.
HELD_OUT = 10

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Source:
    """What a run trains and validates on.

    Attributes:
        upright: the scenes have an up, so they are not turned in augmentation.
    """

    classes: tuple[str, ...]
    training: list[Record]
    validation: list[Record]
    data: tuple[TrainingData, ...]
    upright: bool


class TrainingDataError(Exception):
    """A data source that cannot be trained on."""


def open_source(given: str, work: Path, images: int, seed: int, report: Report) -> Source:
    """The source named by `drawn:surfaces`, `drawn:shelves` or the path of a COCO folder.

    Drawn images are kept under work and drawn again only if they are not all there.

    Raises:
        TrainingDataError: an unknown kind, a folder without annotations.json, no images.
    """
    if given.startswith("drawn:"):
        return _drawn(given.removeprefix("drawn:"), work, images, seed, report)
    folder = Path(given)
    if not (folder / "annotations.json").is_file():
        raise TrainingDataError(f"{given} holds no annotations.json (COCO); or give drawn:surfaces")
    classes, records = read_coco(folder)
    if not any(record.annotations for record in records):
        raise TrainingDataError(f"{given} has no annotated image")
    own = folder / "validation"
    if (own / "annotations.json").is_file():
        validation = read_coco(own)[1]
        training = records
    else:
        validation = records[::HELD_OUT]
        training = [record for place, record in enumerate(records) if place % HELD_OUT]
    data = TrainingData(
        name=folder.name,
        sha256=sha256_of(folder / "annotations.json"),
        images=len(training),
        licence="unstated",
    )
    return Source(classes, training or records, validation, (data,), upright=False)


def _drawn(kind: str, work: Path, images: int, seed: int, report: Report) -> Source:
    if kind not in DRAWN:
        raise TrainingDataError(f"nothing draws {kind!r}; expected one of {sorted(DRAWN)}")
    draw, classes = DRAWN[kind]
    # A validation set of a tenth is enough for a small trial; a real one has 250.
    held_out = max(2, min(VALIDATION_IMAGES, images // HELD_OUT))
    folders = []
    for part, count, part_seed in (
        ("training", images, seed + 1),
        ("validation", held_out, VALIDATION_SEED + seed),
    ):
        folder = work / f"{kind}-{part}-{count}-{part_seed}"
        if not (folder / "annotations.json").is_file():
            write_coco(
                folder,
                draw,
                classes,
                count,
                part_seed,
                progress=_counter(report, f"drawing {part} images", count),
            )
        folders.append(folder)
    data = TrainingData(
        name=f"drawn:{kind} seed {seed + 1}",
        sha256=sha256_of(folders[0] / "annotations.json"),
        images=images,
        licence="drawn by Lineside, Apache-2.0",
    )
    training, validation = (read_coco(folder)[1] for folder in folders)
    return Source(classes, training, validation, (data,), upright=kind == "shelves")


def _counter(report: Report, stage: str, total: int) -> Callable[[int], None]:
    return lambda done: report(stage, done, total)
