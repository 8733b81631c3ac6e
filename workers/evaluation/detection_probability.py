"""Probability of detection against defect size, from hits and misses: MIL-HDBK-1823A.

The model is the handbook's for hit/miss data (appendix G.3): logit POD(a) = b0 + b1 ln a,
fitted by maximum likelihood. Confidence bounds come from the likelihood ratio, which the
handbook prefers to Wald's for few data: a90/95 is the largest size that a one-sided test at 95 %
does not refute as the one with POD 90 % (profile likelihood, χ² with one degree of freedom).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit, log_expit, logit
from scipy.stats import chi2

Floats = npt.NDArray[np.float64]

# MIL-HDBK-1823A, 4.5.2.2: at least 60 targets where the answer is hit or miss.
LEAST_DEFECTS = 60
# With fewer of either the curve rests on single defects.
LEAST_OF_EACH = 5
# One-sided 95 %: both tails together leave 10 %.
_CRITICAL = float(chi2.ppf(0.90, 1))
_FARTHEST = 12.0  # e^12: a bound beyond 160 000 times the size is no bound


@dataclass(frozen=True, slots=True)
class DetectionCurve:
    """A fitted curve, or why there is none.

    Attributes:
        a90: size at which 90 % are detected, in the unit of the sizes.
        a90_95: size at which, with 95 % confidence, at least 90 % are.
        intercept, slope: b0 and b1.
        reason: why something above is None; empty where nothing is.
    """

    a90: float | None
    a90_95: float | None
    intercept: float | None
    slope: float | None
    reason: str

    def probability(self, sizes: Floats) -> Floats:
        """POD at sizes, both float64 (N,); only of a curve that was fitted."""
        assert self.intercept is not None
        assert self.slope is not None
        return np.asarray(expit(self.intercept + self.slope * np.log(sizes)))


def detection_curve(sizes: Floats, hits: npt.NDArray[np.bool_]) -> DetectionCurve:
    """Fit a curve to sizes (N,) above 0 and whether each was hit, bool (N,)."""
    found, missed = int(np.count_nonzero(hits)), int(np.count_nonzero(~hits))
    if refusal := _refusal(sizes, hits, found, missed):
        return DetectionCurve(None, None, None, None, refusal)
    x = np.log(sizes)
    fit = _fit(x, hits)
    if fit is None:
        return DetectionCurve(None, None, None, None, "the fit does not converge")
    intercept, slope = fit
    if slope <= 0:
        return DetectionCurve(
            None, None, None, None, f"larger defects are not found more often (slope {slope:.2f})"
        )
    a90 = math.exp((logit(0.9) - intercept) / slope)
    if a90 > sizes.max():
        reason = f"a90 would be {a90:.3g}, beyond the largest defect of {sizes.max():.3g}"
        return DetectionCurve(None, None, intercept, slope, reason)
    bound = upper_bound(sizes, hits, intercept, slope, 0.9)
    reason = "" if bound is not None else "too few data for an upper bound of a90"
    return DetectionCurve(a90, bound, intercept, slope, reason)


def upper_bound(
    sizes: Floats, hits: npt.NDArray[np.bool_], intercept: float, slope: float, probability: float
) -> float | None:
    """The largest size that may have this POD, at 95 % one-sided; None if none is too large."""
    x = np.log(sizes)
    best = _log_likelihood(intercept + slope * x, hits)
    level = float(logit(probability))
    centre = (level - intercept) / slope

    def beyond(place: float) -> float:
        return 2 * (best - _profile(x, hits, place, level, slope)) - _CRITICAL

    step = 0.05
    low = centre
    while step < _FARTHEST:
        if beyond(centre + step) > 0:
            return math.exp(brentq(beyond, low, centre + step, xtol=1e-6))
        low, step = centre + step, step * 1.6
    return None


def _refusal(sizes: Floats, hits: npt.NDArray[np.bool_], found: int, missed: int) -> str:
    if len(sizes) < LEAST_DEFECTS:
        return f"{len(sizes)} defects; MIL-HDBK-1823A asks for at least {LEAST_DEFECTS}"
    if missed < LEAST_OF_EACH:
        return f"{missed} of {len(sizes)} defects missed; at least {LEAST_OF_EACH} are needed"
    if found < LEAST_OF_EACH:
        return f"{found} of {len(sizes)} defects hit; at least {LEAST_OF_EACH} are needed"
    if np.unique(sizes).size < 3:
        return "the defects are all of one size"
    if sizes[~hits].max() < sizes[hits].min():
        return "every hit is larger than every miss, so that the steepest curve fits best"
    return ""


def _fit(x: Floats, hits: npt.NDArray[np.bool_]) -> tuple[float, float] | None:
    """b0 and b1 by Newton's method on centred sizes; None where it does not converge."""
    centre, spread = float(x.mean()), float(x.std())
    design = np.column_stack([np.ones_like(x), (x - centre) / spread])
    parameters = np.zeros(2)
    for _ in range(50):
        p = expit(design @ parameters)
        information = design.T @ (design * (p * (1 - p))[:, None])
        try:
            step = np.linalg.solve(information, design.T @ (hits - p))
        except np.linalg.LinAlgError:
            return None
        parameters += np.clip(step, -2, 2)
        if not np.isfinite(parameters).all() or np.abs(parameters).max() > 500:
            return None
        if np.abs(step).max() < 1e-9:
            slope = float(parameters[1]) / spread
            return float(parameters[0]) - slope * centre, slope
    return None


def _profile(
    x: Floats, hits: npt.NDArray[np.bool_], place: float, level: float, slope: float
) -> float:
    """The best log-likelihood of the curves through (place, level), by Newton's method."""
    away = x - place
    best = _log_likelihood(level + slope * away, hits)
    for _ in range(60):
        p = expit(level + slope * away)
        curvature = float((away**2 * p * (1 - p)).sum())
        if curvature < 1e-12:
            break
        step = float((away * (hits - p)).sum()) / curvature
        while True:
            value = _log_likelihood(level + (slope + step) * away, hits)
            if value >= best - 1e-12 or abs(step) < 1e-10:
                break
            step /= 2
        slope, best = slope + step, max(best, value)
        if abs(step) < 1e-9:
            break
    return best


def _log_likelihood(eta: Floats, hits: npt.NDArray[np.bool_]) -> float:
    return float(np.where(hits, log_expit(eta), log_expit(-eta)).sum())
