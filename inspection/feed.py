"""Is this a picture at all? Pure looks at single frames, from which a camera's health is told."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]

# Looks are taken at this size: noise averages out and a 1080p frame costs under a millisecond.
_LOOK_WH = (160, 90)

# Bounds of tamper detection as surveillance systems set them (mean luma below 16 or above 239,
# standard deviation below 6, entropy below 3 bits). Each alone would refuse real surfaces: the
# plainest of DeepCrack, magnetic-tile and our drawn ones have a deviation of 4.5 and 3.4 bits.
_DARK_LUMA, _BRIGHT_LUMA, _FLAT_STD, _FLAT_ENTROPY_BITS = 16.0, 239.0, 6.0, 3.0

# What decoders put where data are missing: YUV (0, 0, 0) is green, YUV (128, 128, 128) grey.
_FILL_BGR = ((0, 135, 0), (0, 154, 0), (130, 130, 130), (128, 128, 128))
_FILL_TOLERANCE = 2


@dataclass(frozen=True, slots=True)
class Look:
    """Luma of one frame: mean and standard deviation (0 to 255), entropy in bits (0 to 8)."""

    mean: float
    std: float
    entropy_bits: float


def small_gray(bgr: UInt8) -> UInt8:
    """The frame as uint8 luma (90, 160), from uint8 BGR (H, W, 3)."""
    # Some pixels of a large frame are enough: an average over 4 tells what one over 144 would.
    # They are picked by OpenCV, for which numpy's slice of every n-th would be copied bytewise.
    height, width = bgr.shape[:2]
    step = max(1, width // (2 * _LOOK_WH[0]))
    some_wh = (width // step, max(1, height // step))
    some = cv2.resize(bgr, some_wh, interpolation=cv2.INTER_NEAREST)
    small = cv2.resize(some, _LOOK_WH, interpolation=cv2.INTER_AREA)
    return cast(UInt8, cv2.cvtColor(small, cv2.COLOR_BGR2GRAY))


def look(gray: UInt8) -> Look:
    """Mean, deviation and entropy of uint8 luma (H, W)."""
    share = np.bincount(gray.ravel(), minlength=256) / gray.size
    levels = np.arange(256)
    mean = float(share @ levels)
    std = float(np.sqrt(share @ (levels - mean) ** 2))
    seen = share[share > 0]
    return Look(mean, std, float(-(seen * np.log2(seen)).sum()))


def blindness(seen: Look) -> str | None:
    """What is wrong with a frame that shows nothing, in words, or None for a picture."""
    if seen.std >= _FLAT_STD:
        return None
    if seen.mean < _DARK_LUMA:
        return "the picture is black"
    if seen.mean > _BRIGHT_LUMA:
        return "the picture is over-exposed"
    if seen.entropy_bits < _FLAT_ENTROPY_BITS:
        return "the picture is blank"
    return None


def fingerprint(bgr: UInt8) -> int:
    """A number that is the same for the same pixels: CRC-32 of every fourth row.

    A living sensor changes every row by its noise; a feed that repeats one frame changes none.
    """
    return zlib.crc32(np.ascontiguousarray(bgr[::4]).data)


def decoder_fill_share(bgr: UInt8) -> float:
    """Share of the frame, 0 to 1, that is exactly what a decoder fills missing data with."""
    sample = bgr[::8, ::8].astype(np.int16)
    worst = 0.0
    for fill in _FILL_BGR:
        alike = (np.abs(sample - np.array(fill, dtype=np.int16)) <= _FILL_TOLERANCE).all(axis=2)
        worst = max(worst, float(alike.mean()))
    return worst


def changed_share(before: UInt8, after: UInt8, *, levels: int = 25) -> float:
    """Share of pixels, 0 to 1, whose luma differs by more than `levels` between two looks.

    Raises:
        ValueError: the two differ in shape.
    """
    if before.shape != after.shape:
        raise ValueError(f"expected the same shape, got {before.shape} and {after.shape}")
    return float((cv2.absdiff(before, after) > levels).mean())
