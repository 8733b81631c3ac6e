"""Whether a score of 0.8 is right eight times out of ten."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workers.evaluation.image_result import ImageResult

Floats = npt.NDArray[np.float64]
BINS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Scores in ten equal bins, as Guo, Pleiss, Sun and Weinberger (ICML 2017), section 2.

    Attributes:
        findings: int64 (10,), how many lie in each bin.
        confidence: float64 (10,), their mean score; NaN in an empty bin.
        right: float64 (10,), the share that is right; NaN in an empty bin.
    """

    findings: npt.NDArray[np.int64]
    confidence: Floats
    right: Floats

    @property
    def ece(self) -> float | None:
        """Expected calibration error: the mean distance of the two, weighed by findings."""
        total = self.findings.sum()
        if not total:
            return None
        gap = np.nan_to_num(np.abs(self.confidence - self.right))
        return float((gap * self.findings).sum() / total)


def scored(results: Iterable[ImageResult]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Scores of all findings and whether each matches a true mask of its class at IoU 0.5."""
    parts = [each for result in results for each in result.masks or ()]
    if not parts:
        return np.zeros(0), np.zeros(0, dtype=np.bool_)
    scores = np.concatenate([each.scores for each in parts])
    right = np.concatenate([each.matched[0, 0] for each in parts])
    counting = ~np.concatenate([each.ignored[0, 0] for each in parts])
    return scores[counting], right[counting]


def reliability(scores: Floats, right: npt.NDArray[np.bool_]) -> Reliability:
    """Bin scores (N,) and whether each was right, bool (N,)."""
    # Scores were float32, in which 0.9 lies below 0.9.
    place = np.minimum(np.round(scores * BINS, 5).astype(np.int64), BINS - 1)
    number = np.bincount(place, minlength=BINS)
    with np.errstate(invalid="ignore", divide="ignore"):
        confidence = np.bincount(place, weights=scores, minlength=BINS) / number
        share = np.bincount(place, weights=right.astype(np.float64), minlength=BINS) / number
    return Reliability(number, confidence, share)
