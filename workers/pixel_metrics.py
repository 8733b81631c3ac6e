"""Pixel precision, recall, F1 and IoU, with the pixels of all images pooled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.bool_]


@dataclass(slots=True)
class PixelCounts:
    """Pooled counts of one class against the rest."""

    true_positive: int = 0
    false_positive: int = 0
    false_negative: int = 0
    true_negative: int = 0

    def add(self, found: Bits, truth: Bits) -> None:
        """Count one image; both are bool (H, W).

        Raises:
            ValueError: the two differ in shape.
        """
        if found.shape != truth.shape:
            raise ValueError(f"found is {found.shape}, the truth is {truth.shape}")
        both = int(np.count_nonzero(found & truth))
        self.true_positive += both
        self.false_positive += int(np.count_nonzero(found)) - both
        self.false_negative += int(np.count_nonzero(truth)) - both
        self.true_negative += found.size - int(np.count_nonzero(found | truth))

    @property
    def precision(self) -> float:
        """Share of the found pixels that are true; 0 where nothing was found."""
        return _share(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float:
        """Share of the true pixels that were found; 0 where nothing is true."""
        return _share(self.true_positive, self.true_positive + self.false_negative)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall (Dice)."""
        missed = self.false_positive + self.false_negative
        return _share(2 * self.true_positive, 2 * self.true_positive + missed)

    @property
    def iou(self) -> float:
        """Intersection over union of the class."""
        missed = self.false_positive + self.false_negative
        return _share(self.true_positive, self.true_positive + missed)

    @property
    def accuracy(self) -> float:
        """Share of all pixels that are told right, background included."""
        right = self.true_positive + self.true_negative
        return _share(right, right + self.false_positive + self.false_negative)

    @property
    def background_iou(self) -> float:
        """Intersection over union of all that is not the class."""
        missed = self.false_positive + self.false_negative
        return _share(self.true_negative, self.true_negative + missed)

    @property
    def iou_with_background(self) -> float:
        """Mean of the IoU of the class and of all that is not."""
        return (self.iou + self.background_iou) / 2


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
