"""What a detector returns: instances of one image, each with a mask cropped to its own box.

Masks are kept as crops because a full-frame mask costs two megabytes at 1080p, and most of a
frame is not defect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class InstanceMask:
    """A mask cropped to its box, at an integer origin in the upright image.

    Attributes:
        bits: bool (h, w), the crop itself.
        x0: column of the crop's left edge in the image, px, ≥ 0.
        y0: row of the crop's upper edge in the image, px, ≥ 0.

    Raises:
        ValueError: the crop is not a two-dimensional bool array, or its origin is negative.
    """

    bits: npt.NDArray[np.bool_]
    x0: int
    y0: int

    def __post_init__(self) -> None:
        if self.bits.ndim != 2 or self.bits.dtype != np.bool_:
            raise ValueError(
                f"bits must be bool (h, w), got {self.bits.dtype} of shape {self.bits.shape}"
            )
        if self.x0 < 0 or self.y0 < 0:
            raise ValueError(f"the origin must be ≥ 0, got x0={self.x0}, y0={self.y0}")

    @property
    def shape_hw(self) -> tuple[int, int]:
        """Height and width of the crop, px."""
        return self.bits.shape[0], self.bits.shape[1]

    @property
    def area_px(self) -> int:
        """Number of set pixels."""
        return int(np.count_nonzero(self.bits))

    def to_frame(self, size_wh: tuple[int, int]) -> npt.NDArray[np.bool_]:
        """The mask in its whole image, bool (H, W).

        Raises:
            ValueError: the crop reaches beyond an image of size_wh.
        """
        self.check_inside(size_wh)
        width, height = size_wh
        frame = np.zeros((height, width), dtype=np.bool_)
        crop_height, crop_width = self.shape_hw
        frame[self.y0 : self.y0 + crop_height, self.x0 : self.x0 + crop_width] = self.bits
        return frame

    def check_inside(self, size_wh: tuple[int, int]) -> None:
        """Raise ValueError if the crop reaches beyond an image of size_wh."""
        crop_height, crop_width = self.shape_hw
        right, lower = self.x0 + crop_width, self.y0 + crop_height
        if right > size_wh[0] or lower > size_wh[1]:
            raise ValueError(
                f"the mask reaches to x={right}, y={lower}, "
                f"beyond an image of {size_wh[0]}×{size_wh[1]} px"
            )

    @classmethod
    def from_frame(cls, mask: npt.NDArray[np.bool_]) -> InstanceMask:
        """Crop a whole-image mask, bool (H, W), to its own pixels; an empty mask gives 0×0."""
        rows = np.flatnonzero(mask.any(axis=1))
        if rows.size == 0:
            return cls(np.zeros((0, 0), dtype=np.bool_), 0, 0)
        columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
        crop = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return cls(np.ascontiguousarray(crop), int(columns[0]), int(rows[0]))


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """The instances that a detector found in one image, best score first by convention.

    Attributes:
        size_wh: width and height of the upright image, px.
        boxes_xyxy: float32 (N, 4), left, upper, right, lower, px of the image.
        scores: float32 (N,), 0 to 1.
        class_ids: int64 (N,), index into the detector's `classes`.
        masks: N cropped masks, each inside the image.

    Raises:
        ValueError: a shape or dtype is not the one above; the message shows both sides.
    """

    size_wh: tuple[int, int]
    boxes_xyxy: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    class_ids: npt.NDArray[np.int64]
    masks: tuple[InstanceMask, ...]

    def __post_init__(self) -> None:
        count = len(self.masks)
        expected: dict[str, tuple[tuple[int, ...], type, npt.NDArray[Any]]] = {
            "boxes_xyxy": ((count, 4), np.float32, self.boxes_xyxy),
            "scores": ((count,), np.float32, self.scores),
            "class_ids": ((count,), np.int64, self.class_ids),
        }
        for name, (shape, dtype, array) in expected.items():
            if array.shape != shape or array.dtype != dtype:
                raise ValueError(
                    f"{name} must be {np.dtype(dtype)} of shape {shape} to go with {count} masks, "
                    f"got {array.dtype} of shape {array.shape}"
                )
        if count and self.class_ids.min() < 0:
            raise ValueError(f"class_ids must be ≥ 0, got {int(self.class_ids.min())}")
        for mask in self.masks:
            mask.check_inside(self.size_wh)

    def __len__(self) -> int:
        return len(self.masks)

    def select(
        self, index: npt.NDArray[np.bool_] | npt.NDArray[np.intp] | Sequence[int]
    ) -> Detections:
        """The chosen instances, in the order of the index (bool (N,) or integer positions)."""
        positions = np.arange(len(self))[np.asarray(index, dtype=None if len(index) else np.intp)]
        return Detections(
            size_wh=self.size_wh,
            boxes_xyxy=self.boxes_xyxy[positions],
            scores=self.scores[positions],
            class_ids=self.class_ids[positions],
            masks=tuple(self.masks[position] for position in positions),
        )

    @classmethod
    def empty(cls, size_wh: tuple[int, int]) -> Detections:
        """No instance at all in an image of size_wh."""
        return cls(
            size_wh=size_wh,
            boxes_xyxy=np.zeros((0, 4), dtype=np.float32),
            scores=np.zeros((0,), dtype=np.float32),
            class_ids=np.zeros((0,), dtype=np.int64),
            masks=(),
        )
