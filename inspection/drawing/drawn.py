"""What every drawing function returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inspection.detections import InstanceMask

Float2D = npt.NDArray[np.float32]
Float3D = npt.NDArray[np.float32]
UInt8Image = npt.NDArray[np.uint8]

REFERENCE_SIDE_PX = 512


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """One drawn image and the truth about it.

    Attributes:
        image_rgb: uint8 (H, W, 3).
        instances: class name and mask of each drawn instance, in drawing order.
    """

    image_rgb: UInt8Image
    instances: tuple[tuple[str, InstanceMask], ...]

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the image, px."""
        return (self.image_rgb.shape[1], self.image_rgb.shape[0])


def as_float32(values: npt.ArrayLike) -> Float2D:
    """The values as a float32 array."""
    return np.asarray(values, dtype=np.float32)


def scale_for(size_wh: tuple[int, int]) -> float:
    """Image pixels to one px of the reference image, whose longer side is 512 px."""
    return max(size_wh) / REFERENCE_SIDE_PX
