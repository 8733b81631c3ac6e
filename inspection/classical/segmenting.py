"""From a point or a box to a mask: what the classical engines and labelling by click share.

Every function is bounded in time by the pixels it may look at, and gives the same mask for the
same input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from inspection.detections import InstanceMask

RgbImage = npt.NDArray[np.uint8]
Bits = npt.NDArray[np.bool_]

# A click grows inside a window of this side at most, so that an answer comes while one waits.
_WINDOW_PX = 1024
# Half-widths of the colour range that are tried, in units of the Lab values of 8 bits.
_TOLERANCES = (3, 5, 8, 12, 17, 23, 30, 38, 47, 57)
# A region that grows by more than this at the next tolerance has run over its edge.
_LEAK = 2.0
# A hole of more than this share of its region is not filled.
_HOLE_SHARE = 0.02
# Cuts of larger crops run on a smaller copy.
_CUT_SIDE_PX = 320


def grow_from_point(
    image_rgb: RgbImage, xy: tuple[int, int], tolerance: int | None = None
) -> InstanceMask:
    """The region of like colour around a point, small holes filled.

    Args:
        image_rgb: uint8 (H, W, 3).
        xy: column and row of the point, px.
        tolerance: how far each Lab value (of 8 bits) may lie from that of the point. None takes
            the widest before the region runs over its edge: before its area first doubles.

    Returns:
        The mask; at least the point itself, and never beyond a window of 1024 px around it.

    Raises:
        ValueError: the point lies outside the image.
    """
    height, width = image_rgb.shape[:2]
    if not (0 <= xy[0] < width and 0 <= xy[1] < height):
        raise ValueError(f"expected a point inside {width}×{height} px, got {xy}")
    left, top = (
        min(max(0, at - _WINDOW_PX // 2), max(0, whole - _WINDOW_PX))
        for at, whole in zip(xy, (width, height), strict=True)
    )
    window = image_rgb[top : top + _WINDOW_PX, left : left + _WINDOW_PX]
    lab = cast(RgbImage, cv2.medianBlur(cv2.cvtColor(window, cv2.COLOR_RGB2LAB), 3))
    seed = (xy[0] - left, xy[1] - top)
    if tolerance is not None:
        region = _filled(lab, seed, tolerance)
    else:
        region = _filled(lab, seed, _TOLERANCES[0])
        for wider in _TOLERANCES[1:]:
            grown = _filled(lab, seed, wider)
            # A few pixels double by their noise alone.
            if np.count_nonzero(grown) > max(_LEAK * np.count_nonzero(region), 64):
                break
            region = grown
    return _placed(_without_holes(region), left, top)


def cut_box(image_rgb: RgbImage, box_xyxy: Sequence[float], rounds: int = 3) -> InstanceMask:
    """What stands out of its surroundings inside a box, by a graph cut (GrabCut).

    Rother, Kolmogorov and Blake 2004, "GrabCut": colours outside the box are background, those
    inside are either, and the edge runs where neighbours differ.

    Args:
        image_rgb: uint8 (H, W, 3).
        box_xyxy: left, upper, right, lower, px; parts beyond the image are left out.
        rounds: of the cut, 1 to 10.

    Returns:
        The mask inside the box, 0×0 where nothing stands out.

    Raises:
        ValueError: the box holds no pixel of the image, or rounds is not 1 to 10.
    """
    height, width = image_rgb.shape[:2]
    x0, y0 = max(0, int(np.floor(box_xyxy[0]))), max(0, int(np.floor(box_xyxy[1])))
    x1, y1 = min(width, int(np.ceil(box_xyxy[2]))), min(height, int(np.ceil(box_xyxy[3])))
    if x0 >= x1 or y0 >= y1:
        raise ValueError(f"expected a box inside {width}×{height} px, got {list(box_xyxy)}")
    if not 1 <= rounds <= 10:
        raise ValueError(f"expected 1 to 10 rounds, got {rounds}")
    around_px = max(8, (x1 - x0) // 4, (y1 - y0) // 4)
    left, top = max(0, x0 - around_px), max(0, y0 - around_px)
    crop = image_rgb[top : y1 + around_px, left : x1 + around_px]
    trimap = np.full(crop.shape[:2], cv2.GC_BGD, dtype=np.uint8)
    trimap[y0 - top : y1 - top, x0 - left : x1 - left] = cv2.GC_PR_FGD
    return _placed(cut(crop, trimap, rounds), left, top)


def cut(crop_rgb: RgbImage, trimap: npt.NDArray[np.uint8], rounds: int) -> Bits:
    """GrabCut from a map of what is known; a large crop is cut on a smaller copy.

    Args:
        crop_rgb: uint8 (h, w, 3).
        trimap: uint8 (h, w) of `cv2.GC_BGD`, `GC_FGD`, `GC_PR_BGD` and `GC_PR_FGD`.

    Returns:
        bool (h, w); what the trimap gives for sure stays. Where it leaves one side without a
        pixel there is nothing to cut, and the foreground of the trimap comes back.
    """
    inside = (trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD)
    scale = min(1.0, _CUT_SIDE_PX / max(trimap.shape))
    small_rgb, small_map = crop_rgb, trimap.copy()
    if scale < 1:
        small_wh = tuple(max(1, round(side * scale)) for side in trimap.shape[::-1])
        small_rgb = cast(RgbImage, cv2.resize(crop_rgb, small_wh, interpolation=cv2.INTER_AREA))
        small_map = cast(
            npt.NDArray[np.uint8], cv2.resize(trimap, small_wh, interpolation=cv2.INTER_NEAREST)
        )
    front = np.isin(small_map, (cv2.GC_FGD, cv2.GC_PR_FGD))
    # Each side's colours are five Gaussians, which want a pixel each at the very least.
    if min(np.count_nonzero(front), np.count_nonzero(~front)) < 10:
        return cast(Bits, inside)
    # Its first clusters are drawn at random, from a generator of the calling thread.
    cv2.setRNGSeed(0)
    # It wants C-contiguous arrays of its own.
    cv2.grabCut(
        np.ascontiguousarray(small_rgb),
        small_map,
        (0, 0, 1, 1),  # not read in this mode
        np.zeros((1, 65)),
        np.zeros((1, 65)),
        rounds,
        cv2.GC_INIT_WITH_MASK,
    )
    found = np.isin(small_map, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if scale < 1:
        size_wh = trimap.shape[::-1]
        soft = cv2.resize(found.astype(np.float32), size_wh, interpolation=cv2.INTER_LINEAR)
        found = soft >= 0.5
    return cast(Bits, (found & (trimap != cv2.GC_BGD)) | (trimap == cv2.GC_FGD))


def _filled(lab: npt.NDArray[np.uint8], seed: tuple[int, int], tolerance: int) -> Bits:
    mask = np.zeros((lab.shape[0] + 2, lab.shape[1] + 2), dtype=np.uint8)
    flags = 4 | (1 << 8) | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE
    cv2.floodFill(lab, mask, seed, 0, (tolerance,) * 3, (tolerance,) * 3, flags)
    return mask[1:-1, 1:-1].astype(np.bool_)


def _without_holes(bits: Bits) -> Bits:
    """Small holes filled; a large one is something else that the region surrounds."""
    outlines, nested = cv2.findContours(
        bits.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE
    )
    most_px = _HOLE_SHARE * np.count_nonzero(bits)
    small = [
        outline
        for outline, (_, _, _, parent) in zip(outlines, np.asarray(nested)[0], strict=True)
        if parent >= 0 and cv2.contourArea(outline) <= most_px
    ]
    filled = bits.astype(np.uint8)
    cv2.drawContours(filled, small, -1, 1, cv2.FILLED)
    return filled.astype(np.bool_)


def _placed(bits: Bits, left: int, top: int) -> InstanceMask:
    tight = InstanceMask.from_frame(bits)
    if tight.bits.size == 0:
        return tight
    return InstanceMask(tight.bits, tight.x0 + left, tight.y0 + top)
