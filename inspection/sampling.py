"""Drawing inspections at random so that whoever draws again draws the same.

Each inspection gets a number between 0 and 1 from its id and a seed, and is drawn where the number
is below the probability: Poisson sampling (J. Hájek, Ann. Math. Statist. 35, 1964) with permanent
random numbers (K. R. W. Brewer, L. J. Early, S. F. Joyce, Austral. J. Statist. 14, 1972).
"""

from __future__ import annotations

from hashlib import sha256

# Where nothing is known of how many a day has, this share of it is drawn.
FIRST_DAY_SHARE = 0.01
SEED = "lineside review queue"


def unit_interval(id_: int, seed: str = SEED) -> float:
    """A number of [0, 1) that stands for an id: 53 bits of its SHA-256."""
    digest = sha256(f"{seed}:{id_}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2.0**53


def is_drawn(id_: int, probability: float, seed: str = SEED) -> bool:
    """Whether an inspection is in the sample, which it is with `probability`."""
    return unit_interval(id_, seed) < probability


def is_blind(id_: int, share: float) -> bool:
    """Whether one that is drawn goes to two people who do not see each other."""
    return unit_interval(id_, SEED + ", blind") < share


def share_for(per_day: float, day_before: int | None) -> float:
    """The probability by which about `per_day` of a day are drawn.

    Args:
        day_before: how many the day before had; None or 0: nothing is known.

    Raises:
        ValueError: `per_day` is negative.
    """
    if per_day < 0:
        raise ValueError(f"expected a number a day of 0 or more, got {per_day}")
    if not day_before:
        return min(FIRST_DAY_SHARE, per_day)
    return min(1.0, per_day / day_before)
