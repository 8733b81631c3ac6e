"""Click-to-segment: a mask from a few clicks on and beside a thing, by a graph cut."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from inspection.classical.segmenting import RgbImage, cut, cut_box, grow_from_point
from inspection.detections import InstanceMask

# What a click may look at around the region that grows from it.
_AROUND = 0.75
_LEAST_AROUND_PX = 24
# A click is a spot and no pixel: so much around it is surely of its side.
_SPOT_PX = 2
# A cut of two rounds answers in a third of a second for the largest crop, and a third changes
# little.
_ROUNDS = 2
MOST_CLICKS = 50

Point = tuple[float, float]


def segment(
    image_rgb: RgbImage,
    on: Sequence[Point],
    beside: Sequence[Point] = (),
    box_xyxy: Sequence[float] | None = None,
) -> InstanceMask:
    """What is under the clicks, cut off where the picture changes.

    Args:
        image_rgb: uint8 (H, W, 3), upright.
        on: points of the thing, px.
        beside: points that are not of it, px.
        box_xyxy: nothing outside it is of the thing; None: what the clicks grow to, and around.

    Returns:
        The mask, 0×0 where nothing stands out. Pieces without a click on them are left out,
        unless there is only a box.

    Raises:
        ValueError: neither a click on the thing nor a box, a click outside the image, more than
            50 clicks, or a box without a pixel of the image.
    """
    height, width = image_rgb.shape[:2]
    if not on and box_xyxy is None:
        raise ValueError("expected a click on the thing, or a box around it")
    if len(on) + len(beside) > MOST_CLICKS:
        raise ValueError(f"expected at most {MOST_CLICKS} clicks, got {len(on) + len(beside)}")
    for x, y in (*on, *beside):
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(f"expected clicks inside {width}×{height} px, got {x:g}, {y:g}")
    if box_xyxy is not None and not on and not beside:
        return cut_box(image_rgb, box_xyxy, rounds=_ROUNDS)
    grown = [grow_from_point(image_rgb, (int(x), int(y))) for x, y in on]
    x0, y0, x1, y1 = _window(grown, box_xyxy, (width, height))
    crop = image_rgb[y0:y1, x0:x1]
    trimap = _trimap(grown, box_xyxy, (x0, y0), crop.shape[:2])
    for points, side in ((beside, cv2.GC_BGD), (on, cv2.GC_FGD)):
        for x, y in points:
            place = (int(x) - x0, int(y) - y0)
            cv2.circle(trimap, place, _SPOT_PX, int(side), cv2.FILLED)
    bits = cut(crop, trimap, _ROUNDS)
    if on:
        bits = _under(bits, [(int(x) - x0, int(y) - y0) for x, y in on])
    tight = InstanceMask.from_frame(bits)
    if tight.bits.size == 0:
        return tight
    return InstanceMask(tight.bits, tight.x0 + x0, tight.y0 + y0)


def _window(
    grown: Sequence[InstanceMask], box: Sequence[float] | None, size_wh: tuple[int, int]
) -> tuple[int, int, int, int]:
    """What is looked at: the box, or what grew, with some background around it."""
    if box is not None:
        x0, y0, x1, y1 = np.floor(box[0]), np.floor(box[1]), np.ceil(box[2]), np.ceil(box[3])
    else:
        x0, y0 = min(each.x0 for each in grown), min(each.y0 for each in grown)
        x1 = max(each.x0 + each.shape_hw[1] for each in grown)
        y1 = max(each.y0 + each.shape_hw[0] for each in grown)
    around_x = max(_LEAST_AROUND_PX, int(_AROUND * (x1 - x0)))
    around_y = max(_LEAST_AROUND_PX, int(_AROUND * (y1 - y0)))
    left, top = max(0, int(x0) - around_x), max(0, int(y0) - around_y)
    right, lower = min(size_wh[0], int(x1) + around_x), min(size_wh[1], int(y1) + around_y)
    if left >= right or top >= lower:
        raise ValueError(f"expected a box inside {size_wh[0]}×{size_wh[1]} px")
    return left, top, right, lower


def _trimap(
    grown: Sequence[InstanceMask],
    box: Sequence[float] | None,
    origin_xy: tuple[int, int],
    shape_hw: tuple[int, int],
) -> npt.NDArray[np.uint8]:
    """What grew is probably of the thing, what is around it probably not, the border surely not."""
    left, top = origin_xy
    trimap = np.full(shape_hw, cv2.GC_PR_BGD, dtype=np.uint8)
    for each in grown:
        height, width = each.shape_hw
        x, y = each.x0 - left, each.y0 - top
        own = each.bits[
            max(0, -y) : max(0, min(height, shape_hw[0] - y)),
            max(0, -x) : max(0, min(width, shape_hw[1] - x)),
        ]
        part = trimap[max(0, y) :, max(0, x) :][: own.shape[0], : own.shape[1]]
        part[own] = cv2.GC_PR_FGD
    if box is None:
        return _bordered(trimap)
    inside = np.zeros(shape_hw, dtype=np.bool_)
    x0, y0 = max(0, int(np.floor(box[0])) - left), max(0, int(np.floor(box[1])) - top)
    inside[y0 : max(0, int(np.ceil(box[3])) - top), x0 : max(0, int(np.ceil(box[2])) - left)] = True
    trimap[inside & (trimap == cv2.GC_PR_BGD)] = cv2.GC_PR_FGD
    trimap[~inside] = cv2.GC_BGD
    return trimap


def _bordered(trimap: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The border of what is looked at is background, unless the thing grew to it."""
    border = np.ones(trimap.shape, dtype=np.bool_)
    border[1:-1, 1:-1] = False
    trimap[border & (trimap == cv2.GC_PR_BGD)] = cv2.GC_BGD
    return trimap


def _under(bits: npt.NDArray[np.bool_], points: Sequence[tuple[int, int]]) -> npt.NDArray[np.bool_]:
    labels = cv2.connectedComponents(bits.astype(np.uint8), connectivity=8)[1]
    wanted = {int(labels[y, x]) for x, y in points} - {0}
    return np.asarray(np.isin(labels, list(wanted)), dtype=np.bool_)
