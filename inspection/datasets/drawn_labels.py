"""The labels of one picture as somebody sends them: each read, and each fault by its place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inspection.datasets.label_faults import BadLabel, Shape, read_shape

# What a label began as. `segment` is a graph cut, `model` the champion's own mask.
ORIGINS = ("polygon", "brush", "box", "segment", "model", "import")
MOST_LABELS = 1_000
MOST_POINTS_TOGETHER = 50_000
LONGEST_CLASS = 100


@dataclass(frozen=True, slots=True)
class DrawnLabel:
    """A label that can be kept.

    Attributes:
        id: of the annotation that it was read as; None: it is new.
    """

    class_name: str
    shape: Shape
    origin: str = "polygon"
    id: int | None = None


@dataclass(frozen=True, slots=True)
class LabelFault:
    """What is wrong with one label.

    Attributes:
        index: its place among those that were sent, from 0; None: of all of them together.
    """

    index: int | None
    kind: str
    detail: str


def read_drawn(
    given: Sequence[Mapping[str, Any]], size_wh: tuple[int, int], classes: Collection[str]
) -> tuple[list[DrawnLabel], list[LabelFault]]:
    """Labels as JSON (`class`, `segmentation`, `origin`, `id`): what is good, and what is not.

    Args:
        size_wh: of the upright image, px.
        classes: the names that a label may have.
    """
    if len(given) > MOST_LABELS:
        detail = f"got {len(given)} labels, expected at most {MOST_LABELS}"
        return [], [LabelFault(None, "too-many-labels", detail)]
    good: list[DrawnLabel] = []
    faults: list[LabelFault] = []
    points = 0
    for index, each in enumerate(given):
        try:
            points += count_points(each.get("segmentation"))
            if points > MOST_POINTS_TOGETHER:
                detail = f"the labels so far have {points} points, expected {MOST_POINTS_TOGETHER}"
                raise BadLabel("too-many-points", detail)
            good.append(_read(each, size_wh, classes))
        except BadLabel as error:
            faults.append(LabelFault(index, error.kind, error.detail))
    return good, faults


def count_points(segmentation: Any) -> int:
    """The corners of polygons; 0 of an RLE or anything else."""
    if not isinstance(segmentation, list):
        return 0
    return sum(len(ring) for ring in segmentation if isinstance(ring, list)) // 2


def check_class(name: Any, classes: Collection[str]) -> str:
    """A class name that is known. Raises BadLabel."""
    if not isinstance(name, str) or name not in classes:
        known = ", ".join(sorted(classes)[:20]) or "none: this station knows no class yet"
        raise BadLabel("unknown-class", f"is of class {name!r:.110}, expected one of {known}")
    return name


def _read(
    each: Mapping[str, Any], size_wh: tuple[int, int], classes: Collection[str]
) -> DrawnLabel:
    name = check_class(each.get("class"), classes)
    origin = each.get("origin", "polygon")
    if origin not in ORIGINS:
        raise BadLabel("unknown-origin", f"got {origin!r:.40}, expected one of {ORIGINS}")
    number = each.get("id")
    if number is not None and (isinstance(number, bool) or not isinstance(number, int)):
        raise BadLabel("unknown-id", f"got {number!r:.40}, expected the id of an annotation")
    return DrawnLabel(name, read_shape(each.get("segmentation"), size_wh), origin, number)
