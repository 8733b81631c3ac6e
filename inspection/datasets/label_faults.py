"""What a label must be to be kept: one segmentation at a time, with all that is wrong in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pycocotools import mask as coco_mask

from inspection import rle
from inspection.datasets.masks import Segmentation, counts_to_rle, polygon_fault, to_rle
from inspection.datasets.polygons import crossing, overhang_px

# Nobody draws more by hand, and a mask of more corners is better kept as RLE.
MOST_POINTS = 5_000
MOST_RINGS = 200
MOST_COUNTS = 1_000_000
# Rounding in labelling tools puts points on the border up to a pixel outside.
BORDER_PX = 1.0


class BadLabel(ValueError):
    """A segmentation that is not kept.

    Attributes:
        kind: a short fixed word, as `lineside dataset check` has them.
        detail: what was found and what was expected.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind, self.detail = kind, detail


@dataclass(frozen=True, slots=True)
class Shape:
    """A segmentation that can be kept.

    Attributes:
        segmentation: polygons x, y, x, y, … in px of the upright image, or compressed RLE.
        xyxy: box of its mask, px.
        area_px: of its mask.
    """

    segmentation: Segmentation
    xyxy: tuple[float, float, float, float]
    area_px: float


def read_shape(given: Any, size_wh: tuple[int, int]) -> Shape:
    """A segmentation as it came (JSON), checked.

    Args:
        given: COCO's three forms: polygons, compressed RLE, RLE as a list of counts.
        size_wh: of the upright image, px.

    Raises:
        BadLabel: it is none, has a fault that `lineside dataset check` calls an error, or has
            more points than a label has.
    """
    segmentation = _read_rle(given, size_wh) if isinstance(given, dict) else _rings(given, size_wh)
    mask = to_rle(segmentation, size_wh)
    area = float(coco_mask.area(mask))
    if not area:
        raise BadLabel("empty-annotation", "covers no pixel")
    x, y, width, height = (float(value) for value in coco_mask.toBbox(mask))
    return Shape(segmentation, (x, y, x + width, y + height), area)


def _rings(given: Any, size_wh: tuple[int, int]) -> list[list[float]]:
    if not isinstance(given, list):
        raise BadLabel("broken-mask", "expected a list of polygons, or an RLE with size and counts")
    if not given:
        raise BadLabel("empty-annotation", "has no polygon, expected at least one")
    if len(given) > MOST_RINGS:
        raise BadLabel("too-many-points", f"has {len(given)} polygons, expected {MOST_RINGS}")
    points = sum(len(ring) for ring in given if isinstance(ring, list)) // 2
    if points > MOST_POINTS:
        raise BadLabel(
            "too-many-points", f"has {points} points, expected at most {MOST_POINTS} (RLE has none)"
        )
    return [_ring(ring, size_wh) for ring in given]


def _ring(given: Any, size_wh: tuple[int, int]) -> list[float]:
    if not isinstance(given, list):
        raise BadLabel("broken-mask", "expected each polygon as a list x, y, x, y, …")
    if not given:
        raise BadLabel("empty-annotation", "has a polygon without a point")
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in given):
        raise BadLabel("broken-mask", "has a coordinate that is no number")
    try:
        ring = [float(value) for value in given]
    except OverflowError as error:
        raise BadLabel("broken-mask", "has a coordinate that is no number") from error
    if not all(math.isfinite(value) for value in ring):
        raise BadLabel("not-finite", "has a coordinate that is NaN or infinite")
    if len(ring) >= 6 and len(ring) % 2 == 0:
        beyond = overhang_px(ring, size_wh)
        if beyond > BORDER_PX:
            size = f"{size_wh[0]}×{size_wh[1]}"
            raise BadLabel("out-of-bounds", f"reaches {beyond:.1f} px beyond {size} px")
    if fault := polygon_fault(ring, size_wh):
        raise BadLabel("broken-mask", f"is {fault}")
    if (where := crossing(ring)) is not None:
        raise BadLabel("self-crossing", f"crosses itself at x={where[0]:.1f}, y={where[1]:.1f}")
    return ring


def _read_rle(given: dict[str, Any], size_wh: tuple[int, int]) -> rle.Rle:
    size, counts = given.get("size"), given.get("counts")
    expected = [size_wh[1], size_wh[0]]
    if size != expected:
        raise BadLabel("wrong-size", f"is an RLE of size {size!r:.60}, expected {expected}")
    try:
        if isinstance(counts, str) and len(counts) <= MOST_COUNTS:
            compressed: rle.Rle = {"size": expected, "counts": counts}
            rle.check(compressed)
            return compressed
        if isinstance(counts, list) and len(counts) <= MOST_COUNTS:
            if any(isinstance(count, bool) or not isinstance(count, int) for count in counts):
                raise BadLabel("broken-mask", "has a count that is no whole number")
            return counts_to_rle(counts, expected)
    except BadLabel:
        raise
    except (ValueError, OverflowError) as error:
        raise BadLabel("broken-mask", f"is broken: {str(error)[:200]}") from error
    raise BadLabel(
        "broken-mask", f"expected counts as a string or a list of at most {MOST_COUNTS} entries"
    )
