"""The engine of folders without a network; the methods are in `inspection.classical.findings`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from inspection.classical.findings import find_regions
from inspection.detections import Detections
from inspection.model_folder import ModelFolder
from workers.engines.detector import EngineImage


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
