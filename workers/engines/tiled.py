"""Any detector on large images, tile by tile, with its findings stitched by their masks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from inspection.detections import Detections
from inspection.inference import Tiling
from inspection.masks.packed import packed
from inspection.masks.stitching import Tile, stitch, tiles_of
from workers.engines.detector import Detector, EngineImage, RgbImage
from workers.engines.wrapped import WrappedDetector


@dataclass(slots=True)
class _Running:
    """An image whose tiles are in the engine."""

    size_wh: tuple[int, int]
    tiles: tuple[Tile, ...]
    found: list[Detections] = field(default_factory=list)


class TiledDetector(WrappedDetector):
    """Gives the tiles of each image to another detector.

    Images must come whole: tiles are for those who want every pixel. The tiles of several images
    go through the engine as one stream, so that it is never idle between two images.
    """

    def __init__(
        self, inner: Detector, tiling: Tiling, least_scores: npt.NDArray[np.float32] | None = None
    ) -> None:
        """`least_scores`: float32 (classes,), the model's thresholds, where `inner` gives less."""
        super().__init__(inner, "tiled")
        self._tiling, self._least_scores = tiling, least_scores

    def detect_stream(self, images_rgb: Iterable[EngineImage]) -> Iterator[Detections]:
        running: deque[_Running] = deque()

        def tiles() -> Iterator[RgbImage]:
            for image in images_rgb:
                # `ModelFolder.decode_px` is None where there is tiling.
                assert isinstance(image, np.ndarray)
                size_wh = (image.shape[1], image.shape[0])
                grid = tiles_of(size_wh, self._tiling)
                running.append(_Running(size_wh, grid))
                for tile in grid:
                    yield np.ascontiguousarray(image[tile.y0 : tile.y1, tile.x0 : tile.x1])

        for found in self.inner.detect_stream(tiles()):
            oldest = running[0]
            # A large image may have more of them than memory would hold as they come.
            oldest.found.append(replace(found, masks=tuple(packed(m) for m in found.masks)))
            if len(oldest.found) == len(oldest.tiles):
                running.popleft()
                yield stitch(oldest.size_wh, oldest.tiles, oldest.found, self._least_scores)
