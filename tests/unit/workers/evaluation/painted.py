"""A detector that finds what was painted, and images to paint on."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from inspection.detections import Detections, InstanceMask
from workers.engines.detector import EngineImage, RgbImage
from workers.engines.thresholds import Thresholds

# 40 × 60 px; a painted square is 10 px wide.
HEIGHT, WIDTH, SIDE = 40, 60, 10
CLASSES = ("crack", "pit")
HALVES = Thresholds(np.array([0.5, 0.5], np.float32), np.array([0.5, 0.5], np.float32))


class Painted:
    """Finds painted squares: red is a crack, green a pit, and the shade is the score."""

    classes = CLASSES

    def detect(self, images_rgb: Sequence[EngineImage]) -> list[Detections]:
        return list(self.detect_stream(images_rgb))

    def detect_stream(self, images_rgb: Iterable[EngineImage]) -> Iterator[Detections]:
        for image in images_rgb:
            assert isinstance(image, np.ndarray)
            found = [
                (index, int(value), InstanceMask.from_frame(image[..., index] == value))
                for index in range(2)
                for value in np.unique(image[..., index])
                if value
            ]
            yield detections_of([(i, value / 100, mask) for i, value, mask in found])

    def close(self) -> None:
        pass


def detections_of(found: list[tuple[int, float, InstanceMask]]) -> Detections:
    masks = tuple(mask for _, _, mask in found)
    boxes = [(m.x0, m.y0, m.x0 + m.bits.shape[1], m.y0 + m.bits.shape[0]) for m in masks]
    return Detections(
        (WIDTH, HEIGHT),
        np.array(boxes, dtype=np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in found], dtype=np.float32),
        np.array([index for index, _, _ in found], dtype=np.int64),
        masks,
    )


def square(x0: int, y0: int = 0, side: int = SIDE) -> InstanceMask:
    return InstanceMask(np.ones((side, side), dtype=np.bool_), x0, y0)


def picture(*painted: tuple[int, int, InstanceMask]) -> RgbImage:
    """Squares as (class, score in hundredths, where)."""
    image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    for index, score, mask in painted:
        image[..., index][mask.to_frame((WIDTH, HEIGHT))] = score
    return image
