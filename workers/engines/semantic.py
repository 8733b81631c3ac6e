"""What every semantic engine does around its network: fit the image, make findings of pixels.

A network gives one probability per class and pixel; connected pixels above their class's
threshold are a finding, so that recipes, measurements and screens see no difference.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inspection.detections import Detections, InstanceMask
from inspection.model_folder import ModelFolder
from inspection.model_manifest import SemanticOutput
from workers.engines.detector import EngineImage, RgbImage
from workers.engines.thresholds import Thresholds

Probabilities = npt.NDArray[np.float32]
UPRIGHT: tuple[tuple[int, ...], ...] = ((),)
# Axes of (H, W) along which an image is turned over; each is its own way back.
FOUR_MIRRORS: tuple[tuple[int, ...], ...] = ((), (0,), (1,), (0, 1))


@dataclass(frozen=True, slots=True)
class Fit:
    """How an image was fitted: resized to inner_wh, then padded to the right and below."""

    size_wh: tuple[int, int]
    inner_wh: tuple[int, int]


def fit_image(image_rgb: RgbImage, scale: float, stride: int) -> tuple[RgbImage, Fit]:
    """Resize an image, uint8 (H, W, 3), and mirror it outwards to multiples of the stride.

    Mirrored borders look like the surface goes on, so no edge is taken for a defect.
    """
    height, width = image_rgb.shape[:2]
    inner_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    inner = image_rgb
    if inner_wh != (width, height):
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        inner = np.asarray(cv2.resize(image_rgb, inner_wh, interpolation=method), dtype=np.uint8)
    right, below = -inner_wh[0] % stride, -inner_wh[1] % stride
    if right or below:
        padded = cv2.copyMakeBorder(inner, 0, below, 0, right, cv2.BORDER_REFLECT)
        inner = np.asarray(padded, dtype=np.uint8)
    return inner, Fit((width, height), inner_wh)


def restore(probabilities: Probabilities, fit: Fit) -> Probabilities:
    """Probabilities of the fitted image, (C, h, w), in the image's own pixels, (C, H, W)."""
    inner = probabilities[:, : fit.inner_wh[1], : fit.inner_wh[0]]
    if fit.inner_wh == fit.size_wh:
        return inner
    return np.stack(
        [
            np.asarray(cv2.resize(plane, fit.size_wh, interpolation=cv2.INTER_LINEAR), np.float32)
            for plane in inner
        ]
    )


def mean_of_mirrors(
    answers: Iterator[Probabilities], mirrors: Sequence[tuple[int, ...]]
) -> Probabilities | None:
    """The mean of the next answers, (C, H, W) each, turned back upright; None at their end."""
    total: Probabilities | None = None
    for axes in mirrors:
        answer = next(answers, None)
        if answer is None:
            return None
        back = np.flip(answer, tuple(axis + 1 for axis in axes))
        total = back if total is None else total + back
    assert total is not None
    return total / np.float32(len(mirrors)) if len(mirrors) > 1 else total


def find_components(
    probabilities: Probabilities,
    thresholds: Thresholds,
    *,
    exclusive: bool = True,
    most_findings: int = 1000,
) -> Detections:
    """Findings of an image: the connected regions (8 neighbours) of each class.

    Args:
        probabilities: float32 (C, H, W), in the image's own pixels.
        thresholds: least probability of a pixel, least mean probability over a finding (its
            score) and least area of a finding, px, of each class.
        exclusive: a pixel that reaches the thresholds of several classes belongs to that whose
            threshold it exceeds by the largest factor.
        most_findings: of the best score.
    """
    height, width = probabilities.shape[1:]
    winner = None
    if exclusive and len(probabilities) > 1:
        winner = (probabilities / thresholds.masks[:, None, None]).argmax(axis=0)
    found: list[tuple[float, int, InstanceMask]] = []
    for index, plane in enumerate(probabilities):
        binary = plane >= thresholds.masks[index]
        if winner is not None:
            binary &= winner == index
        least = 1 if thresholds.areas_px is None else int(thresholds.areas_px[index])
        for score, mask in _components(plane, binary, least):
            if score >= thresholds.scores[index]:
                found.append((score, index, mask))
    found.sort(key=lambda one: (-one[0], one[1], one[2].y0, one[2].x0))
    found = found[:most_findings]
    if not found:
        return Detections.empty((width, height))
    masks = tuple(mask for _, _, mask in found)
    boxes = [(m.x0, m.y0, m.x0 + m.bits.shape[1], m.y0 + m.bits.shape[0]) for m in masks]
    return Detections(
        size_wh=(width, height),
        boxes_xyxy=np.array(boxes, dtype=np.float32),
        scores=np.array([score for score, _, _ in found], dtype=np.float32),
        class_ids=np.array([index for _, index, _ in found], dtype=np.int64),
        masks=masks,
    )


