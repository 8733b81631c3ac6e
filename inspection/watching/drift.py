"""Two samples of one figure: has it drifted, by how much, and is that more than chance?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]

_SHARE_FLOOR = 1e-4  # of an empty bin, whose logarithm would be infinite


def psi(reference: Sequence[float] | Floats, today: Sequence[float] | Floats) -> float:
    """Population stability index of two samples, in bins of equal shares of both together.

    Σ (q - p) ln(q / p) over the bins, Siddiqi (2006), Credit Risk Scorecards: by rule of thumb
    below 0.1 nothing changed, above 0.25 a lot. The bins are ten, and fewer where a sample has not
    five for each. Bins of the reference alone would be empty on its other side by construction.

    Raises:
        ValueError: a sample is empty.
    """
    edges = _edges(reference, today)
    return _psi(_counts(reference, edges), _counts(today, edges))


def psi_of_chance(
    reference: Sequence[float] | Floats, today: Sequence[float] | Floats, level: float = 0.999
) -> float:
    """What the index of two samples of one population stays below, at a level.

    (1/n + 1/m) χ²(bins - 1), Yurdakul and Naranjo (2020), Statistical properties of the
    population stability index: with 20 pictures 0.25 is nothing but chance.
    """
    bins = len(_edges(reference, today)) + 1
    if bins < 2:
        return 0.0
    weight = 1 / len(reference) + 1 / len(today)
    return float(weight * stats.chi2.ppf(level, bins - 1))


def kolmogorov_smirnov(
    reference: Sequence[float] | Floats, today: Sequence[float] | Floats
) -> tuple[float, float]:
    """The largest distance of the two distribution functions, 0 to 1, and its p.

    Raises:
        ValueError: a sample is empty.
    """
    if not len(reference) or not len(today):
        raise ValueError(f"expected two samples, got {len(reference)} and {len(today)} values")
    found = stats.ks_2samp(reference, today, method="asymp")
    return float(found.statistic), float(found.pvalue)


def classes_changed(reference: Mapping[str, int], today: Mapping[str, int]) -> tuple[float, float]:
    """Cramér's V of two counts by class, 0 to 1, and p by Pearson's χ² of their table.

    Classes of which fewer than five were expected on a side are counted together (Cochran 1954).
    With fewer than two classes left nothing can have changed: (0, 1).
    """
    names = sorted(set(reference) | set(today))
    table = np.array([[each.get(name, 0) for name in names] for each in (reference, today)], float)
    total = table.sum()
    if not names or not table.sum(axis=1).all():
        return 0.0, 1.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / total
    rare = (expected < 5).any(axis=0)
    kept = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    kept = kept[:, kept.sum(axis=0) > 0]
    if kept.shape[1] < 2:
        return 0.0, 1.0
    found = stats.chi2_contingency(kept, correction=False)
    return float(np.sqrt(found.statistic / total)), float(found.pvalue)


def adjusted(p_values: Mapping[str, float]) -> dict[str, float]:
    """p by Benjamini and Hochberg (1995) for several figures looked at at once, by name."""
    if not p_values:
        return {}
    names = list(p_values)
    found = stats.false_discovery_control([p_values[name] for name in names])
    return dict(zip(names, (float(each) for each in found), strict=True))


def _edges(reference: Sequence[float] | Floats, today: Sequence[float] | Floats) -> Floats:
    if not len(reference) or not len(today):
        raise ValueError(f"expected two samples, got {len(reference)} and {len(today)} values")
    bins = int(np.clip(min(len(reference), len(today)) // 5, 2, 10))
    # Each sample weighs the same, however many it has.
    both = np.concatenate([np.asarray(reference, float), np.asarray(today, float)])
    weights = np.repeat([1 / len(reference), 1 / len(today)], [len(reference), len(today)])
    order = np.argsort(both, kind="stable")
    rising = np.cumsum(weights[order]) / 2
    places = np.searchsorted(rising, np.arange(1, bins) / bins - 1e-9)
    # Ties may make edges fall together, and one above which nothing is left is none.
    edges = np.unique(both[order][np.minimum(places, len(both) - 1)])
    below: Floats = edges[edges < both.max()]
    return below


def _counts(values: Sequence[float] | Floats, edges: Floats) -> Floats:
    places = np.searchsorted(edges, np.asarray(values, float), side="left")
    return np.bincount(places, minlength=len(edges) + 1).astype(np.float64)


def _psi(reference: Floats, today: Floats) -> float:
    before = np.maximum(reference / reference.sum(), _SHARE_FLOOR)
    now = np.maximum(today / today.sum(), _SHARE_FLOOR)
    return float(((now - before) * np.log(now / before)).sum())
