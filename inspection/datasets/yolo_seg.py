"""YOLO segmentation labels: data.yaml, and per image a text file of normalised polygons.

Format: https://docs.ultralytics.com/datasets/segment/. A row is `class x1 y1 x2 y2 …`, with x and
y as shares of the upright image's width and height.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from inspection.datasets.class_lists import ClassList
from inspection.datasets.labels import Annotation, Dataset, LabelledFile, Problem, Report
from inspection.datasets.masks import polygon_fault
from inspection.datasets.pictures import images_in, read_size

CONFIGURATIONS = ("data.yaml", "data.yml", "dataset.yaml")
_MOST_CLASSES = 10_000
_PARTS = ("train", "valid", "val", "validation", "test")


def find_configuration(path: Path) -> Path | None:
    """data.yaml in the folder or in one of the two above it, where a part was named."""
    for folder in (path, *path.resolve().parents[:2]):
        for name in CONFIGURATIONS:
            if (folder / name).is_file():
                return folder / name
    return None


def read(path: Path, classes: Sequence[str] | None, report: Report) -> Dataset | None:
    """A data.yaml, its folder, or one part of it; None once it was reported that it is none."""
    configuration = path if path.is_file() else find_configuration(path)
    names = _class_names(configuration, report) if configuration else list(classes or ())
    if not names:
        where = configuration or path
        detail = "names no classes, expected a data.yaml with `names`"
        report(Problem(where, "no-dataset", detail))
        return None
    folder = path.parent if path.is_file() else path
    parts = find_parts(folder)
    if not parts:
        detail = "holds no images/ with labels/ beside it, neither itself nor in train/, valid/ …"
        report(Problem(folder, "no-dataset", detail))
        return None
    known = ClassList(classes, names)
    files: list[LabelledFile] = []
    for part, images, labels in parts:
        files += _read_part(part, images, labels, names, known, report)
    return Dataset(folder.resolve().name, folder, known.names, tuple(files), True)


def find_parts(folder: Path) -> list[tuple[str, Path, Path]]:
    """(part, folder of images, folder of labels): PART/images or images/PART, or just images/.

    What data.yaml says of the folders is not followed: the paths that exporters write there
    seldom fit once a set has been moved, and the layouts are but two.
    """
    found = []
    for part in _PARTS:
        for images, labels in (
            (folder / part / "images", folder / part / "labels"),
            (folder / "images" / part, folder / "labels" / part),
        ):
            if images.is_dir() and labels.is_dir():
                found.append((part, images, labels))
    if not found and (folder / "images").is_dir() and (folder / "labels").is_dir():
        return [("", folder / "images", folder / "labels")]
    return found


def _class_names(configuration: Path, report: Report) -> list[str]:
    try:
        document: Any = yaml.safe_load(configuration.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        report(Problem(configuration, "unreadable-labels", f"is no YAML: {error}"))
        return []
    names = document.get("names") if isinstance(document, dict) else None
    if isinstance(names, list):
        return [str(name) for name in names]
    if isinstance(names, dict) and all(isinstance(key, int) and key >= 0 for key in names):
        # A gap in the numbers is a class that nothing may be labelled as.
        top = max(names, default=-1)
        if top >= _MOST_CLASSES:
            return []
        return [str(names.get(key, f"class {key}")) for key in range(top + 1)]
    return []


def _read_part(
    part: str, images: Path, labels: Path, names: list[str], known: ClassList, report: Report
) -> Iterator[LabelledFile]:
    texts = {path.stem: path for path in sorted(labels.glob("*.txt"))}
    for image in images_in(images):
        text = texts.pop(image.stem, None)
        if text is None:
            detail = (
                f"has no labels/{image.stem}.txt, expected one (an empty one if there is nothing)"
            )
            report(Problem(image, "image-without-label", detail))
            continue
        size_wh = read_size(image, report)
        if size_wh is not None:
            rows = tuple(_read_rows(text, size_wh, names, known, report))
            yield LabelledFile(image, size_wh, rows, part=part, label=text)
    for text in texts.values():
        detail = f"has no image {text.stem}.jpg (.png, …) in {images.name}/"
        report(Problem(text, "label-without-image", detail))


def _read_rows(
    text: Path, size_wh: tuple[int, int], names: list[str], known: ClassList, report: Report
) -> Iterator[Annotation]:
    try:
        lines = text.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        report(Problem(text, "unreadable-labels", f"cannot be read as text ({error})"))
        return
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words:
            continue
        try:
            kind, shares = int(words[0]), [float(word) for word in words[1:]]
        except ValueError:
            detail = f"line {number}: {line[:40]!r}, expected a class number and coordinates"
            report(Problem(text, "broken-mask", detail))
            continue
        if len(shares) == 4:
            detail = f"line {number} is a box (detection), expected a polygon of 3 points or more"
            report(Problem(text, "box-only", detail))
            continue
        if not 0 <= kind < len(names):
            detail = f"line {number}: class {kind}, expected 0 to {len(names) - 1}"
            report(Problem(text, "unknown-class", detail))
            continue
        ring = [share * size_wh[place % 2] for place, share in enumerate(shares)]
        if fault := polygon_fault(ring, size_wh):
            report(Problem(text, "broken-mask", f"line {number}: {fault}"))
            continue
        index = known.find(names[kind], text, report)
        if index is not None:
            yield Annotation(index, [ring])
