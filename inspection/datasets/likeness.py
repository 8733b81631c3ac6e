"""How alike pictures are: a difference hash finds candidates, thumbnails decide (record 0082)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

THUMBNAIL_PX = 64
# Re-encoded, halved, brightened and noisy copies of real photos differ by at most 11 bits, 95 of
# 100 by at most 6; two photos of different things seldom by so few.
MAX_BITS = 10
# Such copies correlate by 0.90 and more, different photos of four real sets by at most 0.89.
LEAST_CORRELATION = 0.9
# Light that changes slowly over the picture is alike in every picture of one camera.
_LIGHT_SIGMA_PX = 4.0
# Below so many pictures a copy would be half of what is common to all.
_LEAST_FOR_MEAN = 20
_ROWS = 256


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What a picture looks like from afar.

    Attributes:
        dhash: 64 bits, whether each of 8 × 8 cells is brighter than its left neighbour
            (N. Krawetz, "Kind of Like That", hackerfactor.com 2013).
        thumbnail: uint8 (64, 64), grey.
    """

    dhash: int
    thumbnail: npt.NDArray[np.uint8]


def look_at(rgb: npt.NDArray[np.uint8]) -> Look:
    """The look of a picture, uint8 (H, W, 3)."""
    small = cv2.resize(rgb, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    cells = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    bits = (cells[:, 1:] > cells[:, :-1]).ravel()
    return Look(int.from_bytes(np.packbits(bits).tobytes(), "big"), grey)


def near_pairs(looks: Sequence[Look]) -> Iterator[tuple[int, int, float]]:
    """(i, j, correlation) of the pictures i < j that show the same, all pairs compared.

    What all pictures have in common, the scene of a fixed camera, is taken off before: two parts
    under one camera are no copies of each other. Pictures without any texture are never alike.
    """
    if len(looks) < 2:
        return
    vectors = np.stack([_detail(look.thumbnail) for look in looks])
    if len(looks) >= _LEAST_FOR_MEAN:
        vectors -= vectors.mean(axis=0)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    textured = lengths[:, 0] > THUMBNAIL_PX * 0.05
    vectors /= np.maximum(lengths, 1e-6)
    hashes = np.array([look.dhash for look in looks], dtype=np.uint64)
    for start in range(0, len(looks), _ROWS):
        rows = slice(start, start + _ROWS)
        close = np.bitwise_count(hashes[rows, None] ^ hashes[None, start:]) <= MAX_BITS
        close &= textured[rows, None] & textured[None, start:]
        close = np.triu(close, 1)
        # Thumbnails are compared only where hashes are close: in most sets hardly anywhere.
        lines, columns = np.flatnonzero(close.any(axis=1)), np.flatnonzero(close.any(axis=0))
        likeness = vectors[start + lines] @ vectors[start + columns].T
        near = close[np.ix_(lines, columns)] & (likeness >= LEAST_CORRELATION)
        for line, column in np.argwhere(near):
            one, other = start + int(lines[line]), start + int(columns[column])
            yield one, other, float(likeness[line, column])


def _detail(thumbnail: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """A thumbnail without its light, of mean 0 and deviation 1, float32 (4096,)."""
    pixels = thumbnail.astype(np.float32)
    detail = pixels - cv2.GaussianBlur(pixels, (0, 0), _LIGHT_SIGMA_PX)
    detail -= detail.mean()
    deviation = float(detail.std())
    if deviation < 0.5:  # grey levels: nothing but noise
        return np.zeros(detail.size, dtype=np.float32)
    return np.asarray(detail / deviation, dtype=np.float32).ravel()
