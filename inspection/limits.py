"""Measurements held against a recipe's limits, and how that is said in a line for people.

Near a limit a measurement proves nothing, whatever side it lies on. After ISO 14253-1:2017 the
tolerance is drawn in by a guard band g = k·u on the side of conformity and widened by it on the
other: within the first conformity is proven, beyond the second nonconformity, and in between is
`warn`. k = 1.65 is the standard's default: at least 95 % probability, one-sided.
"""

from collections.abc import Iterable, Mapping
from math import floor, log10

from inspection.judgement import Measurement
from inspection.millimetres import Measured
from inspection.recipe import ClassRule, Limit, Quantity
from inspection.verdicts import Verdict

_SEVERITY = (Verdict.PASS, Verdict.WARN, Verdict.FAIL)
_SIGNS = {"px2": "px²", "mm2": "mm²"}
# What is shown after ±: the expanded uncertainty (GUM 6.2), about 95 % to both sides.
EXPANDED_K = 2.0
# Name, its quantities in px and in mm, their units.
_QUANTITIES: tuple[tuple[str, Quantity, Quantity, str, str], ...] = (
    ("length", "length_px", "length_mm", "px", "mm"),
    ("max_width", "max_width_px", "max_width_mm", "px", "mm"),
    ("width_p95", "width_p95_px", "width_p95_mm", "px", "mm"),
    ("mean_width", "mean_width_px", "mean_width_mm", "px", "mm"),
    ("area", "area_px", "area_mm2", "px2", "mm2"),
)
# These are measured in any case; others where the recipe limits them.
_ALWAYS = ("length", "max_width", "mean_width", "area")


def worst(verdicts: Iterable[Verdict | None]) -> Verdict:
    """The worst of pass, warn and fail; pass where there is none."""
    ranks = [_SEVERITY.index(verdict) for verdict in verdicts if verdict is not None]
    return _SEVERITY[max(ranks, default=0)]


def held(
    name: str,
    value: float,
    unit: str,
    limit: Limit | None,
    place: str = "",
    *,
    uncertainty: float | None = None,
    k: float = 0.0,
) -> Measurement:
    """A measurement with its verdict.

    More than `fail` by at least the guard band k·uncertainty fails; less by less than it warns, as
    does more than `warn`, which is no tolerance and has no guard band.
    """
    if limit is None:
        return Measurement(name, value, unit, place=place, uncertainty=uncertainty)
    band = k * (uncertainty or 0.0)
    verdict = Verdict.PASS
    if limit.warn is not None and value > limit.warn:
        verdict = Verdict.WARN
    if limit.fail is not None:
        if value - band > limit.fail:
            verdict = Verdict.FAIL
        elif value + band > limit.fail:
            verdict = Verdict.WARN
    return Measurement(name, value, unit, limit.warn, limit.fail, verdict, place, uncertainty)


def of_finding(
    pixels: Mapping[str, Measured],
    millimetres: Mapping[str, Measured] | None,
    branch_count: int,
    orientation: Measured,
    rule: ClassRule,
    place: str,
    k: float,
) -> tuple[Measurement, ...]:
    """The measurements of one finding.

    Each stands once: in the unit of its limit, else in mm where there is a scale, else in px. Only
    a quantity with limits in both units stands in both.
    """
    measurements = []
    for name, in_px, in_mm, unit_px, unit_mm in _QUANTITIES:
        limit_px, limit_mm = rule.limit(in_px), rule.limit(in_mm)
        if name not in _ALWAYS and limit_px is None and limit_mm is None:
            continue
        chosen = []
        if millimetres is not None and (limit_mm is not None or limit_px is None):
            chosen.append((millimetres[name], unit_mm, limit_mm))
        if limit_px is not None or millimetres is None:
            chosen.append((pixels[name], unit_px, limit_px))
        for measured, unit, limit in chosen:
            u = measured.uncertainty
            measurements.append(held(name, measured.value, unit, limit, place, uncertainty=u, k=k))
    branches = rule.limit("branches")
    if branches is not None:
        measurements.append(held("branches", float(branch_count), "1", branches, place))
    u = orientation.uncertainty
    measurements.append(
        Measurement("orientation", orientation.value, "deg", place=place, uncertainty=u)
    )
    return tuple(measurements)


def exceeded(measurement: Measurement) -> str:
    """`4.8 mm > 3.0 mm`, with as many places as it takes to tell the two apart.

    Where the guard band decided: `2.97 ± 0.12 mm, too near to 3.00 mm`.
    """
    value, limit = measurement.value, measurement.fail_limit
    if measurement.verdict is not Verdict.FAIL or limit is None:
        warned = measurement.warn_limit
        if limit is not None and (warned is None or value <= warned):
            return _near(measurement, limit)
        limit = warned
    if limit is None:
        raise ValueError(f"expected a measurement with a limit, got {measurement}")
    if measurement.unit == "1":
        return f"{value:g} > {limit:g}"
    unit = _SIGNS.get(measurement.unit, measurement.unit)
    for places in range(0 if unit.startswith("px") else 1, 5):
        left, right = f"{value:.{places}f}", f"{limit:.{places}f}"
        # Neither may look equal, nor a limit like 0.25 look like another.
        if left != right and abs(float(right) - limit) < 1e-9:
            break
    return f"{left} {unit} > {right} {unit}"


def stated(value: float, uncertainty: float) -> str:
    """`4.8 ± 0.2`: with the expanded uncertainty, k = 2, of which one digit is told, of 1 two."""
    expanded = EXPANDED_K * uncertainty
    places = _places(expanded)
    return f"{value:.{places}f} ± {expanded:.{places}f}"


def _places(expanded: float) -> int:
    if expanded <= 0:
        return 3
    first = floor(log10(expanded))
    return max(0, (1 if expanded < 2 * 10.0**first else 0) - first)


def _near(measurement: Measurement, limit: float) -> str:
    unit = _SIGNS.get(measurement.unit, measurement.unit)
    u = measurement.uncertainty or 0.0
    places = _places(EXPANDED_K * u)
    return f"{stated(measurement.value, u)} {unit}, too near to {limit:.{places}f} {unit}"
