"""An engine for fault tests: it works for a seeded few milliseconds, and dies of some images."""

import os
import random
import time
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from inspection.detections import Detections
from inspection.model_folder import ModelFolder
from workers.engines import RgbImage

# The grey value of an image's first pixel. Others are fine.
POISON = 13


class FaultyDetector:
    """Finds nothing in 5 to 20 ms, and ends its process at a poisoned image."""

    def __init__(self, folder: ModelFolder) -> None:
        self.classes = folder.classes
        self._random = random.Random(int(os.environ["FAULTS_SEED"]))

    def detect(self, images_rgb: Sequence[RgbImage]) -> list[Detections]:
        return list(self.detect_stream(images_rgb))

    def detect_stream(self, images_rgb: Iterable[RgbImage]) -> Iterator[Detections]:
        for image in images_rgb:
            if int(np.asarray(image)[0, 0, 0]) == POISON:
                os._exit(9)  # as a segmentation fault in a native engine would
            time.sleep(self._random.uniform(0.005, 0.02))
            yield Detections.empty((image.shape[1], image.shape[0]))

    def close(self) -> None:
        """Nothing is held."""
