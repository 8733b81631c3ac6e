"""A mask as geometry: area, axis, and the centreline of what is slender.

Masks are traced at the smallest scale that keeps what is asked of them. A reduced mask is not
thresholded but grey, so that its widths keep their fractions of a pixel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from inspection.centreline import find_centreline

_Bytes = npt.NDArray[np.uint8]
_Floats = npt.NDArray[np.float64]

# The first look needs no more than this many px of the mask's box.
_LOOK_PX = 40_000
# What remains of a width when a mask is made smaller, px; below 40 px it is made at most five
# times smaller, for 0.1 px of the smaller mask must stay half a pixel.
_KEPT_PX, _WIDE_PX, _MOST = 4.0, 8.0, 5
# A box of so many px of the smaller mask costs little, and there it may keep twice the width.
_CHEAP_PX = 5_000
_LONG_PX = 40.0  # and of the length, for the ends are left out of the widths
_BORDER = 2  # keeps the image's edge from being taken for the inside of the mask
# A pixel of a smaller mask is set from this share of it on, so that thin ends hold together.
_SOME = 26  # of 255


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """The geometry of one mask, in px of the mask's own array, pixel centres at whole numbers.

    Attributes:
        area_px: number of set pixels.
        centre_xy: their mean, (2,).
        covariance: of them, px², (2, 2).
        axis_deg: of the least second moment, counterclockwise as a viewer sees it, 0 ≤ deg < 180;
            None where every axis is alike.
        slender: whether it has a centreline; else `way_xy` is the extent along the axis.
        way_xy: from edge to edge along the centreline, (points + 2, 2).
        length_px: of that way.
        across: unit vectors across the way at its inner points, (points, 2).
        widths_px: widths at the inner points, (points,).
        steps_px: what share of the length each of them stands for, (points,).
        branch_count: of branches that leave the centreline.
    """

    area_px: int
    centre_xy: _Floats
    covariance: _Floats
    axis_deg: float | None
    slender: bool
    way_xy: _Floats
    length_px: float
    across: _Floats
    widths_px: _Floats
    steps_px: _Floats
    branch_count: int


def trace(mask: npt.NDArray[np.bool_]) -> Trace:
    """Trace one mask, bool (H, W). Cost follows the mask's own box, not the image.

    Raises:
        ValueError: the mask is not a two-dimensional bool array, or it is empty.
    """
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise ValueError(f"expected a mask of bool (H, W), got {mask.dtype} of shape {mask.shape}")
    bits = np.ascontiguousarray(mask).view(np.uint8)
    x0, y0, width, height = cv2.boundingRect(bits) if bits.size else (0, 0, 0, 0)
    if not width:
        raise ValueError(f"expected a mask with at least one set pixel, got {mask.shape} without")
    bits = bits[y0 : y0 + height, x0 : x0 + width]
    origin_xy = np.array([x0, y0], np.float64)
    area_px = cv2.countNonZero(bits)

    factor = int(np.ceil(np.sqrt(width * height / _LOOK_PX)))
    grey = _reduced(bits, factor)
    centre, covariance = _moments(grey, factor)
    axis_deg = _axis_deg(covariance)
    any_set = (grey >= (_SOME if factor > 1 else 1)).view(np.uint8)
    outlines, _ = cv2.findContours(any_set, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    perimeter_px = factor * sum(cv2.arcLength(outline, True) for outline in outlines)
    # A strip of length l and width w has the perimeter 2 l, and is wider than area by length.
    strip_px = max(area_px / max(perimeter_px / 2, 1.0), 1.0)
    found = None
    if perimeter_px / 2 >= 6 * strip_px or not _is_compact(grey, outlines, axis_deg):
        scale = _scale(strip_px, perimeter_px / 2, width * height)
        small = grey if scale == factor else _reduced(bits, scale)
        found = _along_centreline(small, scale)
    moved = origin_xy + centre
    if found is not None:
        way, length, across, widths, steps, branches = found
        return Trace(
            area_px, moved, covariance, axis_deg, True, way + origin_xy, length, across, widths,
            steps, branches,
        )  # fmt: skip
    length, width_px, axis = _blob(grey, factor, area_px, axis_deg)
    way = moved + np.array([[-0.5], [0.0], [0.5]]) * length * axis
    return Trace(
        area_px, moved, covariance, axis_deg, False, way, length,
        np.array([[-axis[1], axis[0]]]), np.array([width_px]), np.array([length]), 0,
    )  # fmt: skip


def _reduced(bits: _Bytes, factor: int) -> _Bytes:
    """How far each factor × factor block is set, uint8 0 to 255, in a border of two."""
    height, width = bits.shape
    rows, columns = -(-height // factor), -(-width // factor)
    out = np.zeros((rows + 2 * _BORDER, columns + 2 * _BORDER), np.uint8)
    inner = out[_BORDER : _BORDER + rows, _BORDER : _BORDER + columns]
    if factor == 1:
        np.multiply(bits, 255, out=inner)
        return out
    padded = np.zeros((rows * factor, columns * factor), np.uint8)
    np.multiply(bits, 255, out=padded[:height, :width])
    inner[:] = cv2.resize(padded, (columns, rows), interpolation=cv2.INTER_AREA)
    return out


def _scale(strip_px: float, length_px: float, box_px: int) -> int:
    """By how much a mask of that width is made smaller to be traced, 1 for as it is."""
    by_width = max(min(int(strip_px / _KEPT_PX), _MOST), int(strip_px / _WIDE_PX))
    finer = max(int(strip_px / (2 * _KEPT_PX)), int(np.ceil(np.sqrt(box_px / _CHEAP_PX))))
    return max(1, min(by_width, finer, int(length_px / _LONG_PX)))


def _full(xy: _Floats, factor: int) -> _Floats:
    """Points of a reduced mask in px of the mask itself."""
    return (xy - _BORDER + 0.5) * factor - 0.5


def _moments(grey: _Bytes, factor: int) -> tuple[_Floats, _Floats]:
    """Mean (2,) and covariance (2, 2) of the set pixels, px of the mask that was reduced."""
    weights = grey.astype(np.float32)
    x = np.arange(grey.shape[1], dtype=np.float64) - grey.shape[1] / 2
    y = np.arange(grey.shape[0], dtype=np.float64) - grey.shape[0] / 2
    columns, rows = weights.sum(axis=0, dtype=np.float64), weights.sum(axis=1, dtype=np.float64)
    total = rows.sum()
    mean_x, mean_y = columns @ x / total, rows @ y / total
    mixed = (weights @ x.astype(np.float32)).astype(np.float64) @ y / total - mean_x * mean_y
    covariance = factor**2 * np.array(
        [[columns @ x**2 / total - mean_x**2, mixed], [mixed, rows @ y**2 / total - mean_y**2]]
    )
    centre = np.array([mean_x + grey.shape[1] / 2, mean_y + grey.shape[0] / 2])
    return _full(centre, factor), covariance


def _axis_deg(covariance: _Floats) -> float | None:
    across, along = 2 * covariance[0, 1], covariance[0, 0] - covariance[1, 1]
    if np.hypot(across, along) <= 0.03 * (covariance[0, 0] + covariance[1, 1]):
        return None
    # Rows count downwards, hence the sign. Rounding must not give 180.
    return float(round(float(np.degrees(-0.5 * np.arctan2(across, along))), 3) % 180.0)


def _is_compact(grey: _Bytes, outlines: Sequence[npt.NDArray[Any]], axis_deg: float | None) -> bool:
    """Whether it is short beside the largest circle in it, so that it needs no skeleton."""
    half = (grey >= 128).view(np.uint8)
    radius = float(cv2.distanceTransform(half, cv2.DIST_L2, 5).max())
    return _extents(np.concatenate(outlines), axis_deg)[0] < 4.0 * radius


def _extents(
    outline: npt.NDArray[Any], axis_deg: float | None
) -> tuple[float, float, tuple[float, float]]:
    """Length, width and direction of the rectangle along the axis, else of the smallest one."""
    points = cv2.convexHull(outline).reshape(-1, 2)
    if axis_deg is None:
        _, (first, second), angle_deg = cv2.minAreaRect(points)
        angle = np.radians(angle_deg)
    else:
        angle = np.radians(-axis_deg)
        first = float(np.ptp(points @ (np.cos(angle), np.sin(angle))))
        second = float(np.ptp(points @ (-np.sin(angle), np.cos(angle))))
    if second > first:
        first, second, angle = second, first, angle + np.pi / 2
    # From pixel centres to pixel edges.
    return first + 1.0, second + 1.0, (float(np.cos(angle)), float(np.sin(angle)))


def _blob(
    grey: _Bytes, factor: int, area_px: int, axis_deg: float | None
) -> tuple[float, float, _Floats]:
    """Length, maximum width and direction of the length of a compact mask, px."""
    half = (grey >= 128).view(np.uint8)
    if not half.any():
        half = (grey > 0).view(np.uint8)
    # Within 2 %, in a third of the time of the exact one.
    radius = factor * float(cv2.distanceTransform(half, cv2.DIST_L2, 5).max())
    outlines, _ = cv2.findContours(half, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    length, width, direction = _extents(np.concatenate(outlines), axis_deg)
    length, width = factor * length, factor * width
    mean_width = area_px / length
    widest = max(mean_width, min(width, 2.04 * radius + 0.5))
    return length, widest, np.array(direction)


def _along_centreline(
    grey: _Bytes, factor: int
) -> tuple[_Floats, float, _Floats, _Floats, _Floats, int] | None:
    """What `Trace` holds of a slender mask; None of what is a blob after all."""
    line = find_centreline(_in_one_piece(grey, factor), grey, factor)
    if line is None or line.length_px < 2.0 * line.widths_px.max():
        return None
    way = np.concatenate([line.ends_xy[:1], line.xy, line.ends_xy[1:]])
    return (
        _full(way, factor),
        line.length_px * factor,
        line.across,
        line.widths_px * factor,
        line.steps_px * factor,
        line.branch_count,
    )


def _in_one_piece(grey: _Bytes, factor: int) -> _Bytes:
    """The mask with small holes filled and gaps of up to twice its width bridged, uint8 0/1."""
    joined = (grey >= (_SOME if factor > 1 else 1)).view(np.uint8)
    contours, nested = cv2.findContours(joined, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if len(contours) == 1:
        return joined
    if np.count_nonzero(nested[0, :, 3] < 0) > 1:
        radius = float(cv2.distanceTransform(joined, cv2.DIST_L2, 3).max())
        reach = int(np.clip(2 * radius, 2, 8))
        # A square, for its closing takes the same time whatever its size.
        kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
        closed = cv2.morphologyEx(np.pad(joined, reach), cv2.MORPH_CLOSE, kernel)
        joined = np.ascontiguousarray(cast(_Bytes, closed)[reach:-reach, reach:-reach])
        contours, nested = cv2.findContours(joined, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    # A hole of a pixel would turn a crack's skeleton into a chain of rings. The outline of a hole
    # runs through the pixels around it.
    bound = max(20, cv2.countNonZero(joined) // 50)
    small = [
        outline
        for outline, (_, _, _, parent) in zip(contours, nested[0], strict=True)
        if parent >= 0 and cv2.contourArea(outline) <= bound
    ]
    return cast(_Bytes, cv2.drawContours(joined, small, -1, 1, cv2.FILLED))
