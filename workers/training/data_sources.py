"""Where training images come from: a labelled data set, or the project's own drawing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from inspection.datasets import (
    Annotation,
    Dataset,
    LabelledFile,
    open_dataset,
    read_mask,
)
from inspection.datasets.splitting import Copies, find_copies, split_dataset
from inspection.detections import InstanceMask
from inspection.drawing.dataset import write_coco
from inspection.model_folder import sha256_of
from inspection.model_manifest import TrainingData
from inspection.rle import encode
from workers.labelled_images import DRAWN

VALIDATION_SEED = 900_001
VALIDATION_IMAGES = 250
# Without a set of its own, one image in ten of a data set is for validation.
HELD_OUT = 10
# Larger sets are not searched for copies: every image would be read twice before it begins.
COMPARED_IMAGES = 3000
VALIDATION_PARTS = ("valid", "validation", "val")
TEST_PARTS = ("test", "testing")

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """Which data, as the command line gives it.

    Attributes:
        data: `drawn:surfaces`, `drawn:shelves` or the path of a labelled data set.
        form: one of `inspection.datasets.FORMS`; None recognises it.
        classes: of the labels; None takes all.
        validation: a data set of its own to validate on.
        group: a regular expression on the image's name without its ending; what it finds (its
            first group, if it has one) names the group of images that stay together.
        images: how many to draw.
        instances: touching regions of a class are told apart where the labels do not.
    """

    data: str
    form: str | None = None
    classes: tuple[str, ...] | None = None
    validation: Path | None = None
    group: str | None = None
    images: int = 5000
    instances: bool = True


@dataclass(frozen=True, slots=True)
class Source:
    """What a run trains and validates on.

    Attributes:
        upright: the scenes have an up, so they are not turned in augmentation.
        instances: an annotation is an instance, not all that is of a class in an image.
    """

    classes: tuple[str, ...]
    training: list[LabelledFile]
    validation: list[LabelledFile]
    data: tuple[TrainingData, ...]
    upright: bool
    instances: bool = True


class TrainingDataError(Exception):
    """A data source that cannot be trained on."""


def open_source(options: SourceOptions, work: Path, seed: int, report: Report) -> Source:
    """The training and validation images that the options name.

    Drawn images are kept under work and drawn again only if they are not all there.

    Raises:
        TrainingDataError: an unknown kind, no annotated image, nothing left for one part.
        DatasetError: a data set that cannot be read as it is.
    """
    if options.data.startswith("drawn:"):
        return _drawn(options.data.removeprefix("drawn:"), work, options.images, seed, report)
    dataset = open_dataset(Path(options.data), options.form, options.classes)
    if not any(file.annotations for file in dataset.files):
        raise TrainingDataError(f"{options.data}: no-labels: no image has an annotation")
    own = options.validation or _own_validation(dataset.root)
    if own is not None:
        other = open_dataset(own, options.form, dataset.classes)
        training, validation = list(dataset.files), list(other.files)
    else:
        training, validation = hold_out(dataset, options.group, seed, report)
    if options.instances and not dataset.instances:
        training, validation = (
            [tell_apart(file) for file in part] for part in (training, validation)
        )
    data = TrainingData(
        name=dataset.name, sha256=dataset.sha256, images=len(training), licence="unstated"
    )
    return Source(
        class_names(dataset.classes),
        training,
        validation,
        (data,),
        upright=False,
        instances=dataset.instances or options.instances,
    )


def hold_out(
    dataset: Dataset, pattern: str | None, seed: int, report: Report
) -> tuple[list[LabelledFile], list[LabelledFile]]:
    """Training and validation files: as the set says by its folders, else a seeded tenth.

    Images of one group stay together, and so do copies, since they look alike; each class gives
    its share. Where labels tell only pixels, groups are the folders of classes and are split.

    Raises:
        TrainingDataError: a name in which the pattern finds nothing.
        DatasetError: too few images or groups to have both parts.
    """
    said = [file for file in dataset.files if file.part in VALIDATION_PARTS]
    left = [f for f in dataset.files if f.part not in (*VALIDATION_PARTS, *TEST_PARTS)]
    if said:
        return left, said
    whole = replace(dataset, files=tuple(left))

    def group_of(file: LabelledFile) -> str | None:
        if pattern is not None:
            found = re.search(pattern, file.path.stem)
            if found is None:
                raise TrainingDataError(
                    f"{file.path}: no-group: --group {pattern!r} finds nothing in its name"
                )
            return found[1] if found.re.groups else found[0]
        return (file.group or None) if dataset.instances else None

    copies: list[Copies] = []
    if len(left) <= COMPARED_IMAGES:
        copies = find_copies(whole, lambda done: report("looking for copies", done, len(left)))
    shares = {"training": 1 - 1 / HELD_OUT, "validation": 1 / HELD_OUT}
    parts = split_dataset(whole, shares, group_of, copies, seed).parts
    return list(parts["training"].files), list(parts["validation"].files)


def class_names(given: Sequence[str]) -> tuple[str, ...]:
    """Names as recipes write them: lower case letters, digits, - and _.

    Raises:
        TrainingDataError: two of them become the same.
    """
    names = tuple(
        re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_") or "class" for name in given
    )
    if len(set(names)) != len(names):
        raise TrainingDataError(f"classes {list(given)} become {list(names)}: rename one of them")
    return names


def _own_validation(root: Path) -> Path | None:
    own = root / "validation"
    return own if (own / "annotations.json").is_file() else None


def tell_apart(file: LabelledFile) -> LabelledFile:
    """Each connected region of a class as an instance of its own."""
    annotations = []
    for annotation in file.annotations:
        mask = read_mask(annotation, file.size_wh)
        if not mask.area_px:
            continue
        count, labels = cv2.connectedComponents(mask.bits.astype(np.uint8), connectivity=8)
        for label in range(1, count):
            part = InstanceMask.from_frame(labels == label)
            placed = InstanceMask(part.bits, part.x0 + mask.x0, part.y0 + mask.y0)
            annotations.append(Annotation(annotation.class_index, encode(placed, file.size_wh)))
    return replace(file, annotations=tuple(annotations))


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
    training, validation = (list(open_dataset(folder, "coco", classes).files) for folder in folders)
    return Source(classes, training, validation, (data,), upright=kind == "shelves")


def _counter(report: Report, stage: str, total: int) -> Callable[[int], None]:
    return lambda done: report(stage, done, total)
