"""Shares of a whole, estimated from a sample whose members were drawn with known probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from scipy.stats import beta, norm

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A share with its interval, and from how much it is.

    Attributes:
        share: None where nothing was sampled of what it is a share of.
        effective: the size of a simple random sample that would tell as much.
    """

    share: float | None
    low: float
    high: float
    hits: int
    of: int
    effective: float


@dataclass(frozen=True)
class Sampled:
    """One member of a sample.

    Attributes:
        probability: with which it was drawn, above 0.
        belongs: to what the share is of (a good part).
        hit: it is what is counted (and was rejected).
    """

    probability: float
    belongs: bool
    hit: bool


def total(values: Sequence[float], probabilities: Sequence[float]) -> float:
    """The Horvitz–Thompson estimate of a total, Σ y/π.

    D. G. Horvitz and D. J. Thompson, *A generalization of sampling without replacement from a
    finite universe*, JASA 47, 1952, eq. 8. Raises ValueError where a probability is not in (0, 1].
    """
    _check(probabilities)
    return sum(
        value / probability for value, probability in zip(values, probabilities, strict=True)
    )


def share(sample: Sequence[Sampled], confidence: float = CONFIDENCE) -> Estimate:
    """The share of hits among those that belong: the ratio of two Horvitz–Thompson totals.

    Hájek's estimator (*Comment on a paper by D. Basu*, 1971), which needs no size of the whole. Its
    variance is that of the linearised ratio (C.-E. Särndal, B. Swensson, J. Wretman, *Model
    Assisted Survey Sampling*, 1992, sec. 5.6), without the finite-population correction: the
    process goes on, and its rate is asked for. The interval is that of E. L. Korn and B. I.
    Graubard (*Survey Methodology* 24, 1998): Clopper and Pearson's for the effective sample size,
    which stays honest at 0 hits.

    Raises:
        ValueError: a probability is not in (0, 1].
    """
    _check([each.probability for each in sample])
    of = [each for each in sample if each.belongs]
    hits = sum(each.hit for each in of)
    if not of:
        return Estimate(None, 0.0, 1.0, 0, 0, 0.0)
    weights = [1 / each.probability for each in of]
    whole = sum(weights)
    rate = sum(weight for weight, each in zip(weights, of, strict=True) if each.hit) / whole
    rate = min(rate, 1.0)
    effective = _effective(of, weights, rate, whole)
    low, high = clopper_pearson(rate * effective, effective, confidence)
    return Estimate(rate, low, high, hits, len(of), effective)


def _effective(of: Sequence[Sampled], weights: Sequence[float], rate: float, whole: float) -> float:
    kish = whole**2 / sum(weight**2 for weight in weights)  # L. Kish, Survey Sampling, 1965
    variance = (
        sum(
            (weight * (float(each.hit) - rate)) ** 2
            for weight, each in zip(weights, of, strict=True)
        )
        / whole**2
    )
    if variance <= 0:
        return kish
    return min(float(len(of)), rate * (1 - rate) / variance)


def clopper_pearson(hits: float, of: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The exact interval of a share (C. J. Clopper, E. S. Pearson, Biometrika 26, 1934).

    Both may be fractions, as effective sizes are; nothing of nothing gives 0 to 1.
    """
    if of <= 0:
        return 0.0, 1.0
    hits = min(max(hits, 0.0), of)
    rest = (1 - confidence) / 2
    tiny = 1e-9 * of
    low = 0.0 if hits <= tiny else float(beta.ppf(rest, hits, of - hits + 1))
    high = 1.0 if hits >= of - tiny else float(beta.ppf(1 - rest, hits + 1, of - hits))
    return low, high


def wilson(hits: float, of: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The score interval of a share (E. B. Wilson, JASA 22, 1927), as a browser can count it too.

    Nothing of nothing gives 0 to 1.
    """
    if of <= 0:
        return 0.0, 1.0
    z = float(norm.ppf(1 - (1 - confidence) / 2))
    rate = hits / of
    middle = rate + z * z / (2 * of)
    half = z * sqrt(max(rate * (1 - rate), 0.0) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def _check(probabilities: Sequence[float]) -> None:
    for each in probabilities:
        if not 0 < each <= 1:
            raise ValueError(f"expected probabilities above 0 and up to 1, got {each}")
