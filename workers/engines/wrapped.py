"""What a detector around another one takes from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence

from inspection.detections import Detections
from workers.engines.detector import Detector, EngineImage


class WrappedDetector(ABC):
    """Implements `Detector` through another one, all but `detect_stream`.

    Attributes:
        inner: the other one.
        how: what is done around it, in a word beside the engine's name: `tiled`, `joined`.
    """

    def __init__(self, inner: Detector, how: str) -> None:
        self.inner, self.how = inner, how

    @property
    def classes(self) -> tuple[str, ...]:
        return self.inner.classes

    def detect(self, images_rgb: Sequence[EngineImage]) -> list[Detections]:
        return list(self.detect_stream(images_rgb))

    @abstractmethod
    def detect_stream(self, images_rgb: Iterable[EngineImage]) -> Iterator[Detections]: ...

    def close(self) -> None:
        self.inner.close()
