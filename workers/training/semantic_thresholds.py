"""Choose the thresholds of a semantic model on validation images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from inspection.datasets import LabelledFile, read_rgb
from inspection.model_folder import ModelFolder
from inspection.model_manifest import Threshold
from workers.engines.semantic import SemanticDetector
from workers.training.pixel_curve import PixelCurve
from workers.training.semantic_task import true_pixels

AREAS_PX = (0, 4, 8, 16, 32, 64, 128)
# What a stricter score and a larger least area may cost, in F1 of the pixels.
WORTH = 0.002


@dataclass(slots=True)
class Regions:
    """Regions of a class over all images: score, area, image, and how many pixels are true."""

    scores: list[float] = field(default_factory=list)
    areas: list[int] = field(default_factory=list)
    true: list[int] = field(default_factory=list)
    image: list[int] = field(default_factory=list)
    total: int = 0
    images: int = 0

    def add(
        self, plane: npt.NDArray[np.float32], level: float, truth: npt.NDArray[np.bool_]
    ) -> None:
        """Count the regions of one image."""
        self.total += int(np.count_nonzero(truth))
        binary = (plane >= level).astype(np.uint8)
        count, labels = cv2.connectedComponents(binary, connectivity=8)
        flat = labels.ravel()
        areas = np.bincount(flat, minlength=count)[1:]
        self.image += [self.images] * len(areas)
        self.images += 1
        sums = np.bincount(flat, plane.ravel(), minlength=count)[1:]
        self.scores += (sums / np.maximum(areas, 1)).tolist()
        self.areas += areas.tolist()
        self.true += np.bincount(flat, truth.ravel(), minlength=count)[1:].astype(int).tolist()

    def f1(self, score: float, area: int) -> float:
        """F1 of the pixels where weaker and smaller regions are dropped."""
        areas, true = np.array(self.areas), np.array(self.true)
        kept = self._kept(score, area)
        whole = int(areas[kept].sum()) + self.total
        return float(2 * true[kept].sum() / whole) if whole else 0.0

    def caught(self, score: float, area: int) -> int:
        """Images in which a region is kept that lies on a true one for the most part."""
        right = 2 * np.array(self.true) >= np.array(self.areas)
        return len(set(np.array(self.image)[self._kept(score, area) & right].tolist()))

    def _kept(self, score: float, area: int) -> npt.NDArray[np.bool_]:
        kept = (np.array(self.scores) >= score) & (np.array(self.areas) >= area)
        return np.asarray(kept, np.bool_)


def measure_pixels(
    folder: ModelFolder, detector: SemanticDetector, files: Sequence[LabelledFile]
) -> PixelCurve:
    """How well the model's probabilities tell the pixels of files."""
    curve = PixelCurve(len(folder.classes))
    for file in files:
        curve.add(detector.probabilities(read_rgb(file)), true_pixels(file, folder.classes))
    return curve


def choose_semantic_thresholds(
    folder: ModelFolder,
    detector: SemanticDetector,
    files: Sequence[LabelledFile],
    curve: PixelCurve,
) -> dict[str, Threshold]:
    """Of each class the pixel threshold with the best F1, then a score and a least area.

    Both are the strictest that cost at most `WORTH` in F1 and let no image escape in which the
    class was found before: that takes away findings which no pixel figure misses, and each of
    which would stop a good part.
    """
    levels = [curve.best(index)[0] for index in range(len(folder.classes))]
    regions = [Regions() for _ in folder.classes]
    for file in files:
        probabilities = detector.probabilities(read_rgb(file))
        truth = true_pixels(file, folder.classes)
        for index, level in enumerate(levels):
            regions[index].add(probabilities[index], level, truth[index])
    return {
        name: strictest(regions[index], levels[index]) for index, name in enumerate(folder.classes)
    }


def strictest(regions: Regions, level: float) -> Threshold:
    """The thresholds of one class whose pixels are told best at a level."""
    if not regions.total or not regions.scores:
        return Threshold(score=level, mask=level)
    plain, caught = regions.f1(0.0, 0), regions.caught(0.0, 0)

    def allowed(score: float, area: int, worth: float) -> bool:
        return regions.f1(score, area) >= plain - worth and regions.caught(score, area) == caught

    area = max(area for area in AREAS_PX if allowed(0.0, area, WORTH / 2))
    scores = np.round(np.arange(level, 0.96, 0.01), 2).tolist()
    score = max((score for score in scores if allowed(score, area, WORTH)), default=level)
    return Threshold(score=round(float(score), 2), mask=level, area_px=area)
