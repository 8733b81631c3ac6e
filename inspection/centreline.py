"""The centreline of a slender mask: smoothed, continued to the mask's ends, with its widths.

Everything is in px of the picture it is given, which `inspection.tracing` has made smaller for a
wide mask. Pixel centres stand at whole numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from inspection.skeleton_path import SkeletonPath, longest_path
from inspection.thinning import thinned

_Bytes = npt.NDArray[np.uint8]
_Floats = npt.NDArray[np.float64]
_Any = npt.NDArray[Any]

_THIN_PX = 1.3  # of radius
_FORKED = 1.6  # so many radii from the end of a skeleton it may have left the axis
_STEP_PX = 0.5  # along a line across the mask
_EMPTY, _HALF = 3, 128.0  # of 255: less is outside; where the edge is
_SOFT = np.array([0.25, 0.5, 0.25], np.float32)
# A chain of single pixels that touch at their corners.
_THINNEST_PX = float(np.sqrt(0.5))
# A branch counts from where it sticks out by the width of what it leaves, in its radii from the
# centre, and from this many px.
_BRANCH_RADII, _BRANCH_PX = 3.0, 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Centreline:
    """The centreline of a mask without its two ends, and its length with them.

    Attributes:
        xy: the smoothed line, (points, 2).
        across: unit vectors across it, (points, 2).
        widths_px: the local width at each point, (points,).
        steps_px: the share of the line's length that each point stands for, (points,); 0 in a gap.
        ends_xy: where the line leaves the mask at its first and last point, (2, 2).
        length_px: of the line and of both ends, to the edge of the mask.
        branch_count: of branches that leave it.
    """

    xy: _Floats
    across: _Floats
    widths_px: _Floats
    steps_px: _Floats
    ends_xy: _Floats
    length_px: float
    branch_count: int


def find_centreline(joined: _Bytes, grey: _Bytes) -> Centreline | None:
    """The centreline of a mask, None where its skeleton is too short to have a direction.

    Args:
        joined: the mask in one piece, uint8 0/1 (H, W) with an empty border of two pixels.
        grey: how far each pixel belongs to the mask, uint8 0 to 255 (H, W).
    """
    path = longest_path(thinned(joined))
    distance = cv2.distanceTransform(joined, cv2.DIST_L2, 5)
    radii = distance[path.rows, path.columns].astype(np.float64)
    # Wide masks have skeletons that stray more, and are straight over a longer way.
    sigma = float(np.clip(radii.mean() * 0.5, 1.7, 8.0))
    line = _smoothed(np.stack([path.columns, path.rows], axis=-1).astype(np.float64), sigma)
    first, last = _without_ends(_along(line), _FORKED * radii)
    if last - first < 2:
        # Of a short one with round ends hardly more than its forks would be left, had it any.
        first, last = _without_ends(_along(line), _FORKED / 2 * radii)
        if last - first < 2:
            return None
    kept = slice(first, last + 1)
    branches = _branches(path, radii, first, last)
    across, widths, aside, inside = _local_widths(grey, line[kept], radii[kept], branches)
    if not inside.any():
        return None
    # The skeleton keeps to whole pixels, and smoothing cuts its bends short; the middle of the
    # mask does neither.
    line[kept] += aside[:, None] * across
    along = _along(line)
    length, ends_xy = _to_the_edge(grey, line, along, radii, first, last)
    steps = np.convolve(np.diff(along[kept]), [0.5, 0.5]) * inside
    return Centreline(line[kept], across, widths, steps, ends_xy, length, len(branches))


def _lengths(vectors: _Floats) -> _Floats:
    return cast(_Floats, np.sqrt(np.einsum("ij,ij->i", vectors, vectors)))


def _along(line: _Floats) -> _Floats:
    """How far each point is along the line, (points,)."""
    return np.concatenate([[0.0], np.cumsum(_lengths(line[1:] - line[:-1]))])


def _smoothed(line: _Floats, sigma: float) -> _Floats:
    """A Gaussian along the line, whose ends are mirrored through their points and so stay."""
    reach = min(len(line) - 1, int(4 * sigma))
    if reach < 1:
        return line
    before = 2 * line[0] - line[reach:0:-1]
    after = 2 * line[-1] - line[-2 : -reach - 2 : -1]
    extended = np.concatenate([before, line, after])
    smooth = ndimage.gaussian_filter1d(extended, sigma, axis=0, mode="nearest")
    return cast(_Floats, smooth[reach:-reach])


def _without_ends(along: _Floats, left_out_px: _Floats) -> tuple[int, int]:
    """First and last point beyond the skeleton's forks into corners.

    In the end of a bar of width w the skeleton runs from the axis into a corner, w / √2 long,
    and leaves the axis where the radius is w / 2. Whatever lies so near to an end is replaced by
    the straight way to the edge.
    """
    near = np.flatnonzero(along <= left_out_px)
    far = np.flatnonzero(along[-1] - along <= left_out_px)
    return int(near[-1]), int(far[0])


def _to_the_edge(
    grey: _Bytes, line: _Floats, along: _Floats, radii: _Floats, first: int, last: int
) -> tuple[float, _Floats]:
    """Length of the whole line to the mask's edge at both ends, and where that is, (2, 2)."""
    starts: list[_Floats] = []
    directions: list[tuple[float, float]] = []
    for at, inward in ((first, 1), (last, -1)):
        reach = max(6, round(3 * radii[at]))
        near, far = (min(max(at + inward * n * reach, first), last) for n in (1, 2))
        towards = [float(np.arctan2(*(line[at] - line[point])[::-1])) for point in (near, far)]
        # The line's bend goes on: a chord turns half as fast as the line itself.
        bend = (towards[0] - towards[1] + np.pi) % (2 * np.pi) - np.pi
        angle = towards[0] + 1.5 * min(max(bend, -0.5), 0.5)
        starts.append(line[at])
        directions.append((float(np.cos(angle)), float(np.sin(angle))))
    # A thin line may leave the straight way by its own width: there the skeleton itself leads to
    # the end, as it has no corners to fork into.
    for end, inward in ((0, 3), (len(line) - 1, -3)):
        tail = line[end] - line[min(max(end + inward, 0), len(line) - 1)]
        starts.append(line[end])
        tail = tail / max(float(np.hypot(*tail)), 1e-9)
        directions.append((float(tail[0]), float(tail[1])))
    units = np.array(directions)
    reaches = _reach_px(grey, np.array(starts), units, 4 * float(radii.max()) + 4)
    length, ends = float(along[last] - along[first]), []
    tails = (along[first], along[-1] - along[last])
    for number, (at, tail) in enumerate(zip((first, last), tails, strict=True)):
        way = float(reaches[number])
        if radii[at] < _THIN_PX:
            way = max(way, float(tail + reaches[2 + number]))
        length += way
        ends.append(line[at] + way * units[number])
    return length, np.array(ends)


