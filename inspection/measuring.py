"""One finding's mask measured and held against its class's limits."""

from inspection import limits
from inspection.calibration import Calibration
from inspection.detections import InstanceMask
from inspection.judgement import Measurement
from inspection.measure import measure_trace
from inspection.millimetres import Measured, in_mm, in_px
from inspection.recipe import ClassRule, Decision
from inspection.tracing import trace


def measured(
    mask: InstanceMask,
    rule: ClassRule,
    decision: Decision,
    calibration: Calibration | None,
    place: str,
) -> tuple[Measurement, ...]:
    """The measurements of one finding, in mm where there is a calibration.

    Args:
        mask: not empty.
        decision: how near to a limit is too near.
    """
    traced = trace(mask.bits)
    pixels = measure_trace(traced, decision.mask_edge_px)
    millimetres = None
    if calibration is not None:
        millimetres = in_mm(traced, pixels, (mask.x0, mask.y0), calibration)
    orientation = Measured(pixels.orientation_deg, pixels.u_orientation_deg)
    return limits.of_finding(
        in_px(pixels), millimetres, pixels.branch_count, orientation, rule, place, decision.guard_k
    )


def area_only(area_px: int, calibration: Calibration | None, place: str) -> Measurement:
    """The area of what is counted: it needs no centreline, and a shelf has many of it."""
    if calibration is None:
        return Measurement("area", float(area_px), "px2", place=place)
    return Measurement("area", area_px * calibration.mm_per_px**2, "mm2", place=place)
