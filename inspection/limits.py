"""Measurements held against a recipe's limits, and how that is said in a line for people."""

from collections.abc import Iterable

from inspection.judgement import Measurement
from inspection.measure import MaskMeasurement
from inspection.recipe import ClassRule, Limit, Quantity
from inspection.verdicts import Verdict

_SEVERITY = (Verdict.PASS, Verdict.WARN, Verdict.FAIL)
_SIGNS = {"px2": "px²", "mm2": "mm²"}
# Name, its quantities in px and in mm, their units, and the power of the scale.
_QUANTITIES: tuple[tuple[str, Quantity, Quantity, str, str, int], ...] = (
    ("length", "length_px", "length_mm", "px", "mm", 1),
    ("max_width", "max_width_px", "max_width_mm", "px", "mm", 1),
    ("mean_width", "mean_width_px", "mean_width_mm", "px", "mm", 1),
    ("area", "area_px", "area_mm2", "px2", "mm2", 2),
)


def worst(verdicts: Iterable[Verdict | None]) -> Verdict:
    """The worst of pass, warn and fail; pass where there is none."""
    ranks = [_SEVERITY.index(verdict) for verdict in verdicts if verdict is not None]
    return _SEVERITY[max(ranks, default=0)]


def held(name: str, value: float, unit: str, limit: Limit | None, place: str = "") -> Measurement:
    """A measurement with its verdict: more than `fail` fails, more than `warn` warns."""
    if limit is None:
        return Measurement(name, value, unit, place=place)
    verdict = Verdict.PASS
    if limit.warn is not None and value > limit.warn:
        verdict = Verdict.WARN
    if limit.fail is not None and value > limit.fail:
        verdict = Verdict.FAIL
    return Measurement(name, value, unit, limit.warn, limit.fail, verdict, place)


def of_finding(
    mask: MaskMeasurement, rule: ClassRule, mm_per_px: float | None, place: str
) -> tuple[Measurement, ...]:
    """The measurements of one finding.

    Each stands once: in the unit of its limit, else in mm where there is a scale, else in px. Only
    a quantity with limits in both units stands in both.
    """
    values = {
        "length": mask.length_px,
        "max_width": mask.max_width_px,
        "mean_width": mask.mean_width_px,
        "area": float(mask.area_px),
    }
    measurements = []
    for name, in_px, in_mm, unit_px, unit_mm, power in _QUANTITIES:
        limit_px, limit_mm = rule.limit(in_px), rule.limit(in_mm)
        if mm_per_px is not None and (limit_mm is not None or limit_px is None):
            value_mm = values[name] * mm_per_px**power
            measurements.append(held(name, value_mm, unit_mm, limit_mm, place))
        if limit_px is not None or mm_per_px is None:
            measurements.append(held(name, values[name], unit_px, limit_px, place))
    measurements.append(Measurement("orientation", mask.orientation_deg, "deg", place=place))
    return tuple(measurements)


def exceeded(measurement: Measurement) -> str:
    """`4.8 mm > 3.0 mm`, with as many places as it takes to tell the two apart."""
    limit = measurement.fail_limit
    if measurement.verdict is not Verdict.FAIL or limit is None:
        limit = measurement.warn_limit
    if limit is None:
        raise ValueError(f"expected a measurement with a limit, got {measurement}")
    if measurement.unit == "1":
        return f"{measurement.value:g} > {limit:g}"
    unit = _SIGNS.get(measurement.unit, measurement.unit)
    for places in range(0 if unit.startswith("px") else 1, 5):
        left, right = f"{measurement.value:.{places}f}", f"{limit:.{places}f}"
        # Neither may look equal, nor a limit like 0.25 look like another.
        if left != right and abs(float(right) - limit) < 1e-9:
            break
    return f"{left} {unit} > {right} {unit}"
