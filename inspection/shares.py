"""Shares of few images, and what is known from them: exact intervals and paired tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta, binomtest


def clopper_pearson(hits: int, of: int, confidence: float = 0.95) -> tuple[float, float] | None:
    """The exact two-sided interval of a share; None of nothing.

    Clopper and Pearson, Biometrika 26 (1934) 404. It never covers less than it says, which is
    what a claim about escapes needs; Wilson's is narrower and at times covers less.
    """
    if of == 0:
        return None
    rest = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(rest, hits, of - hits + 1))
    high = 1.0 if hits == of else float(beta.ppf(1 - rest, hits + 1, of - hits))
    return low, high


def mcnemar_p(only_a: int, only_b: int) -> float:
    """McNemar's test, exact, two-sided: images that only one of two judged rightly.

    McNemar, Psychometrika 12 (1947) 153; the exact form is a sign test on the discordant pairs.
    """
    total = only_a + only_b
    return float(binomtest(only_a, total, 0.5).pvalue) if total else 1.0


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """A share under B minus the share under A on the same images, with a 95 % interval."""

    difference: float
    low: float
    high: float


def paired_difference(
    only_a: int, only_b: int, of: int, *, resamples: int = 2000, seed: int = 0
) -> PairedDifference | None:
    """The difference of two shares on the same images by a paired bootstrap; None of nothing.

    A resample of images is a draw of how many of them are discordant either way, so no image is
    needed (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 8 and 13).

    Args:
        only_a: images that count for A alone.
        only_b: those that count for B alone.
        of: all images.
    """
    if of == 0:
        return None
    counts = np.array([only_a, only_b, of - only_a - only_b]) / of
    drawn = np.random.default_rng(seed).multinomial(of, counts, size=resamples)
    low, high = np.percentile((drawn[:, 1] - drawn[:, 0]) / of, [2.5, 97.5])
    return PairedDifference((only_b - only_a) / of, float(low), float(high))
