"""The geometry of one mask in pixels: area, length, widths, orientation, branches.

Lengths are in pixel edges: a bar of 100 × 4 set pixels is 100 px long and 4 px wide. A crack is
measured along its skeleton, whose steps are smoothed, because a chain of straight and diagonal
steps overrates a line by up to 8 % (Freeman's chain code; Dorst and Smeulders 1987), and which is
continued to where the mask ends. Local width is how much mask lies across that centreline.

Each has a standard uncertainty (GUM, JCGM 100:2008, type B, independent parts added in squares):

- pixels: an edge lies anywhere within the pixel that it ends in, uniformly, u = 1/√12 px; a length
  and a width have two edges, 1/√6 px. It is not made less by the length of an edge, for along a
  row of pixels all of it errs alike.
- the mask's edge: the whole outline lies up to `edge_px` outside or inside of the thing's own edge,
  uniformly, u = edge_px/√3, on both sides alike.
- the way: 0.5 % of a length, from bars and arcs drawn at all angles (tests/unit/inspection).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inspection.tracing import Trace, trace

# How far a mask's edge may lie beside the edge of what it shows, px.
EDGE_PX = 0.5
_U_PIXELS_PX = 6**-0.5
_U_WAY = 0.005


@dataclass(frozen=True, slots=True)
class MaskMeasurement:
    """What one mask measures, in px of the image that it belongs to.

    `u_…` is the standard uncertainty (k = 1) of what it is named after, in the same unit.

    Attributes:
        area_px: number of set pixels.
        length_px: end to end along the longest way through the centreline; of a compact blob
            (less than twice as long as wide) the extent along its axis.
        mean_width_px: mean over the centreline, without the rounding of its ends; of a blob area
            over length.
        width_p95_px: of 95 % of the centreline's length the width is at most this.
        max_width_px: the largest local width, after what the raster alone makes wider has been
            averaged; junctions of branches do not count as wide, nor does a widening that is
            shorter than the mask is wide.
        orientation_deg: 0 ≤ angle < 180, of the axis of the least second moment, counterclockwise
            from the image's horizontal as a viewer sees it: 0 lies, 90 stands, 45 rises to the
            right. A mask that has no such axis (a disc, a square) gives 0.
        branch_count: branches that leave the centreline, and stick out of its side by at least
            its local width; 0 for a single line. What branches off a branch belongs to it.
    """

    area_px: int
    length_px: float
    mean_width_px: float
    width_p95_px: float
    max_width_px: float
    orientation_deg: float
    branch_count: int
    u_area_px: float
    u_length_px: float
    u_mean_width_px: float
    u_width_p95_px: float
    u_max_width_px: float
    u_orientation_deg: float


def measure_mask(mask: npt.NDArray[np.bool_], edge_px: float = EDGE_PX) -> MaskMeasurement:
    """Measure one mask, bool (H, W). Cost follows the mask's own box, not the image.

    Pieces that lie closer than about twice their width are measured as one; of others the longest
    counts for length and widths. Area and orientation are of all pixels.

    Args:
        edge_px: how far the mask's edge may lie beside the thing's own, px, ≥ 0.

    Raises:
        ValueError: the mask is not a two-dimensional bool array, or it is empty.
    """
    return measure_trace(trace(mask), edge_px)


def measure_trace(traced: Trace, edge_px: float = EDGE_PX) -> MaskMeasurement:
    """The same of a mask that has been traced."""
    length = traced.length_px
    mean_width, p95, widest = widths(traced.widths_px, traced.steps_px)
    if not traced.slender:
        mean_width = traced.area_px / length
        p95 = widest = max(widest, mean_width)
    u_edge = edge_px / 3**0.5
    u_width = float(np.hypot(_U_PIXELS_PX, 2 * u_edge))
    u_length = float(np.hypot(u_width, _U_WAY * length if traced.slender else 0.0))
    # Pixels and edge move the sides along the length, and the ends across the width.
    u_area = float(
        np.hypot(_U_PIXELS_PX * np.hypot(length, mean_width), 2 * (length + mean_width) * u_edge)
    )
    # An axis through two ends, each of which errs sideways by 1/√12 px; any where there is none.
    u_axis = 180 / 12**0.5
    if traced.axis_deg is not None:
        u_axis = min(float(np.degrees(np.arctan(_U_PIXELS_PX / length))), u_axis)
    return MaskMeasurement(
        area_px=traced.area_px,
        length_px=length,
        mean_width_px=mean_width,
        width_p95_px=p95,
        max_width_px=widest,
        orientation_deg=traced.axis_deg or 0.0,
        branch_count=traced.branch_count,
        u_area_px=u_area,
        u_length_px=u_length,
        u_mean_width_px=u_width,
        u_width_p95_px=u_width,
        u_max_width_px=u_width,
        u_orientation_deg=u_axis,
    )


def widths(
    local: npt.NDArray[np.float64], steps: npt.NDArray[np.float64]
) -> tuple[float, float, float]:
    """Mean, 95th percentile and maximum of local widths (points,), weighed by their steps."""
    order = np.argsort(local)
    reached = np.cumsum(steps[order])
    at = int(np.searchsorted(reached, 0.95 * reached[-1]))
    # Where there is no mask, in a gap that was bridged, there is no width either.
    widest = float(local[steps > 0].max())
    return float(local @ steps / reached[-1]), float(min(local[order[at]], widest)), widest
