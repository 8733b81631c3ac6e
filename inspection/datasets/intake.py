"""Labelled pictures from outside, of any form that is known: what is good, and what is not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from inspection.datasets.drawn_labels import MOST_LABELS, DrawnLabel, check_class
from inspection.datasets.label_faults import BadLabel, read_shape
from inspection.datasets.labels import DatasetError, LabelledFile, Problem, Report
from inspection.datasets.opening import open_dataset
from inspection.image_file import ImageRefused, check_image

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class TakenPicture:
    """A picture that can be kept, with its good labels.

    Attributes:
        suffix: `jpg` or `png`, by what the file holds.
        complete: every label that the source has of it is good.
    """

    path: Path
    sha256: str
    suffix: str
    size_wh: tuple[int, int]
    group: str
    labels: tuple[DrawnLabel, ...]
    complete: bool


def read_pictures(
    source: Path, classes: Collection[str], progress: Progress | None = None
) -> tuple[list[TakenPicture], list[Problem]]:
    """Read a folder or annotation file; pixels are not decoded.

    Args:
        classes: names that a label may have.
        progress: called with (pictures read, of how many).

    Returns:
        What can be kept, and every problem, its path relative to the source.
    """
    told: list[Problem] = []
    try:
        dataset = open_dataset(source, report=told.append)
    except DatasetError as error:
        if error.problem not in told:
            told.append(error.problem)
        return [], _below(source, told)
    left_out = {each.path for each in told if each.severity == "error"}
    taken = []
    for number, file in enumerate(dataset.files, start=1):
        labels = _good_labels(file, dataset.classes, classes, told.append)
        picture = _read(file, told.append)
        if picture is not None and labels is not None:
            complete = len(labels) == len(file.annotations) and file.path not in left_out
            taken.append(replace(picture, labels=tuple(labels), complete=complete))
        if progress is not None:
            progress(number, len(dataset.files))
    return taken, _below(source, told)


def _good_labels(
    file: LabelledFile, names: Sequence[str], classes: Collection[str], tell: Report
) -> list[DrawnLabel] | None:
    """The good labels of a file; None where there are more than a picture has."""
    count = len(file.annotations)
    if count > MOST_LABELS:
        detail = f"has {count} labels, expected at most {MOST_LABELS}"
        tell(Problem(file.path, "too-many-labels", detail))
        return None
    if file.crowd:
        detail = f"{len(file.crowd)} crowd regions are left out: they are no instances"
        tell(Problem(file.path, "crowd", detail, "warning"))
    good = []
    for number, each in enumerate(file.annotations, start=1):
        name = names[each.class_index]
        try:
            check_class(name, classes)
            shape = read_shape(each.segmentation, file.size_wh)
            good.append(DrawnLabel(name, shape, "import"))
        except BadLabel as error:
            detail = f"label {number} of {count} ({name[:100]}) {error.detail}"
            tell(Problem(file.path, error.kind, detail))
    return good


def _read(file: LabelledFile, tell: Report) -> TakenPicture | None:
    """A file as a picture without labels; None once it was told why it is none."""
    try:
        data = file.path.read_bytes()
        header = check_image(data)
    except ImageRefused as error:
        detail = f"is not kept here ({error.detail}), expected a whole JPEG or PNG"
        tell(Problem(file.path, "unreadable-image", detail))
        return None
    except OSError as error:
        tell(Problem(file.path, "unreadable-image", f"cannot be read ({error.strerror})"))
        return None
    suffix = "jpg" if header.kind == "jpeg" else "png"
    sha256 = hashlib.sha256(data).hexdigest()
    group = file.group or f"image-{sha256[:16]}"
    return TakenPicture(file.path, sha256, suffix, file.size_wh, group[:200], (), complete=False)


def _below(source: Path, problems: Sequence[Problem]) -> list[Problem]:
    """Problems whose paths say where in the source it is, and nothing of this host."""
    root = source if source.is_dir() else source.parent
    return [
        replace(each, path=each.path.relative_to(root))
        if each.path.is_relative_to(root)
        else replace(each, path=Path(each.path.name))
        for each in problems
    ]
