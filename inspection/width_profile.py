"""Local widths along a centreline, and what of them is the thing's and not the raster's.

The width at a place is the chord across, but no more than the largest circle around there, which
the distance map gives. On a raster it is known to a pixel only: a bar that is 5.3 px wide and lies
nearly along the rows is 5 px wide here and 6 px there, each over a long run. The maximum of such a
profile is biased upwards by up to a pixel. So it is smoothed, over a way that follows from how the
line lies, and by no more than the raster can be wrong.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from inspection.crosswise import Chords, unit_across

_Floats = npt.NDArray[np.float64]

# A chain of single pixels that touch at their corners.
_THINNEST_PX = float(np.sqrt(0.5))
# By how much a run of pixels is too wide or too narrow, and over how long a way runs are averaged.
_RUN_PX, _RUNS_PX = 0.45, 240


def bounded(
    found: Chords, line: _Floats, across: _Floats, radii: _Floats, branches: Sequence[int]
) -> tuple[_Floats, _Floats]:
    """Widths of a line (points, 2) at each of its points, and how far the middle lies aside, px.

    Args:
        found: the chords at the line's points, and maybe at more.
        radii: distance to the mask's edge there, px (points,).
        branches: where branches leave the line.
    """
    widths, aside = found.widths_px[: len(line)], found.aside_px[: len(line)]
    # No place is wider than the largest circle in it, which the skeleton may miss by a pixel, and
    # in wide masks by more; nor does a widening count that is shorter than the mask is wide.
    window = max(3, int(2 * radii.mean()))
    bound = 2 * ndimage.maximum_filter1d(radii, window, mode="nearest") + 0.5
    aside = np.where(widths <= bound, aside, 0.0)
    local = np.clip(widths, _THINNEST_PX, np.maximum(bound, _THINNEST_PX))
    most = np.maximum(0.4 * radii, 1.0)
    aside = ndimage.uniform_filter1d(np.clip(aside, -most, most), 5, mode="nearest")
    # The middle's own direction is the better one: what was measured aslant was too wide.
    upright = np.einsum("ij,ij->i", across, unit_across(line + aside[:, None] * across))
    local *= np.clip(upright, 0.8, 1.0)
    return _without_branches(local, radii, branches), aside


def steady(
    widths: _Floats,
    circles: _Floats,
    counts: npt.NDArray[np.bool_],
    across: _Floats,
    scale: int,
) -> _Floats:
    """Local widths without what a notch, a spur or a bend makes of them, nor the raster.

    Args:
        widths: along a line, px (points,).
        circles: diameters of the largest circles in the mask there, by its distance map, px
            (points,); of a place without one infinite.
        counts: where there is mask, and neither end narrows it by its rounding, (points,).
        across: unit vectors across the line, (points, 2).
        scale: by how much the mask was made smaller.
    """
    size = int(_median(widths)) // 2 * 2 + 5
    kept = ndimage.median_filter(widths, size, mode="nearest")
    if scale > 1 or size > 10:
        # A median over so long a way takes the top off a spindle. It is as wide as the chord is
        # where the largest circle in it is so too.
        fits = circles - _median((circles - widths)[np.isfinite(circles)])
        circles = ndimage.maximum_filter1d(fits, 3, mode="nearest")
        near = ndimage.median_filter(np.minimum(widths, circles + 0.2), 3, mode="nearest")
        kept = np.maximum(kept, near - 0.75 / scale)
    kept = ndimage.uniform_filter1d(kept, 7 if scale == 1 else 3, mode="nearest")
    # A line that lies nearly along the rows, or nearly at 45°, is drawn in long runs that are now
    # a pixel too wide and now too narrow. The mean over many runs is right, where it is that near.
    x, y = np.abs(across).T
    tilt = np.minimum(x, y) / np.maximum(x, y)
    run_px = 1 / np.maximum(np.minimum(tilt, 1 - tilt), 1e-3)
    most = (_RUN_PX / scale) * np.clip((run_px - 5) / 10, 0.0, 1.0)
    if not most.any():
        return cast(_Floats, kept)
    over = max(3, int(min(2 * _median(run_px[most > 0]) + 10, _RUNS_PX) / scale))
    leveled = np.where(counts, kept, _median(kept))
    off = ndimage.uniform_filter1d(leveled, over, mode="reflect") - kept
    # What differs by more than a pixel the raster has not done.
    return cast(_Floats, kept + np.clip(off, -most, most) * np.clip(3 - 2 * scale * abs(off), 0, 1))


def _median(values: _Floats) -> float:
    """The upper median, in a tenth of the time of NumPy's own."""
    half = len(values) // 2
    return float(np.partition(values, half)[half])


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
