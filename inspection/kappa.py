"""How far two who judge the same things agree, beyond what chance would make them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import sqrt

from scipy.stats import norm


@dataclass(frozen=True)
class Kappa:
    """Cohen's kappa with its interval.

    Attributes:
        kappa: None where it is not defined: nothing was judged, or both always said the same one
            thing, so that chance alone would make them agree.
        agreement: the share of things of which both said the same; None: nothing was judged.
        se: the standard error of `kappa`.
    """

    kappa: float | None
    agreement: float | None
    se: float | None
    low: float | None
    high: float | None
    things: int


def cohens_kappa(pairs: Sequence[tuple[Hashable, Hashable]], *, confidence: float = 0.95) -> Kappa:
    """κ = (p_o − p_e) / (1 − p_e) of the pairs of words on each thing.

    J. Cohen, *A coefficient of agreement for nominal scales*, Educ. Psychol. Meas. 20, 1960. The
    standard error is that for κ ≠ 0 of J. L. Fleiss, J. Cohen and B. S. Everitt, Psychol. Bull. 72,
    1969, eq. 13; the interval is normal, cut to [−1, 1], and rough below some 30 things.
    """
    n = len(pairs)
    if n == 0:
        return Kappa(None, None, None, None, None, 0)
    words = list(dict.fromkeys(word for pair in pairs for word in pair))
    joint = {(a, b): 0.0 for a in words for b in words}
    for pair in pairs:
        joint[pair] += 1 / n
    rows = {a: sum(joint[a, b] for b in words) for a in words}
    columns = {b: sum(joint[a, b] for a in words) for b in words}
    agreed = sum(a == b for a, b in pairs) / n
    by_chance = sum(rows[word] * columns[word] for word in words)
    if 1 - by_chance < 1e-12:
        return Kappa(None, agreed, None, None, None, n)
    kappa = (agreed - by_chance) / (1 - by_chance)
    same = sum(
        joint[word, word] * (1 - (rows[word] + columns[word]) * (1 - kappa)) ** 2 for word in words
    )
    other = (1 - kappa) ** 2 * sum(
        joint[a, b] * (columns[a] + rows[b]) ** 2 for a in words for b in words if a != b
    )
    rest = (kappa - by_chance * (1 - kappa)) ** 2
    se = sqrt(max(same + other - rest, 0.0) / n) / (1 - by_chance)
    z = float(norm.ppf(1 - (1 - confidence) / 2))
    return Kappa(kappa, agreed, se, max(-1.0, kappa - z * se), min(1.0, kappa + z * se), n)
