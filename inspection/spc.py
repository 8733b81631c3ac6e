"""Control charts of counts: p (defective units) and u (defects per unit), with varying sizes.

Sources: D. C. Montgomery, Introduction to Statistical Quality Control, 7th ed. (2013), sections
7.2 (p) and 7.3 (u); ISO 7870-2:2013, section 8 (attribute charts); D. B. Laney, "Improved control
charts for attributes", Quality Engineering 14(4), 2002 (p' and u').
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, chdtrc, erfc, pdtr

from inspection.nelson import ATTRIBUTE_RULES, Signal, broken

Floats = NDArray[np.float64]
# Of a normal quantity, beyond three standard deviations on one side.
TAIL = 0.00135
# Below so many expected (and, of parts, so many good ones) a count is too skewed for limits that
# stand at equal distances (Montgomery, section 3.5.3: np and n(1-p) of at least 5).
FEW = 5.0
# Limits from fewer subgroups are trial limits that move with each further one (section 7.2.1).
ENOUGH_SUBGROUPS = 20
# Mean moving range of two neighbours to standard deviation: d2 of n = 2.
_D2 = 1.128


class ChartKind(StrEnum):
    P = "p"  # of the units inspected, the share that is defective
    U = "u"  # defects for each unit inspected


@dataclass(frozen=True)
class Phase:
    """A stretch in which nothing was changed, with limits of its own.

    Attributes:
        first, end: places of its subgroups, `end` not included.
        centre: mean of the phase, weighted by size.
        sigma_z: what Laney widens the limits by; 1.0 where he was not asked for.
        dispersion: variance of the standardised values; 1 where counts vary by chance alone.
        dispersion_p: how likely chance alone gives as much or more (chi-squared).
    """

    first: int
    end: int
    centre: float
    sigma_z: float
    dispersion: float
    dispersion_p: float

    @property
    def is_trial(self) -> bool:
        return self.end - self.first < ENOUGH_SUBGROUPS

    @property
    def is_overdispersed(self) -> bool:
        """Whether more than chance moves the counts, so that plain limits are too narrow."""
        return self.end - self.first >= ENOUGH_SUBGROUPS and self.dispersion_p < 0.001


@dataclass(frozen=True)
class Chart:
    """Points with their limits, each array (subgroups,) float64, and what the rules found.

    Attributes:
        z: distance from the centre line in standard deviations of its own subgroup.
        judged_by_runs: (subgroups,) bool: enough is expected for the rules about runs.
    """

    kind: ChartKind
    values: Floats
    sizes: Floats
    centre: Floats
    lower: Floats
    upper: Floats
    z: Floats
    judged_by_runs: NDArray[np.bool_]
    phases: tuple[Phase, ...]
    signals: tuple[Signal, ...]

    def rules_at(self) -> Mapping[int, Sequence[int]]:
        """The rules that each signalling subgroup breaks, by its place."""
        found: dict[int, list[int]] = {}
        for signal in self.signals:
            found.setdefault(signal.index, []).append(signal.rule)
        return {index: sorted(rules) for index, rules in sorted(found.items())}


def chart(
    kind: ChartKind,
    counts: ArrayLike,
    sizes: ArrayLike,
    phase_starts: Collection[int] = (),
    *,
    rules: Collection[int] = ATTRIBUTE_RULES,
    laney: bool = False,
    exact_below: float = FEW,
) -> Chart:
    """Draw up a chart: centre line and 3-sigma limits for each phase, and the points that signal.

    Limits follow each subgroup's own size; the rules look at standardised values (Montgomery,
    section 7.2.2), so that sizes may vary. Where fewer than five are expected, one defect may
    already lie outside three sigma; there limits lie halfway between the last count that chance
    gives in one subgroup of 740 and the next, by the binomial or Poisson distribution itself
    (probability limits: section 7.3.1), so that a point is outside as rarely as elsewhere.

    Args:
        counts: (n,) defective units, or defects; not negative.
        sizes: (n,) units inspected; above zero. Of a u-chart they may be fractions of a unit.
        phase_starts: places at which a phase begins; the first subgroup begins one by itself.
        rules: numbers of Nelson's rules.
        laney: widen or narrow the limits by how much the standardised values vary in the short
            term, for large subgroups whose true rate moves by itself. Three sigma always.
        exact_below: where fewer are expected, limits are exact; 0: three sigma everywhere.

    Raises:
        ValueError: shapes differ, a size is not above zero, or a p-chart has more defective units
            than units.
    """
    x, n = np.asarray(counts, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    _check(kind, x, n)
    bounds = sorted({0, *(start for start in phase_starts if 0 < start < len(x)), len(x)})
    values = x / n
    centre, lower, upper, z = (np.zeros_like(values) for _ in range(4))
    phases: list[Phase] = []
    signals: list[Signal] = []
    enough = np.zeros(len(x), dtype=np.bool_)
    for first, end in itertools.pairwise(bounds):
        here = slice(first, end)
        mean = float(x[here].sum() / n[here].sum())
        spread = np.sqrt(mean * (1 - mean) / n[here] if kind is ChartKind.P else mean / n[here])
        own = _standardised(values[here] - mean, spread)
        sigma_z = _laney(own) if laney else 1.0
        centre[here], z[here] = mean, own / sigma_z
        phases.append(Phase(first, end, mean, sigma_z, *_dispersion(own)))
        expected = n[here] * mean
        rest = n[here] - expected if kind is ChartKind.P else expected
        enough[here] = np.minimum(expected, rest) >= FEW
        top = 1.0 if kind is ChartKind.P else np.inf
        lower[here] = np.maximum(mean - 3 * sigma_z * spread, 0.0)
        upper[here] = np.minimum(mean + 3 * sigma_z * spread, top)
        few = np.minimum(expected, rest) < exact_below
        if few.any() and not laney:
            exact_lower, exact_upper = _exact_limits(kind, n[here], mean)
            lower[here] = np.where(few, exact_lower, lower[here])
            upper[here] = np.where(few, exact_upper, upper[here])
        outside = (values[here] < lower[here]) | (values[here] > upper[here])
        signals += broken(z[here], outside, enough[here], rules, offset=first)
    return Chart(
        kind=kind,
        values=values,
        sizes=n,
        centre=centre,
        lower=lower,
        upper=upper,
        z=z,
        judged_by_runs=enough,
        phases=tuple(phases),
        signals=tuple(signals),
    )


def size_for_runs(kind: ChartKind, centre: float) -> int | None:
    """Units that a subgroup must have to be judged by runs; None where no size is enough."""
    least = min(centre, 1 - centre) if kind is ChartKind.P else centre
    return int(np.ceil(FEW / least)) if least > 0 else None


def difference_p(kind: ChartKind, before: tuple[int, int], after: tuple[int, int]) -> float:
    """How likely two rates (count, size) differ so much by chance: the two-sided p-value.

    The test of two proportions, or of two Poisson rates given their sum, by the normal
    approximation with the pooled rate (Montgomery, sections 4.4.3 and 4.4.4).
    """
    (x1, n1), (x2, n2) = before, after
    pooled = (x1 + x2) / (n1 + n2)
    spread = pooled * (1 - pooled) if kind is ChartKind.P else pooled
    sigma = float(np.sqrt(spread * (1 / n1 + 1 / n2)))
    if sigma == 0:
        return 1.0
    return float(erfc(abs(x2 / n2 - x1 / n1) / sigma / np.sqrt(2)))


def _check(kind: ChartKind, x: Floats, n: Floats) -> None:
    if x.ndim != 1 or x.shape != n.shape:
        raise ValueError(f"expected counts (n,) and sizes (n,), got {x.shape} and {n.shape}")
    if not (np.all(np.isfinite(x)) and np.all(x >= 0)):
        raise ValueError("expected counts of at least 0")
    if not (np.all(np.isfinite(n)) and np.all(n > 0)):
        raise ValueError("expected sizes above 0: leave out subgroups of nothing")
    if kind is ChartKind.P and np.any(x > n):
        raise ValueError("expected no more defective units than units")


def _standardised(distance: Floats, sigma: Floats) -> Floats:
    return np.divide(distance, sigma, out=np.zeros_like(distance), where=sigma > 0)


def _laney(z: Floats) -> float:
    """Short-term spread of standardised values, by their mean moving range."""
    if len(z) < 2:
        return 1.0
    found = float(np.abs(np.diff(z)).mean() / _D2)
    return found if found > 0 else 1.0


def _dispersion(z: Floats) -> tuple[float, float]:
    freedom = len(z) - 1
    if freedom < 1:
        return 1.0, 1.0
    total = float((z**2).sum())
    return total / freedom, float(chdtrc(freedom, total))


def _exact_limits(kind: ChartKind, n: Floats, mean: float) -> tuple[Floats, Floats]:
    """Limits, as rates, beyond which a count lies by chance with less than `TAIL` on each side."""
    units = np.rint(n).astype(np.int64)

    def up_to(count: Floats) -> Floats:
        found = bdtr(count, units, mean) if kind is ChartKind.P else pdtr(count, n * mean)
        return np.asarray(np.where(count < 0, 0.0, found), dtype=np.float64)

    # From the middle outwards, all subgroups at once: few are expected, so that it takes few steps.
    high = np.floor(n * mean)
    while (more := 1 - up_to(high) >= TAIL).any():
        high = high + more
    low = np.floor(n * mean)
    while (less := up_to(low) >= TAIL).any():
        low = low - less
    most = n if kind is ChartKind.P else np.inf
    return np.maximum(low + 0.5, 0.0) / n, np.minimum(high + 0.5, most) / n
