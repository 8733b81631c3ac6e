"""Any detector, with findings that are pieces of one long shape joined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from inspection.detections import Detections
from inspection.inference import Join
from inspection.masks.joining import join_pieces
from workers.engines.detector import Detector, EngineImage


class JoinedDetector:
    """Joins what another detector finds, image by image."""

    def __init__(
        self, inner: Detector, join: Join, least_scores: npt.NDArray[np.float32] | None = None
    ) -> None:
        """`least_scores`: float32 (classes,), the model's thresholds, where `inner` gives less."""
        self.inner = inner
        self._join, self._least_scores = join, least_scores

    @property
    def classes(self) -> tuple[str, ...]:
        return self.inner.classes

    def detect(self, images_rgb: Sequence[EngineImage]) -> list[Detections]:
        return list(self.detect_stream(images_rgb))

    def detect_stream(self, images_rgb: Iterable[EngineImage]) -> Iterator[Detections]:
        for found in self.inner.detect_stream(images_rgb):
            yield join_pieces(found, self._join, self.classes, self._least_scores)

    def close(self) -> None:
        self.inner.close()
