"""Any detector, with what it finds in an image gone over once more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from inspection.detections import Detections
from workers.engines.detector import Detector, EngineImage


class AmendedDetector:
    """Gives what another detector finds through a function, image by image."""

    def __init__(
        self, inner: Detector, amend: Callable[[Detections], Detections], how: str
    ) -> None:
        """`how` says in a word what is done, beside the engine's name: `joined`."""
        self.inner, self.how = inner, how
        self._amend = amend

    @property
    def classes(self) -> tuple[str, ...]:
        return self.inner.classes

    def detect(self, images_rgb: Sequence[EngineImage]) -> list[Detections]:
        return list(self.detect_stream(images_rgb))

    def detect_stream(self, images_rgb: Iterable[EngineImage]) -> Iterator[Detections]:
        for found in self.inner.detect_stream(images_rgb):
            yield self._amend(found)

    def close(self) -> None:
        self.inner.close()
