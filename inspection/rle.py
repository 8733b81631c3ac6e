"""COCO compressed run-length encoding of cropped masks, without ever building a full frame.

The format is pycocotools' (maskApi.c): runs go down the columns, start with zeros, and are
written as a string of 5-bit groups in which a count after the third is the difference to the
count two places before.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from inspection.detections import InstanceMask


class Rle(TypedDict):
    """COCO compressed RLE: size is [height, width] of the upright image."""

    size: list[int]
    counts: str


def encode(mask: InstanceMask, size_wh: tuple[int, int]) -> Rle:
    """COCO compressed RLE of a cropped mask in its whole image of size_wh.

    Raises:
        ValueError: the crop reaches beyond the image.
    """
    mask.check_inside(size_wh)
    width, height = size_wh
    crop_height, crop_width = mask.bits.shape
    # One column of the image is one row here, with a zero after it and a row of zeros before the
    # first: so every run has a rising and a falling edge, both found by one look at the whole.
    stride = crop_height + 1
    padded = np.zeros((crop_width + 1, stride), dtype=np.uint8)
    padded[1:, :-1] = mask.bits.T
    flat = padded.ravel()
    column, row = np.divmod(np.flatnonzero(flat[1:] != flat[:-1]) - crop_height, stride)
    edges = (mask.x0 + column) * height + mask.y0 + row
    # A run that ends at the lower image edge and goes on at the top of the next column is one
    # run in the format: the falling and the rising edge fall on the same place and both go.
    inner = np.flatnonzero(edges[1:-1:2] == edges[2::2]) * 2 + 1
    if inner.size:
        edges = np.delete(edges, np.concatenate([inner, inner + 1]))
    counts = np.diff(edges, prepend=0, append=height * width)
    if edges.size and counts[-1] == 0:
        counts = counts[:-1]
    compressed = coco_mask.frPyObjects(
        {"size": [height, width], "counts": counts.tolist()}, height, width
    )
    return {"size": [height, width], "counts": compressed["counts"].decode("ascii")}


def decode(rle: Rle) -> npt.NDArray[np.bool_]:
    """The mask in its whole image, bool (H, W).

    Raises:
        ValueError: the counts do not add up to the size.
    """
    height, width = rle["size"]
    return decode_cropped(rle).to_frame((width, height))


def decode_cropped(rle: Rle) -> InstanceMask:
    """The mask cropped to its own pixels, with a cost that follows the mask and not the frame.

    Raises:
        ValueError: the counts do not add up to the size.
    """
    height = rle["size"][0]
    counts = check(rle)
    edges = np.cumsum(counts)
    starts, ends = edges[0::2][: counts.size // 2], edges[1::2]
    starts, ends = starts[ends > starts], ends[ends > starts]
    if starts.size == 0:
        return InstanceMask(np.zeros((0, 0), dtype=np.bool_), 0, 0)
    x0, x1 = int(starts[0] // height), int((ends[-1] - 1) // height) + 1
    # Only the columns that the mask touches are drawn.
    steps = np.zeros((x1 - x0) * height + 1, dtype=np.int8)
    np.add.at(steps, starts - x0 * height, 1)
    np.add.at(steps, ends - x0 * height, -1)
    strip = np.cumsum(steps[:-1], dtype=np.int8).astype(np.bool_).reshape(x1 - x0, height).T
    rows = np.flatnonzero(strip.any(axis=1))
    y0, y1 = int(rows[0]), int(rows[-1]) + 1
    return InstanceMask(np.ascontiguousarray(strip[y0:y1]), x0, y0)


def check(rle: Rle) -> npt.NDArray[np.int64]:
    """The runs of a mask, int64 (runs,), zeros first.

    Raises:
        ValueError: the counts do not add up to the size.
    """
    height, width = rle["size"]
    counts = _parse_counts(rle["counts"])
    if counts.sum() != height * width or (counts < 0).any():
        raise ValueError(
            f"the counts add up to {int(counts.sum())} px, a size of {height}×{width} "
            f"asks for {height * width}"
        )
    return counts


def _parse_counts(text: str) -> npt.NDArray[np.int64]:
    """The runs of a compressed string, int64 (runs,): rleFrString of maskApi.c in numpy."""
    groups = np.frombuffer(text.encode("ascii"), dtype=np.uint8).astype(np.int64) - 48
    if groups.size == 0:
        return np.zeros((0,), dtype=np.int64)
    if groups.min() < 0 or groups.max() > 63 or groups[-1] & 0x20:
        raise ValueError(f"not a compressed COCO counts string: {text[:40]!r}")
    last = (groups & 0x20) == 0
    first = np.concatenate([[True], last[:-1]])
    begins = np.flatnonzero(first)
    place = np.arange(groups.size) - begins[np.cumsum(first) - 1]
    if place.max() > 6:  # 35 bits; more than any image has pixels
        raise ValueError(f"a count too large in the COCO counts string: {text[:40]!r}")
    values = np.add.reduceat((groups & 0x1F) << (5 * place), begins)
    # The sign stands in bit 4 of a count's last group.
    negative = (groups[last] & 0x10) != 0
    values[negative] |= np.int64(-1) << (5 * (place[last][negative] + 1))
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values
