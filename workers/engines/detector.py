"""What every inference engine is, seen from the frame path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from inspection.decode import ReducedImage
from inspection.detections import Detections

RgbImage = npt.NDArray[np.uint8]
EngineImage = RgbImage | ReducedImage


class Detector(Protocol):
    """RGB images in, detections out; images are uint8 (H, W, 3), upright, of any size.

    An engine that shrinks every image to a square input (`input_px` of its model folder) also
    takes images that were decoded at half their size; its findings are in px of the whole image.
    """

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of `Detections.class_ids`."""
        ...

    def detect(self, images_rgb: Sequence[EngineImage]) -> list[Detections]:
        """Detections of each image, in its own pixels, in the same order."""
        ...

    def detect_stream(self, images_rgb: Iterable[EngineImage]) -> Iterator[Detections]:
        """The same for images as they come; the engine works while the caller is elsewhere.

        Results come in the order of the images. The iterator draws a few images ahead of what
        it has given back, so a source that waits for results before its next image must use
        `detect`.
        """
        ...

    def close(self) -> None:
        """Free the engine's memory; the detector is of no use afterwards."""
        ...


class PixelClassifier(Protocol):
    """A semantic network, asked for its probabilities: the pixel part of a hybrid."""

    def probabilities(self, image_rgb: RgbImage) -> npt.NDArray[np.float32]:
        """Probability of each class in each pixel of an image, float32 (C, H, W)."""
        ...

    def close(self) -> None:
        """Free the engine's memory."""
        ...
