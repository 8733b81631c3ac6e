"""How well probabilities tell a class's pixels, at every threshold at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BINS = 100


class PixelCurve:
    """Pooled histograms of the probabilities of true and of other pixels, class by class.

    Thresholds are the hundredths 0.01 to 0.99; a set of any size costs the same memory.
    """

    def __init__(self, classes: int) -> None:
        self._true = np.zeros((classes, BINS), dtype=np.int64)
        self._other = np.zeros((classes, BINS), dtype=np.int64)

    def add(self, probabilities: npt.NDArray[np.float32], truth: npt.NDArray[np.bool_]) -> None:
        """Count one image; both are (classes, H, W).

        Raises:
            ValueError: the two differ in shape.
        """
        if probabilities.shape != truth.shape:
            raise ValueError(f"probabilities {probabilities.shape}, truth {truth.shape}")
        levels = np.clip(probabilities * BINS, 0, BINS - 1).astype(np.uint8)
        for index in range(len(self._true)):
            whole = np.bincount(levels[index].ravel(), minlength=BINS)
            true = np.bincount(levels[index][truth[index]], minlength=BINS)
            self._true[index] += true
            self._other[index] += whole - true

    def counts(self, index: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
        """True and other pixels at or above each hundredth from 0.01 on, and all true ones."""
        true = self._true[index][::-1].cumsum()[::-1]
        other = self._other[index][::-1].cumsum()[::-1]
        return true[1:], other[1:], int(true[0])

    def best(self, index: int) -> tuple[float, float, float]:
        """The threshold with the best F1 of a class, that F1, and the IoU there.

        A class without a true pixel has F1 and IoU 0 and the threshold 0.5.
        """
        hit, wrong, total = self.counts(index)
        if total == 0:
            return 0.5, 0.0, 0.0
        f1 = 2 * hit / (hit + wrong + total)
        # Of a flat top the middle: its edges are luck.
        top = np.flatnonzero(f1 >= f1.max() - 1e-4)
        place = int(top[len(top) // 2])
        return (place + 1) / BINS, float(f1[place]), float(hit[place] / (wrong[place] + total))

    def occurs(self, index: int) -> bool:
        """Whether any pixel is truly of the class."""
        return bool(self._true[index].sum())
