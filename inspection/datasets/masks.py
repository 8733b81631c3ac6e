"""Segmentations as masks: polygons through pycocotools, so that areas are COCO's own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from inspection import rle
from inspection.detections import InstanceMask

if TYPE_CHECKING:
    from inspection.datasets.labels import Annotation

Segmentation: TypeAlias = rle.Rle | list[list[float]]


def read_mask(annotation: Annotation, size_wh: tuple[int, int]) -> InstanceMask:
    """The mask of an annotation in an upright image of size_wh, cropped to its own pixels.

    Raises:
        ValueError: a broken RLE, or one of another size; a polygon that is none.
    """
    return rle.decode_cropped(to_rle(annotation.segmentation, size_wh))


def to_rle(segmentation: Segmentation, size_wh: tuple[int, int]) -> rle.Rle:
    """A segmentation as COCO compressed RLE of the whole image; polygons are united.

    The rule of pycocotools (rleFrPoly of maskApi.c) is the one by which published COCO figures
    are made: a polygon over the corners of pixels gives exactly these pixels, while OpenCV's
    fillPoly adds the pixels on its right and lower border.

    Raises:
        ValueError: an RLE of another size; a polygon that `polygon_fault` refuses.
    """
    width, height = size_wh
    if isinstance(segmentation, dict):
        if list(segmentation["size"]) != [height, width]:
            raise ValueError(
                f"an RLE of {segmentation['size'][1]}×{segmentation['size'][0]} px, "
                f"expected the image's {width}×{height}"
            )
        return segmentation
    for ring in segmentation:
        if fault := polygon_fault(ring, size_wh):
            raise ValueError(fault)
    if not segmentation:
        raise ValueError("no polygon, expected at least one")
    parts = coco_mask.frPyObjects([list(ring) for ring in segmentation], height, width)
    merged = coco_mask.merge(parts) if len(parts) > 1 else parts[0]
    return {"size": [height, width], "counts": merged["counts"].decode("ascii")}


def polygon_fault(ring: list[float], size_wh: tuple[int, int]) -> str | None:
    """What makes a ring of x, y, x, y, … no polygon at all, or None.

    Pycocotools takes four numbers for a box and draws every edge before it clips it, so rings
    that are too short or far outside may not reach it.
    """
    if len(ring) < 6 or len(ring) % 2:
        return f"a polygon of {len(ring)} coordinates, expected at least 3 pairs"
    if not all(math.isfinite(value) for value in ring):
        return "a polygon with a coordinate that is no number"
    for axis, side in enumerate(size_wh):
        low, high = min(ring[axis::2]), max(ring[axis::2])
        if low < -side or high > 2 * side:
            return (
                f"a polygon from {'xy'[axis]}={low:g} to {high:g}, far outside of an image of "
                f"{size_wh[0]}×{size_wh[1]} px"
            )
    return None


def frame_to_rle(mask: npt.NDArray[np.bool_]) -> rle.Rle:
    """COCO compressed RLE of a whole-image mask, bool (H, W)."""
    # A transposed copy seen from the side is what pycocotools wants, and ten times as fast.
    columns = cv2.transpose(mask.view(np.uint8)).T
    encoded = coco_mask.encode(columns)
    return {"size": list(mask.shape), "counts": encoded["counts"].decode("ascii")}


def counts_to_rle(counts: list[int], size_hw: list[int]) -> rle.Rle:
    """Compress COCO's uncompressed RLE, a list of run lengths.

    Raises:
        ValueError: the runs do not add up to the size, or one is negative.
    """
    height, width = size_hw
    if sum(counts) != height * width or min(counts, default=0) < 0:
        raise ValueError(
            f"the counts add up to {sum(counts)} px, a size of {height}×{width} "
            f"asks for {height * width}"
        )
    encoded = coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    return {"size": [height, width], "counts": encoded["counts"].decode("ascii")}