def _components(
    plane: Probabilities, binary: npt.NDArray[np.bool_], least_area_px: int
) -> Iterator[tuple[float, InstanceMask]]:
    """Mean probability and mask of each region."""
    if not binary.any():
        return
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        binary.astype(np.uint8), connectivity=8
    )
    for label in range(1, count):
        x, y, width, height, area = (int(value) for value in stats[label])
        if area < max(1, least_area_px):
            continue
        bits = np.ascontiguousarray(labels[y : y + height, x : x + width] == label)
        score = float(plane[y : y + height, x : x + width][bits].mean(dtype=np.float64))
        yield min(score, 1.0), InstanceMask(bits, x, y)


class SemanticDetector(ABC):
    """A `Detector` over a semantic network; how the network runs is the sub-class's part."""

    def __init__(self, model: ModelFolder, least_score: float | None) -> None:
        settings = model.manifest.semantic
        assert settings is not None
        self._settings: SemanticOutput = settings
        self._classes = model.classes
        self._thresholds = Thresholds.of(model, least_score)
        asked_for = model.manifest.inference.flips
        flips = settings.flips if asked_for is None else asked_for == "four"
        self._mirrors = FOUR_MIRRORS if flips else UPRIGHT

    @property
    def classes(self) -> tuple[str, ...]:
        return self._classes

    def use(self, thresholds: Thresholds) -> None:
        """From now on, other thresholds than the model's own."""
        self._thresholds = thresholds

    def probabilities(self, image_rgb: RgbImage) -> Probabilities:
        """Probability of each class in each pixel of the image, float32 (C, H, W)."""
        (only,) = self.probabilities_stream([image_rgb])
        return only

    def probabilities_stream(self, images_rgb: Iterable[EngineImage]) -> Iterator[Probabilities]:
        """The same for images as they come, in their order; see `Detector.detect_stream`."""
        fits: deque[Fit] = deque()

        def views() -> Iterator[RgbImage]:
            for image in images_rgb:
                # Its folders have no `input_px`, so that nobody decodes for it at half size.
                assert isinstance(image, np.ndarray)
                fitted, fit = fit_image(image, self._settings.scale, self._settings.stride)
                fits.append(fit)
                for axes in self._mirrors:
                    yield np.ascontiguousarray(np.flip(fitted, axes))

        answers = self.run_stream(views())
        while (mean := mean_of_mirrors(answers, self._mirrors)) is not None:
            yield restore(mean, fits.popleft())

    @abstractmethod
    def run_stream(self, fitted: Iterable[RgbImage]) -> Iterator[Probabilities]:
        """The network on fitted images, uint8 (H, W, 3); float32 (C, H, W) of each, in order."""

    def detect(self, images_rgb: Sequence[EngineImage]) -> list[Detections]:
        return list(self.detect_stream(images_rgb))

    def detect_stream(self, images_rgb: Iterable[EngineImage]) -> Iterator[Detections]:
        for probabilities in self.probabilities_stream(images_rgb):
            yield self.findings(probabilities)

    def findings(self, probabilities: Probabilities) -> Detections:
        """Findings of an image by the thresholds in use."""
        return find_components(
            probabilities,
            self._thresholds,
            exclusive=self._settings.exclusive,
            most_findings=self._settings.most_findings,
        )

    @abstractmethod
    def close(self) -> None:
        """Free the network's memory."""
