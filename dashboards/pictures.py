"""Stored images as small JPEGs for pages, kept in memory while several viewers ask for them."""

import threading
from collections import OrderedDict
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from db.frames import FrameStore
from inspection.decode import decode_image, encode_jpeg

# Few widths, so that a picture is made once for all screens. The last one is as large as a page
# ever shows; beyond it the page links to the original.
WIDTHS_PX = (160, 320, 640, 960, 1280, 1920)
_CACHE_BYTES = 64_000_000
_QUALITY = 82
_DECODED_KEPT = 2


def width_for(asked_px: int | None) -> int | None:
    """The smallest kept width that is no smaller than asked for; None: as it was taken."""
    if asked_px is None:
        return None
    return next((width for width in WIDTHS_PX if width >= asked_px), WIDTHS_PX[-1])


class Pictures:
    """JPEGs by key and width. Safe to share between threads; the oldest unused ones go first."""

    def __init__(self, store: FrameStore, cache_bytes: int = _CACHE_BYTES) -> None:
        self._store = store
        self._cache_bytes = cache_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int | None, str], bytes] = OrderedDict()
        self._bytes = 0
        # Of who labels: click after click on one picture.
        self._decoded: OrderedDict[str, npt.NDArray[np.uint8]] = OrderedDict()

    def jpeg(self, key: str, width_px: int | None) -> bytes:
        """An image upright and scaled down to a width, never up.

        Raises:
            FrameMissing: it is not in the store (any more).
            ImageRefused: the file is no image that is decoded here.
        """
        return self._keep((key, width_px, "plain"), lambda: self._scaled(key, width_px))

    def composed(
        self,
        key: str,
        width_px: int | None,
        draw: "Callable[[npt.NDArray[np.uint8]], bytes]",
        name: str,
    ) -> bytes:
        """What `draw` makes from the scaled image, kept under a name of its own."""
        return self._keep((key, width_px, name), lambda: draw(self.scaled_rgb(key, width_px)))

    def scaled_rgb(self, key: str, width_px: int | None) -> npt.NDArray[np.uint8]:
        """The image, uint8 RGB (H, W, 3), upright, no wider than asked for."""
        rgb = decode_image(self._store.get(key))
        height, width = rgb.shape[:2]
        if width_px is None or width <= width_px:
            return rgb
        size_wh = (width_px, max(1, round(height * width_px / width)))
        scaled = cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA)
        return np.asarray(scaled, dtype=np.uint8)

    def full_rgb(self, key: str) -> npt.NDArray[np.uint8]:
        """The whole image, uint8 RGB (H, W, 3), upright; the last two asked for are kept.

        Raises:
            FrameMissing, ImageRefused: as `jpeg`.
        """
        with self._lock:
            kept = self._decoded.get(key)
        rgb = decode_image(self._store.get(key)) if kept is None else kept
        with self._lock:
            self._decoded[key] = rgb
            self._decoded.move_to_end(key)
            while len(self._decoded) > _DECODED_KEPT:
                self._decoded.popitem(last=False)
        return rgb

    def _scaled(self, key: str, width_px: int | None) -> bytes:
        return encode_jpeg(self.scaled_rgb(key, width_px), _QUALITY)

    def _keep(self, what: tuple[str, int | None, str], make: Callable[[], bytes]) -> bytes:
        with self._lock:
            if what in self._kept:
                self._kept.move_to_end(what)
                return self._kept[what]
        made = make()
        with self._lock:
            if what not in self._kept:
                self._kept[what] = made
                self._bytes += len(made)
            while self._bytes > self._cache_bytes and len(self._kept) > 1:
                _, gone = self._kept.popitem(last=False)
                self._bytes -= len(gone)
        return made
