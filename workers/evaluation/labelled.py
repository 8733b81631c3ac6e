"""One labelled image, as every reader of labelled data gives it to an evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inspection.detections import InstanceMask
from workers.engines.detector import RgbImage

NamedMask = tuple[str, InstanceMask]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImage:
    """One image and its truth.

    Attributes:
        image_rgb: uint8 (H, W, 3).
        instances: class name and mask of each instance; None where labels tell only pixels.
        defect: bool (H, W), the union of all that is defect; None to take that of the
            instances or areas.
        group: the class of an image in sets that are sorted by class; else empty.
        areas: class name and mask of each class, where labels tell only pixels.
        left_out: masks in which nothing counts: COCO's crowds, classes that nobody asked for. An
            empty name is for every class.
        name: what to call the image in messages and lists.
        again: reads the image once more, for the report's pictures; None where it cannot be.
    """

    image_rgb: RgbImage
    instances: tuple[NamedMask, ...] | None
    defect: npt.NDArray[np.bool_] | None = None
    group: str = ""
    areas: tuple[NamedMask, ...] = ()
    left_out: tuple[NamedMask, ...] = ()
    name: str = ""
    again: Callable[[], RgbImage] | None = None

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height, px."""
        return (self.image_rgb.shape[1], self.image_rgb.shape[0])
