"""Masks of long thin shapes, kept packed: their boxes are large and nearly empty."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from inspection.detections import InstanceMask

# Below this a crop costs less than keeping it packed would save.
WORTH_PACKING_PX = 1 << 16


class PackedMask(InstanceMask):
    """An `InstanceMask` whose `bits` are unpacked each time they are asked for.

    A crack from corner to corner of a 12 megapixel image is a crop of 12 MB; 300 of them would
    not fit in memory, packed they take some 20 KB each. Unpacking takes about a millisecond a
    megapixel.
    """

    __slots__ = ("_area_px", "_data", "_shape_hw")
    _area_px: int
    _data: bytes
    _shape_hw: tuple[int, int]

    def __init__(self, data: bytes, shape_hw: tuple[int, int], area_px: int, xy: tuple[int, int]):
        """
        Args:
            data: the crop's rows, as `zlib.compress(np.packbits(bits))`.
            shape_hw: height and width of the crop.
            area_px: number of set pixels.
            xy: the crop's origin in the image.
        """
        values: dict[str, Any] = {"_data": data, "_shape_hw": shape_hw, "_area_px": area_px}
        for name, value in {**values, "x0": xy[0], "y0": xy[1]}.items():
            object.__setattr__(self, name, value)

    @property
    def bits(self) -> npt.NDArray[np.bool_]:
        """bool (h, w), a new array each time."""
        packed = np.frombuffer(zlib.decompress(self._data), dtype=np.uint8)
        count = self._shape_hw[0] * self._shape_hw[1]
        return np.unpackbits(packed, count=count).view(np.bool_).reshape(self._shape_hw)

    @property
    def shape_hw(self) -> tuple[int, int]:
        return self._shape_hw

    @property
    def area_px(self) -> int:
        return self._area_px

    def __reduce__(self) -> tuple[Any, ...]:
        return PackedMask, (self._data, self._shape_hw, self._area_px, (self.x0, self.y0))


def packed(mask: InstanceMask) -> InstanceMask:
    """The same mask, packed where that is worth it."""
    height, width = mask.shape_hw
    if isinstance(mask, PackedMask) or height * width < WORTH_PACKING_PX:
        return mask
    data = zlib.compress(np.packbits(mask.bits).tobytes(), level=1)
    return PackedMask(data, (height, width), mask.area_px, (mask.x0, mask.y0))


def moved(mask: InstanceMask, by_xy: tuple[int, int]) -> InstanceMask:
    """The same mask further right and down, without unpacking it."""
    x0, y0 = mask.x0 + by_xy[0], mask.y0 + by_xy[1]
    if isinstance(mask, PackedMask):
        return PackedMask(mask._data, mask._shape_hw, mask._area_px, (x0, y0))
    return InstanceMask(mask.bits, x0, y0)
