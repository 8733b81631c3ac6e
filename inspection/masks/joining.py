"""Findings of one image that are pieces of one long shape: a network often splits a long crack."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from inspection.detections import Detections, InstanceMask
from inspection.inference import Join
from inspection.masks.union import Groups, kinds_of, united

# A finding of which so much lies in another of its class is that other one, found twice.
_CONTAINED = 0.9
# The way of an end is taken from the pixels up to so far from it.
_END_PX = 48
# Their centre lies at least so far from an end; of a mask that goes on to both sides it does not.
_LEAST_OFF_PX = 10
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
    """Findings of one class that lie in one another, or go on in line, as one.

    Two go on in line where they end in each other, or a gap of at most `gap_px` apart, and both
    ways at these ends are within 40° of each other and of the gap. So two cracks side by side
    stay two, and so do two that cross, a branch with its stem, and round things.

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
    masks = found.masks[one], found.masks[other]
    touching, common_px = _contact(*masks)
    if common_px and common_px >= _CONTAINED * min(mask.area_px for mask in masks):
        return True
    if len(touching):
        ends = (touching.mean(axis=0),) * 2
        gap = np.zeros(2)
    else:
        # Imported here: few images have a pair for which it is needed.
        from scipy.spatial import cKDTree

        if not len(outlines[one]) or not len(outlines[other]):
            return False
        distances, places = cKDTree(outlines[one]).query(outlines[other])
        nearest = int(distances.argmin())
        if distances[nearest] > gap_px + 1:  # between pixel centres
            return False
        ends = outlines[one][places[nearest]], outlines[other][nearest]
        gap = (ends[1] - ends[0]) / distances[nearest]
    ways = [_way_in(mask, end) for mask, end in zip(masks, ends, strict=True)]
    if ways[0] is None or ways[1] is None:
        return False
    least = np.cos(np.radians(_MOST_TURN_DEG))
    in_line = ways[0] @ -ways[1] >= least
    if gap.any():
        in_line &= ways[0] @ -gap >= least and ways[1] @ gap >= least
    return bool(in_line)


def _contact(one: InstanceMask, other: InstanceMask) -> tuple[_Points, int]:
    """Where two masks touch or overlap, x, y, (points, 2), and how many pixels they share."""
    corners = np.array([_corners(one), _corners(other)])
    x0, y0 = (int(side) for side in corners[:, :2].max(axis=0) - 1)
    x1, y1 = (int(side) for side in corners[:, 2:].min(axis=0) + 1)
    if x0 >= x1 or y0 >= y1:
        return np.zeros((0, 2)), 0
    here, there = (_part(mask, x0, y0, x1, y1) for mask in (one, other))
    common_px = cv2.countNonZero(cv2.bitwise_and(here, there))
    spread = cv2.dilate(here, np.ones((3, 3), dtype=np.uint8))
    points = cv2.findNonZero(cv2.bitwise_and(spread, there))
    if points is None:
        return np.zeros((0, 2)), common_px
    places = np.asarray(points).reshape(-1, 2).astype(np.float64)
    return places + np.array([x0, y0], dtype=np.float64), common_px


def _part(mask: InstanceMask, x0: int, y0: int, x1: int, y1: int) -> npt.NDArray[np.uint8]:
    """The mask's pixels in a part of the image, uint8 (y1 - y0, x1 - x0); it may reach beyond."""
    bits = np.zeros((y1 - y0, x1 - x0), dtype=np.uint8)
    left, top, right, lower = _corners(mask)
    a, b, c, d = max(left, x0), max(top, y0), min(right, x1), min(lower, y1)
    bits[b - y0 : d - y0, a - x0 : c - x0] = mask.bits[b - top : d - top, a - left : c - left]
    return bits


def _way_in(mask: InstanceMask, end_xy: _Points) -> _Points | None:
    """The direction from an end into its mask, a unit vector; None where it is no end."""
    column, row = (round(float(value)) for value in end_xy)
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
    off_px = float(way @ (centre - end_xy))
    if abs(off_px) < _LEAST_OFF_PX:
        return None
    return way if off_px > 0 else -way


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
