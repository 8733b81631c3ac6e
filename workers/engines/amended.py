"""Any detector, with what it finds in an image gone over once more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from inspection.detections import Detections
from workers.engines.detector import Detector, EngineImage
from workers.engines.wrapped import WrappedDetector


class AmendedDetector(WrappedDetector):
    """Gives what another detector finds through a function, image by image."""

    def __init__(
        self, inner: Detector, amend: Callable[[Detections], Detections], how: str
    ) -> None:
        super().__init__(inner, how)
        self._amend = amend

    def detect_stream(self, images_rgb: Iterable[EngineImage]) -> Iterator[Detections]:
        for found in self.inner.detect_stream(images_rgb):
            yield self._amend(found)
