"""In which order pictures should be looked at: by what a label of each would teach.

The priority of a picture is the product of three numbers between 0 and 1,

    priority = weight(reason) · uncertainty · novelty,

after the usual split of active learning into how informative a picture is and how well it stands
for others (B. Settles, *Active Learning Literature Survey*, Univ. of Wisconsin TR 1648, 2009,
sections 3.1, 3.2 and 3.6: information density is a product too).

- Uncertainty near a threshold is least-margin sampling (T. Scheffer, C. Decomain, S. Wrobel,
  *Active Hidden Markov Models for Information Extraction*, IDA 2001); that of two models that do
  not agree is query by committee (H. S. Seung, M. Opper, H. Sompolinsky, COLT 1992). What a person
  has contradicted is an error of the model for sure, and counts 1.
- Novelty falls with what the queue already has of the same kind, as 1/√(1 + n): the bonus of
  counts of A. L. Strehl and M. L. Littman, *An analysis of model-based interval estimation for
  Markov decision processes*, JCSS 74, 2008. What teaches less than its neighbours comes later.
"""

from __future__ import annotations

from enum import StrEnum
from math import sqrt


class ReviewReason(StrEnum):
    """Why a picture is in the queue."""

    FALSE_CALL = "false_call"  # a person says that a good part was rejected
    MISSED = "missed"  # a person says that a defect was not found
    UNCERTAIN = "uncertain"  # a score near its threshold, or a measurement near its limit
    DISAGREEMENT = "disagreement"  # champion and challenger do not say the same
    DRIFT = "drift"  # of an hour in which the pictures looked unlike those of before
    RANDOM = "random"  # drawn with a known probability


# A miss costs more than a false call (an escape leaves the plant), and both are errors for sure;
# what two models dispute is one of them's error; the rest may be right. What is drawn at random has
# to be looked at for the rates' sake, whatever it teaches.
WEIGHTS = {
    ReviewReason.MISSED: 1.0,
    ReviewReason.FALSE_CALL: 0.9,
    ReviewReason.DISAGREEMENT: 0.8,
    ReviewReason.UNCERTAIN: 0.7,
    ReviewReason.DRIFT: 0.6,
    ReviewReason.RANDOM: 0.5,
}
# A score so far above its threshold is certain.
SCORE_BAND = 0.2


def priority(reason: ReviewReason, uncertainty: float = 1.0, seen: int = 0) -> float:
    """What a label would teach, 0 to 1.

    Args:
        uncertainty: 0 (certain) to 1.
        seen: pictures of the same station, reason and class that came before. Of what is drawn at
            random none counts: no picture of a sample is worth more than another.

    Raises:
        ValueError: `uncertainty` is not between 0 and 1, or `seen` is negative.
    """
    if not 0 <= uncertainty <= 1 or seen < 0:
        raise ValueError(
            f"expected an uncertainty of 0 to 1 and a count, got {uncertainty} and {seen}"
        )
    if reason is ReviewReason.RANDOM:
        return WEIGHTS[reason]
    return WEIGHTS[reason] * uncertainty * novelty(seen)


def novelty(seen: int) -> float:
    """1 for the first of its kind, 1/√(1 + n) for the one after n others."""
    return 1 / sqrt(1 + seen)


def score_uncertainty(score: float, threshold: float) -> float:
    """How near a score lies to its threshold: 1 at it, 0 from `SCORE_BAND` away on."""
    return max(0.0, 1 - abs(score - threshold) / SCORE_BAND)


def limit_uncertainty(value: float, limit: float, uncertainty: float, k: float) -> float:
    """How near a measurement lies to a limit: 1 at it, 0 from twice the guard band k·u away on.

    The guard band is that of `inspection.limits` (ISO 14253-1): within it nothing is proven.
    Where there is none (a count, a rule without a guard band) nothing is near.

    Args:
        uncertainty: standard (k = 1), in the unit of `value` and `limit`.
    """
    band = 2 * k * uncertainty
    return max(0.0, 1 - abs(value - limit) / band) if band > 0 else 0.0
