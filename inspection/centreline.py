"""The centreline of a slender mask: smoothed, continued to the mask's ends, with its widths.

Everything is in px of the picture it is given, which `inspection.tracing` has made smaller for a
wide mask. Pixel centres stand at whole numbers.
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from inspection.crosswise import Chords, along, chords, unit_across
from inspection.line_ends import beyond_fork, followed, tangents
from inspection.skeleton_path import SkeletonPath, longest_path
from inspection.thinning import thinned
from inspection.width_profile import bounded, steady

_Bytes = npt.NDArray[np.uint8]
_Floats = npt.NDArray[np.float64]
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


def find_centreline(joined: _Bytes, grey: _Bytes, scale: int) -> Centreline | None:
    """The centreline of a mask, None where its skeleton is too short to have a direction.

    Args:
        joined: the mask in one piece, uint8 0/1 (H, W) with an empty border of two pixels.
        grey: how far each pixel belongs to the mask, uint8 0 to 255 (H, W).
        scale: by how much the mask was made smaller.
    """
    distance = cv2.distanceTransform(joined, cv2.DIST_L2, 5)
    path = longest_path(thinned(joined), cast(npt.NDArray[np.float32], distance))
    radii = distance[path.rows, path.columns].astype(np.float64)
    raw = np.stack([path.columns, path.rows], axis=-1).astype(np.float64)
    way = along(raw)
    first = beyond_fork(way, radii)
    last = len(raw) - 1 - beyond_fork(way[-1] - way[::-1], radii[::-1])
    if last - first < 2:
        return None
    # Wide masks have skeletons that stray more, and are straight over a longer way.
    sigma = float(np.clip(radii.mean() * 0.5, 1.7, 8.0))
    kept = slice(first, last + 1)
    line = _smoothed(raw[kept], sigma)
    tails = (way[first] + 1.3 * radii[0], way[-1] - way[last] + 1.3 * radii[-1])
    ends = tangents(line, radii[kept], max(tails))
    across = np.concatenate([unit_across(line), np.repeat(ends.across, len(ends.ways), axis=0)])
    looked = np.concatenate([line, ends.points()])
    found = chords(grey, looked, across, 1.5 * float(radii.max()) + 2)
    count = last + 1 - first
    inside = found.inside[:count]
    if not inside.any():
        return None
    branches = _branches(path, radii, first, last)
    widths, aside = bounded(found, line, across[:count], radii[kept], branches)
    # The skeleton keeps to whole pixels, and smoothing cuts its bends short; the middle of the
    # mask does neither.
    middle = line + aside[:, None] * across[:count]
    run = min(max(6, int(3 * radii.mean())), count - 1)
    slopes = np.array([widths[0] - widths[run], widths[-1] - widths[-1 - run]]) / run
    beyond = Chords(found.widths_px[count:], found.aside_px[count:], found.inside[count:])
    one, other = followed(grey, ends, beyond, widths[[0, -1]], np.clip(slopes, -0.5, 0.5))

    xy = np.concatenate([one.xy[::-1], middle, other.xy])
    sideways = np.concatenate([-one.across[::-1], across[:count], other.across])
    local = np.concatenate([one.widths_px[::-1], widths, other.widths_px])
    counts = np.concatenate([one.level[::-1], inside, other.level])
    circles = np.full(len(xy), np.inf)
    circles[len(one.xy) : len(one.xy) + count] = 2 * radii[kept]
    way = along(np.concatenate([one.edge_xy[None], xy, other.edge_xy[None]]))
    return Centreline(
        xy,
        sideways,
        steady(local, circles, counts, sideways, scale),
        np.convolve(np.diff(way[1:-1]), [0.5, 0.5]) * counts,
        np.stack([one.edge_xy, other.edge_xy]),
        float(way[-1]),
        len(branches),
    )


def _smoothed(line: _Floats, sigma: float) -> _Floats:
    """A Gaussian along the line, whose ends are mirrored through their points and so stay."""
    reach = min(len(line) - 1, int(4 * sigma + 0.5))
    if reach < 1:
        return line
    before = 2 * line[0] - line[reach:0:-1]
    after = 2 * line[-1] - line[-2 : -reach - 2 : -1]
    extended = np.concatenate([before, line, after])
    smooth = ndimage.gaussian_filter1d(extended, sigma, axis=0, mode="nearest")
    return cast(_Floats, smooth[reach:-reach])


def _branches(path: SkeletonPath, radii: _Floats, first: int, last: int) -> list[int]:
    """Where branches leave the line between its ends, counted from its first point."""
    return [
        at - first
        for at, length in path.branches
        if first <= at <= last and length >= max(_BRANCH_RADII * radii[at], _BRANCH_PX)
    ]
