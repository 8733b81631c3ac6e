"""Labelme's labels: a JSON file beside each image (https://github.com/wkentaro/labelme)."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
from PIL import Image

from inspection import rle
from inspection.datasets.class_lists import ClassList
from inspection.datasets.json_files import read_object
from inspection.datasets.labels import Annotation, Dataset, LabelledFile, Problem, Report
from inspection.datasets.masks import Segmentation, frame_to_rle, polygon_fault
from inspection.datasets.pictures import is_image, read_size

_CIRCLE_CORNERS = 64


def is_labelme(path: Path, report: Report) -> bool:
    """Whether a JSON file looks like one of labelme's, by its first bytes' keys."""
    document = read_object(path, report)
    return document is not None and isinstance(document.get("shapes"), list)


def read(path: Path, classes: Sequence[str] | None, report: Report) -> Dataset | None:
    """A folder of images with their JSON files; None once it was reported that it is none."""
    texts = sorted(path.rglob("*.json"))
    if not texts:
        report(Problem(path, "no-dataset", "holds no labelme JSON files beside its images"))
        return None
    # Indices are given once all names are known, so that they do not depend on file names.
    found: list[tuple[LabelledFile, list[tuple[str, Segmentation]]]] = []
    for text in texts:
        one = _read_file(text, report)
        if one is not None:
            found.append(one)
    known = ClassList(classes, sorted({name for _, shapes in found for name, _ in shapes}))
    files = []
    for bare, shapes in found:
        annotations = []
        for name, segmentation in shapes:
            index = known.find(name, bare.label or bare.path, report)
            if index is not None:
                annotations.append(Annotation(index, segmentation))
        files.append(replace(bare, annotations=tuple(annotations)))
    labelled = {file.path for file in files}
    stems = {text.with_suffix("") for text in texts}
    for image in sorted(each for each in path.rglob("*") if is_image(each)):
        if image not in labelled and image.with_suffix("") not in stems:
            detail = f"has no {image.stem}.json beside it (save it in labelme, even if empty)"
            report(Problem(image, "image-without-label", detail))
    return Dataset(path.resolve().name, path, known.names, tuple(files), True)


def _read_file(
    file: Path, report: Report
) -> tuple[LabelledFile, list[tuple[str, Segmentation]]] | None:
    document = read_object(file, report)
    if document is None:
        return None
    shapes = document.get("shapes")
    if not isinstance(shapes, list):
        report(Problem(file, "unreadable-labels", "has no list `shapes`, expected labelme's JSON"))
        return None
    image = _find_image(file, str(document.get("imagePath") or ""))
    if image is None:
        detail = f"is of the image {document.get('imagePath')!r}, which does not lie beside it"
        report(Problem(file, "label-without-image", detail))
        return None
    size_wh = read_size(image, report)
    if size_wh is None:
        return None
    said = (document.get("imageWidth"), document.get("imageHeight"))
    if None not in said and said != size_wh:
        detail = f"has {size_wh[0]}×{size_wh[1]} px, {file.name} says {said[0]}×{said[1]}"
        report(Problem(image, "wrong-size", detail))
        return None
    # Shapes of one label and group_id are pieces of one instance, as in labelme's own converters.
    grouped: dict[tuple[str, str], list[list[list[float]] | rle.Rle]] = {}
    for number, shape in enumerate(shapes):
        try:
            piece = _read_shape(shape, size_wh)
            label, group = str(shape["label"]), shape.get("group_id")
        except _BROKEN as error:
            kind = "unsupported-shape" if isinstance(error, _ShapeKindError) else "broken-mask"
            report(Problem(file, kind, f"shape {number} (from 0): {error!s}"))
            continue
        key = (label, f"shape {number}" if group is None else f"group {group}")
        grouped.setdefault(key, []).append(piece)
    found: list[tuple[str, Segmentation]] = []
    for (label, _), pieces in grouped.items():
        rings = [ring for piece in pieces if not isinstance(piece, dict) for ring in piece]
        if rings:
            found.append((label, rings))
        found += [(label, piece) for piece in pieces if isinstance(piece, dict)]
    return LabelledFile(image, size_wh, (), label=file), found


_BROKEN = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    OSError,
    binascii.Error,
    Image.DecompressionBombError,
)


class _ShapeKindError(ValueError):
    """A shape without an area."""


def _read_shape(shape: dict[str, Any], size_wh: tuple[int, int]) -> Segmentation:
    kind = shape.get("shape_type") or "polygon"
    points = [(float(x), float(y)) for x, y in shape["points"]]
    if kind == "polygon":
        ring = [value for point in points for value in point]
    elif kind == "rectangle":
        (x0, y0), (x1, y1) = _two(points, kind)
        ring = [x0, y0, x1, y0, x1, y1, x0, y1]
    elif kind == "circle":
        (x0, y0), (x1, y1) = _two(points, kind)
        radius = math.hypot(x1 - x0, y1 - y0)
        turns = [2 * math.pi * step / _CIRCLE_CORNERS for step in range(_CIRCLE_CORNERS)]
        ring = [
            value
            for turn in turns
            for value in (x0 + radius * math.cos(turn), y0 + radius * math.sin(turn))
        ]
    elif kind == "mask":
        return _read_bitmap(shape, points, size_wh)
    else:
        raise _ShapeKindError(f"a {kind} has no area, expected polygon, rectangle, circle or mask")
    if fault := polygon_fault(ring, size_wh):
        raise ValueError(fault)
    return [ring]


def _two(points: list[tuple[float, float]], kind: str) -> list[tuple[float, float]]:
    if len(points) != 2:
        raise ValueError(f"a {kind} of {len(points)} points, expected 2")
    return points


def _read_bitmap(
    shape: dict[str, Any], points: list[tuple[float, float]], size_wh: tuple[int, int]
) -> rle.Rle:
    """A shape of type mask: a PNG in base64, whose upper left pixel lies at the first point."""
    with Image.open(BytesIO(base64.b64decode(shape["mask"]))) as image:
        bits = np.asarray(image.convert("L")) > 0
    x0, y0 = (round(value) for value in points[0])
    frame = np.zeros((size_wh[1], size_wh[0]), dtype=np.bool_)
    if x0 < 0 or y0 < 0 or y0 + bits.shape[0] > size_wh[1] or x0 + bits.shape[1] > size_wh[0]:
        raise ValueError("a mask that reaches beyond the image")
    frame[y0 : y0 + bits.shape[0], x0 : x0 + bits.shape[1]] = bits
    return frame_to_rle(frame)


def _find_image(file: Path, said: str) -> Path | None:
    """The image that the JSON names, by its name alone, or the one of the same stem."""
    name = PureWindowsPath(said).name  # takes / and \ alike
    if name and (file.parent / name).is_file():
        return file.parent / name
    same = [path for path in sorted(file.parent.glob(f"{_escape(file.stem)}.*")) if is_image(path)]
    return same[0] if same else None


def _escape(stem: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in stem)
