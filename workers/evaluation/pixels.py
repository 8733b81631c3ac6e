"""What one image says about pixels: hits and misses, contours, and every score threshold."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from inspection.detections import Detections, InstanceMask
from workers.pixel_metrics import PixelCounts

Bits = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Levels = npt.NDArray[np.uint8]

# Cheng, Girshick, Dollár, Berg and Kirillov, Boundary IoU, CVPR 2021, section 5: 2 % of the
# image's diagonal.
BOUNDARY_SHARE = 0.02
# Thresholds of the sweep: 0.00, 0.01, … 1.00.
SWEEP = np.arange(101) / 100


def frame_of(masks: Iterable[InstanceMask], size_wh: tuple[int, int]) -> Bits:
    """The union of cropped masks, bool (H, W)."""
    frame = np.zeros((size_wh[1], size_wh[0]), dtype=np.bool_)
    for mask in masks:
        height, width = mask.bits.shape
        frame[mask.y0 : mask.y0 + height, mask.x0 : mask.x0 + width] |= mask.bits
    return frame


def counts(found: Bits, truth: Bits) -> Ints:
    """True positive, false positive, false negative and true negative pixels, int64 (4,)."""
    both = int(np.count_nonzero(found & truth))
    given, true = int(np.count_nonzero(found)), int(np.count_nonzero(truth))
    return np.array(
        [both, given - both, true - both, found.size - given - true + both], dtype=np.int64
    )


def boundary(bits: Bits, distance_px: int) -> Bits:
    """The pixels of a mask that lie within distance_px of its contour, bool (H, W).

    Distances are chessboard ones and the image's edge is a contour, as in the authors' code
    (`mask_to_boundary`: distance_px erosions by 3×3 with a border of zeros).
    """
    padded = np.pad(bits.astype(np.uint8), 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_C, 3)[1:-1, 1:-1]
    return np.asarray(bits & (depth <= distance_px), dtype=np.bool_)


def boundary_counts(found: Bits, truth: Bits) -> Ints:
    """Intersection and union of the two masks' boundaries, int64 (2,)."""
    either = found | truth
    rows, columns = np.flatnonzero(either.any(axis=1)), np.flatnonzero(either.any(axis=0))
    if not rows.size:
        return np.zeros(2, dtype=np.int64)
    distance_px = max(1, round(BOUNDARY_SHARE * math.hypot(*found.shape)))
    # Beyond this window there is nothing of either, just as beyond the image.
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    ours, true = boundary(found[window], distance_px), boundary(truth[window], distance_px)
    both = np.count_nonzero(ours & true)
    return np.array([both, np.count_nonzero(ours | true)], dtype=np.int64)


def score_levels(found: Detections) -> Levels:
    """The best score at each pixel in hundredths, uint8 (H, W); 0 where nothing was found."""
    frame = np.zeros((found.size_wh[1], found.size_wh[0]), dtype=np.uint8)
    for place in np.argsort(found.scores, kind="stable"):
        mask = found.masks[place]
        height, width = mask.bits.shape
        window = frame[mask.y0 : mask.y0 + height, mask.x0 : mask.x0 + width]
        window[mask.bits] = level_of(float(found.scores[place]))
    return frame


def level_of(score: float) -> int:
    """A score, 0 to 1, in whole hundredths, rounded down: at least k exactly if ≥ k / 100."""
    # Scores are float32, in which 0.57 lies below 0.57.
    return math.floor(round(score * 100, 4))


def probability_levels(probability: npt.NDArray[np.float32]) -> Levels:
    """Probabilities, float32 (H, W), in whole hundredths, rounded down, uint8 (H, W)."""
    return np.asarray(np.clip(probability * 100 + 1e-4, 0, 100), dtype=np.uint8)


@dataclass(slots=True)
class Sweep:
    """Pixels of all images by their score, so that any threshold can be tried afterwards.

    Attributes:
        true: int64 (101,), true pixels of each level.
        every: int64 (101,), all pixels of each level.
    """

    true: Ints = field(default_factory=lambda: np.zeros(101, dtype=np.int64))
    every: Ints = field(default_factory=lambda: np.zeros(101, dtype=np.int64))

    def add(self, levels: Levels, truth: Bits) -> None:
        """Count one image: uint8 (H, W) of hundredths, and bool (H, W)."""
        self.true += np.bincount(levels[truth], minlength=101)
        self.every += np.bincount(levels.ravel(), minlength=101)

    def curves(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Precision and recall at each threshold of `SWEEP`, float64 (101,) each.

        Precision is NaN where nothing scores that high, recall where nothing is true.
        """
        hits = np.cumsum(self.true[::-1])[::-1]
        found = np.cumsum(self.every[::-1])[::-1]
        with np.errstate(invalid="ignore", divide="ignore"):
            return hits / found, hits / self.true.sum()

    def best(self) -> tuple[PixelCounts, float] | None:
        """The pixels at the highest threshold with the best F1, and it; None without truth."""
        total = self.true.sum()
        if not total:
            return None
        hits = np.cumsum(self.true[::-1])[::-1]
        found = np.cumsum(self.every[::-1])[::-1]
        f1 = 2 * hits / (found + total)
        place = 100 - int(f1[:0:-1].argmax())
        right, wrong = int(hits[place]), int(found[place] - hits[place])
        missed = int(total) - right
        left = int(self.every.sum()) - right - wrong - missed
        return PixelCounts(right, wrong, missed, left), float(SWEEP[place])
