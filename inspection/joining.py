"""Findings of one image that are pieces of one long shape: a network often splits a long crack."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from inspection.detections import Detections, InstanceMask
from inspection.inference import Join
from inspection.mask_union import Groups, kinds_of, united

# Masks closer than this touch: neighbours in a row, column or diagonal.
_TOUCHING_PX = 1.5
# The way of an end is taken from the pixels up to so far from it.
_END_PX = 24
# Largest angle between the ways of two ends, and between each and the gap.
_MOST_TURN_DEG = 40.0
# Of the spread along an end's way to that across it; rounder ends have no way.
_LEAST_SLENDER = 2.0

_Points = npt.NDArray[np.float64]


def join_pieces(
    found: Detections,
    join: Join,
    classes: Sequence[str],
    least_scores: npt.NDArray[np.float32] | None = None,
) -> Detections:
    """Findings of one class whose masks touch, or end close to each other in line, as one.

    Two ends are in line where the gap between them is at most `gap_px`, each mask's own way at
    its end goes on towards the other within 40°, and both ways are within 40° of each other. So
    two cracks side by side stay two, and so do round things.

    Args:
        found: of one image.
        join: `gap_px` 0 gives the findings back as they are.
        classes: names in the order of `class_ids`.
        least_scores: float32 (classes,), the model's thresholds, see `kinds_of`.
    """
    if join.gap_px <= 0 or len(found) < 2:
        return found
    groups, kinds = Groups(len(found)), kinds_of(found, least_scores)
    corners = np.array([_corners(mask) for mask in found.masks], dtype=np.float64)
    # Points are of masks that have a neighbour, which few have.
    outlines: dict[int, _Points] = {}
    for one in range(len(found)):
        if join.classes and classes[found.class_ids[one]] not in join.classes:
            continue
        apart = np.maximum(corners[:, :2] - corners[one, 2:], corners[one, :2] - corners[:, 2:])
        near = np.hypot(*np.clip(apart, 0, None).T) <= join.gap_px + 1
        near &= kinds == kinds[one]
        for other in np.flatnonzero(near):
            if other <= one or groups.together(one, int(other)):
                continue
            for place in (one, int(other)):
                if place not in outlines:
                    outlines[place] = _outline(found.masks[place])
            if _hang_together(found, outlines, one, int(other), join.gap_px):
                groups.join(one, int(other))
    return united(found, groups)


def _hang_together(
    found: Detections, outlines: dict[int, _Points], one: int, other: int, gap_px: float
) -> bool:
    # Imported here: a tree is needed by few images, and SciPy's module takes its time.
    from scipy.spatial import cKDTree

    if len(outlines[one]) == 0 or len(outlines[other]) == 0:
        return False
    distances, places = cKDTree(outlines[one]).query(outlines[other])
    nearest = int(distances.argmin())
    if distances[nearest] <= _TOUCHING_PX:
        return True
    if distances[nearest] > gap_px + 1:  # between pixel centres
        return False
    here, there = outlines[one][places[nearest]], outlines[other][nearest]
    gap = (there - here) / distances[nearest]
    ways = [_way_out(found.masks[place], end) for place, end in ((one, here), (other, there))]
    if ways[0] is None or ways[1] is None:
        return False
    least = np.cos(np.radians(_MOST_TURN_DEG))
    return bool(ways[0] @ gap >= least and ways[1] @ -gap >= least and ways[0] @ -ways[1] >= least)


def _way_out(mask: InstanceMask, end_xy: _Points) -> _Points | None:
    """The direction in which a mask runs out at an end, a unit vector; None where it has none."""
    column, row = (int(value) for value in end_xy)
    left, top = max(0, column - mask.x0 - _END_PX), max(0, row - mask.y0 - _END_PX)
    part = mask.bits[
        top : max(0, row - mask.y0 + _END_PX + 1), left : max(0, column - mask.x0 + _END_PX + 1)
    ]
    rows, columns = np.nonzero(part)
    if len(rows) < 3:
        return None
    points = np.stack([columns + left + mask.x0, rows + top + mask.y0], axis=-1)
    centre = points.mean(axis=0)
    spreads, axes = np.linalg.eigh(np.cov((points - centre).T))
    if np.sqrt(spreads[1]) < _LEAST_SLENDER * np.sqrt(max(spreads[0], 1 / 12)):
        return None
    way = np.asarray(axes[:, 1], dtype=np.float64)
    return way if way @ (end_xy - centre) >= 0 else -way


def _outline(mask: InstanceMask) -> _Points:
    """Pixels of the mask's outlines in the image, x, y, (points, 2)."""
    contours, _ = cv2.findContours(
        mask.bits.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    if not contours:
        return np.zeros((0, 2))
    points = np.concatenate(contours).reshape(-1, 2).astype(np.float64)
    return points + np.array([mask.x0, mask.y0], dtype=np.float64)


def _corners(mask: InstanceMask) -> tuple[int, int, int, int]:
    height, width = mask.shape_hw
    return mask.x0, mask.y0, mask.x0 + width, mask.y0 + height