def _reach_px(grey: _Bytes, xy: _Floats, units: _Floats, limit_px: float) -> _Floats:
    """From each point (N, 2) along its unit vector (N, 2): the way to the mask's edge, px (N,).

    The mask is interpolated between pixel centres, and its edge is where it falls to a half.
    """
    ways = np.arange(0.0, limit_px + _STEP_PX, _STEP_PX)
    inside = _sampled(grey, xy, units, ways)
    outside = inside < _HALF
    outside[:, -1] = True
    at = np.maximum(outside.argmax(axis=1), 1)
    every = np.arange(len(xy))
    before, after = inside[every, at - 1].astype(np.float64), inside[every, at]
    fall = np.clip((before - _HALF) / np.maximum(before - after, 1e-6), 0.0, 1.0)
    return cast(_Floats, ways[at - 1] + _STEP_PX * fall)


def _sampled(grey: _Bytes, xy: _Floats, units: _Floats, ways: _Floats) -> _Bytes:
    """What lies at each way (ways,) from each point (N, 2) along its vector: uint8 (N, ways)."""
    x = (xy[:, :1] + units[:, :1] * ways).astype(np.float32)
    y = (xy[:, 1:] + units[:, 1:] * ways).astype(np.float32)
    return cast(_Bytes, cv2.remap(grey, x, y, cv2.INTER_LINEAR))


