"""Findings without a network: regions that stand out of their surroundings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from inspection.detections import Detections, InstanceMask
from inspection.model_folder import ClassicalEngine, ModelFolder
from workers.engines.detector import EngineImage, RgbImage

# The background is the mean of a wide window; the window's own defect lowers it, so the window
# is made at a quarter of the size, where it is wide and cheap.
REDUCTION = 4


class ClassicalDetector:
    """Runs a folder whose engine is `classical`; every finding has the folder's first class."""

    def __init__(self, model: ModelFolder, *, least_score: float | None = None) -> None:
        settings = model.manifest.engines.classical
        assert settings is not None
        self._settings = settings
        self._classes = model.classes
        own = model.manifest.thresholds[model.classes[0]].score
        self._least_score = own if least_score is None else least_score

    @property
    def classes(self) -> tuple[str, ...]:
        return self._classes

    def detect(self, images_rgb: Sequence[EngineImage]) -> list[Detections]:
        return list(self.detect_stream(images_rgb))

    def detect_stream(self, images_rgb: Iterable[EngineImage]) -> Iterator[Detections]:
        for image in images_rgb:
            # Its folders have no `input_px`, so that nobody decodes for it at half size.
            assert isinstance(image, np.ndarray)
            yield find_regions(image, self._settings, self._least_score)

    def close(self) -> None:
        """Nothing is held."""


def find_regions(image_rgb: RgbImage, settings: ClassicalEngine, least_score: float) -> Detections:
    """Connected regions darker (or lighter) than their background.

    The score is the mean relative contrast, 0 to 1, largest first.
    """
    size_wh = (image_rgb.shape[1], image_rgb.shape[0])
    contrast = _contrast(image_rgb, settings)
    binary = (contrast >= settings.contrast).astype(np.uint8)
    if settings.close_px > 1:
        window = (settings.close_px, settings.close_px)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, window)
        binary = np.asarray(cv2.morphologyEx(binary, cv2.MORPH_CLOSE, kernel), dtype=np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(binary, connectivity=8)
    found: list[tuple[float, InstanceMask]] = []
    for label in range(1, count):
        x, y, width, height, area = (int(value) for value in stats[label])
        if area < settings.least_area_px:
            continue
        bits = np.ascontiguousarray(labels[y : y + height, x : x + width] == label)
        score = float(np.clip(contrast[y : y + height, x : x + width][bits].mean(), 0, 1))
        if score >= least_score:
            found.append((score, InstanceMask(bits, x, y)))
    found.sort(key=lambda pair: (-pair[0], pair[1].y0, pair[1].x0))
    found = found[: settings.most_findings]
    if not found:
        return Detections.empty(size_wh)
    masks = tuple(mask for _, mask in found)
    boxes = [(m.x0, m.y0, m.x0 + m.bits.shape[1], m.y0 + m.bits.shape[0]) for m in masks]
    return Detections(
        size_wh=size_wh,
        boxes_xyxy=np.array(boxes, dtype=np.float32),
        scores=np.array([score for score, _ in found], dtype=np.float32),
        class_ids=np.zeros(len(masks), dtype=np.int64),
        masks=masks,
    )


def _contrast(image_rgb: RgbImage, settings: ClassicalEngine) -> npt.NDArray[np.float32]:
    """How much darker (or lighter) each pixel is than its background, as a share of it."""
    grey = cv2.GaussianBlur(cv2.cvtColor(image_rgb, cv2.COLOR_RGB2GRAY), (3, 3), 0)
    height, width = grey.shape
    small_wh = (max(1, width // REDUCTION), max(1, height // REDUCTION))
    small = cv2.resize(grey, small_wh, interpolation=cv2.INTER_AREA)
    side = max(1, settings.background_px // REDUCTION) | 1
    background = cv2.blur(small, (side, side), borderType=cv2.BORDER_REPLICATE)
    wide = cv2.resize(background, (width, height), interpolation=cv2.INTER_LINEAR)
    level = np.maximum(wide.astype(np.float32), 1)
    difference = (grey.astype(np.float32) - level) / level
    return np.asarray(difference if settings.light else -difference, dtype=np.float32)
