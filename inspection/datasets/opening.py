"""Open a labelled data set of any form that is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from inspection.datasets import coco, labelme, mask_pairs, yolo_seg
from inspection.datasets.labels import Dataset, DatasetError, Problem, Report, refuse

Reader = Callable[[Path, Sequence[str] | None, Report], Dataset | None]
FORMS: dict[str, Reader] = {
    "coco": coco.read,
    "labelme": labelme.read,
    "yolo-seg": yolo_seg.read,
    "mask-pairs": mask_pairs.read,
}


def open_dataset(
    path: Path | str,
    form: str | None = None,
    classes: Sequence[str] | None = None,
    report: Report = refuse,
) -> Dataset:
    """A labelled set with all its labels in memory and no pixel.

    Args:
        path: its folder, or its annotation file (COCO's JSON, YOLO's data.yaml).
        form: one of `FORMS`, None to recognise it by what lies there.
        classes: all class names in the order wanted; any other in the labels is an error. For
            mask pairs also `VALUE=NAME`.
        report: told of each problem; what it is about is left out if this returns. The default
            raises at the first one, so that nothing is left out in silence.

    Raises:
        DatasetError: it is no data set, or a file of it is not what it ought to be.
    """
    path = Path(path)
    if not path.exists():
        raise DatasetError(Problem(path, "no-dataset", "does not exist, expected a folder"))
    if form is not None and form not in FORMS:
        known = ", ".join(FORMS)
        raise DatasetError(Problem(path, "no-dataset", f"form {form!r}, expected one of {known}"))
    told: list[Problem] = []

    def tell(problem: Problem) -> None:
        told.append(problem)
        report(problem)

    try:
        dataset = FORMS[form or recognise(path)](path, classes, tell)
    except OSError as error:
        where = Path(error.filename or path)
        raise DatasetError(
            Problem(where, "unreadable-labels", f"cannot be read ({error.strerror})")
        ) from error
    if dataset is None or not (dataset.files or told):
        none = Problem(path, "no-dataset", "holds no labelled image")
        raise DatasetError(told[-1] if told else none)
    return dataset


def recognise(path: Path) -> str:
    """The form of a data set, by the files that lie there.

    Raises:
        DatasetError: nothing of any known form; the message lists what was looked for.
    """
    if path.is_file():
        if path.suffix.lower() == ".json":
            return "coco"
        if path.suffix.lower() in (".yaml", ".yml"):
            return "yolo-seg"
    elif coco.annotation_files(path):
        return "coco"
    elif yolo_seg.find_parts(path):
        return "yolo-seg"
    elif mask_pairs.find_pair_folders(path):
        return "mask-pairs"
    elif any(path.rglob("*.json")):
        return "labelme"
    raise DatasetError(
        Problem(
            path,
            "no-dataset",
            "is no labelled data set: expected annotations.json (COCO), images/ with labels/ and "
            "a data.yaml (YOLO-seg), images/ with masks/ (mask pairs) or JSON files beside their "
            "images (labelme)",
        )
    )
