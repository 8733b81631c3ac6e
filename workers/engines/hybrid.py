"""Two models as one: Mask R-CNN tells the instances, a semantic network their pixels.

A mask head gives 28 × 28 or 112 × 112 cells a box, too coarse for a long thin crack; a semantic
network sees every pixel but not where one thing ends and the next begins.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from inspection.detections import Detections
from inspection.masks.refining import PixelClasses, refine, regions_left
from inspection.model_folder import ModelFolder
from workers.engines.detector import Detector, EngineImage, PixelClassifier, RgbImage
from workers.engines.thresholds import Thresholds


class HybridDetector:
    """Runs a folder whose engine is `hybrid`, on its two loaded parts."""

    def __init__(self, model: ModelFolder, instances: Detector, pixels: PixelClassifier) -> None:
        """
        Args:
            instances: the detector of the first part.
            pixels: the semantic model of the second; it gives probabilities of whole images.
        """
        engine = model.manifest.engines.hybrid
        assert engine is not None
        self._settings = engine
        self._classes = model.classes
        self._instances, self._pixels = instances, pixels
        part = ModelFolder(model.path, engine.pixels, model.version)
        self._thresholds = Thresholds.of(part, None)
        self._least_scores = Thresholds.of(model, None).scores
        self._class_ids = tuple(model.classes.index(name) for name in part.classes)

    @property
    def classes(self) -> tuple[str, ...]:
        return self._classes

    def detect(self, images_rgb: Sequence[EngineImage]) -> list[Detections]:
        return list(self.detect_stream(images_rgb))

    def detect_stream(self, images_rgb: Iterable[EngineImage]) -> Iterator[Detections]:
        waiting: deque[RgbImage] = deque()

        def images() -> Iterator[RgbImage]:
            for image in images_rgb:
                # Hybrid folders have no `input_px`: the semantic network wants every pixel.
                assert isinstance(image, np.ndarray)
                waiting.append(image)
                yield image

        for found in self._instances.detect_stream(images()):
            yield self._refined(waiting.popleft(), found)

    def close(self) -> None:
        self._instances.close()
        self._pixels.close()

    def _refined(self, image_rgb: RgbImage, found: Detections) -> Detections:
        keep = self._settings.without_instance == "keep"
        if not keep and not len(found):
            return found
        pixels = PixelClasses.of(
            self._pixels.probabilities(image_rgb), self._thresholds.masks, self._class_ids
        )
        # An evaluation asks for findings below the threshold too. They must take no pixel from
        # those that an inspection would see, or it would measure other masks.
        sure = found.scores >= self._least_scores[found.class_ids]
        refined, held = refine(found.select(sure), pixels, self._settings.grow_px)
        unsure, _ = refine(found.select(~sure), pixels, self._settings.grow_px)
        refined = _together(refined, unsure)
        if not keep:
            return refined
        areas_px = self._thresholds.areas_px
        least = [1] * len(self._class_ids) if areas_px is None else areas_px.tolist()
        left = regions_left(pixels, held, least, self._thresholds.scores.tolist())
        return _together(refined, left)


def _together(one: Detections, other: Detections) -> Detections:
    whole = Detections(
        one.size_wh,
        np.concatenate([one.boxes_xyxy, other.boxes_xyxy]),
        np.concatenate([one.scores, other.scores]),
        np.concatenate([one.class_ids, other.class_ids]),
        one.masks + other.masks,
    )
    return whole.select(np.argsort(-whole.scores, kind="stable"))