def _local_widths(
    grey: _Bytes, line: _Floats, radii: _Floats, branches: Sequence[int]
) -> tuple[_Floats, _Floats, _Floats, npt.NDArray[np.bool_]]:
    """Across the line at each of its points: unit vectors, widths, how far its middle lies along
    them, and whether there is mask at all.

    The width is how much mask lies on the way across. In the mean over a line that is its area
    by its length, whatever the angle and the phase of the raster, where the place at which an
    interpolated edge falls to a half is off by up to 0.35 px at 45°.
    """
    across = _across(line)
    side = int(np.ceil((1.5 * float(radii.max()) + 2) / _STEP_PX))
    soft = cast(_Bytes, cv2.sepFilter2D(grey, -1, _SOFT, _SOFT))
    sampled = _sampled(soft, line, across, _STEP_PX * np.arange(-side, side + 1, dtype=np.float64))
    solid = sampled >= _EMPTY
    right = np.logical_and.accumulate(solid[:, side:], axis=1)
    left = np.logical_and.accumulate(solid[:, side::-1], axis=1)
    share = _STEP_PX / 255
    to_right = np.einsum("ij,ij->i", sampled[:, side:], right, dtype=np.float64) * share
    to_left = np.einsum("ij,ij->i", sampled[:, side::-1], left, dtype=np.float64) * share
    widths = to_right + to_left - sampled[:, side] * share
    # No place is wider than the largest circle in it, which the skeleton may miss by a pixel, and
    # in wide masks by more; nor does a widening count that is shorter than the mask is wide.
    window = max(3, int(2 * radii.mean()))
    bound = 2 * ndimage.maximum_filter1d(radii, window, mode="nearest") + 0.5
    aside = np.where(widths <= bound, (to_right - to_left) / 2, 0.0)
    bounded = np.clip(widths, _THINNEST_PX, np.maximum(bound, _THINNEST_PX))
    aside = ndimage.uniform_filter1d(np.clip(aside, -1, 1), 9, mode="nearest")
    # The middle's own direction is the better one: what was measured aslant was too wide.
    upright = np.einsum("ij,ij->i", across, _across(line + aside[:, None] * across))
    bounded *= np.clip(upright, 0.8, 1.0)
    bounded = _without_branches(bounded, radii, branches)
    # Smoothing takes some of the forks along, and so the first points may lie aslant.
    forked = int(0.75 * radii.mean())
    if len(bounded) > 6 * forked > 0:
        bounded[:forked], bounded[-forked:] = bounded[forked], bounded[-forked - 1]
    size = int(np.median(bounded)) // 2 * 2 + 5
    steady = ndimage.median_filter(bounded, size, mode="nearest")
    steady = ndimage.uniform_filter1d(steady, 7, mode="nearest")
    return across, steady, aside, solid[:, side]


def _across(line: _Floats) -> _Floats:
    """Unit vectors across a line at each of its points, (points, 2)."""
    count = len(line)
    number = np.arange(count)
    tangents = line[np.minimum(number + 3, count - 1)] - line[np.maximum(number - 3, 0)]
    tangents /= np.maximum(_lengths(tangents), 1e-9)[:, None]
    return np.stack([-tangents[:, 1], tangents[:, 0]], axis=-1)


def _without_branches(widths: _Floats, radii: _Floats, branches: Sequence[int]) -> _Floats:
    """Where a branch leaves, the way across runs into it: there counts what is beside."""
    number = np.arange(len(widths))
    free = np.ones(len(widths), bool)
    for at in branches:
        free[np.abs(number - at) <= 2 * radii[at] + 2] = False
    if free.all() or not free.any():
        return widths
    beside = np.interp(number, number[free], widths[free])
    return np.where(free, widths, np.minimum(widths, beside))


def _branches(path: SkeletonPath, radii: _Floats, first: int, last: int) -> list[int]:
    """Where branches leave the line between its ends, counted from its first point."""
    return [
        at - first
        for at, length in path.branches
        if first <= at <= last and length >= max(_BRANCH_RADII * radii[at], _BRANCH_PX)
    ]
