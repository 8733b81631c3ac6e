"""Figures of one picture: how sharp, bright, clipped, coloured and noisy it is, and its shift."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]

# Figures are taken at this longest side: they compare between cameras, and cost some 5 ms.
WORKING_PX = 640
_CLIPPED = (3, 252)
# Immerkær (1996), Fast noise variance estimation: the difference of two Laplacians.
_NOISE_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
# Below this peak of the correlation two pictures have nothing in common that could have moved.
LEAST_RESPONSE = 0.08
_LEAST_TILES = 5  # of fifteen


def picture_statistics(rgb: UInt8) -> dict[str, float]:
    """Figures of uint8 RGB (H, W, 3), each a finite number.

    `focus`: the mean squared gradient by Sobel (Tenengrad; Krotkov 1988, Pertuz et al. 2013),
    divided by the variance of the grey values, so that light alone does not change it.
    `brightness`, `contrast`: mean and standard deviation of the grey values, 0 to 255.
    `clipped`: the share of pixels that are black or white. `saturation`: mean of HSV's, 0 to 255.
    `colour`: mean of red minus mean of blue, -255 to 255. `noise`: sigma by Immerkær, grey values.
    """
    small = working_size(rgb)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    flat = grey.astype(np.float32)
    variance = float(flat.var())
    dark, bright = _CLIPPED
    red, _, blue = (float(mean) for mean in cv2.mean(small)[:3])
    saturation = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)[..., 1]
    return {
        "focus": round(float(_gradient(flat).mean()) / (variance + 1.0), 5),
        "brightness": round(float(flat.mean()), 3),
        "contrast": round(variance**0.5, 3),
        "clipped": round(float(((grey <= dark) | (grey >= bright)).mean()), 5),
        "saturation": round(float(saturation.mean()), 3),
        "colour": round(red - blue, 3),
        "noise": round(_noise(flat), 4),
    }


def working_size(rgb: UInt8) -> UInt8:
    """The picture at `WORKING_PX` on its longest side; a smaller one as it is."""
    height, width = rgb.shape[:2]
    scale = WORKING_PX / max(height, width)
    if scale >= 1:
        return rgb
    size_wh = (max(round(width * scale), 1), max(round(height * scale), 1))
    return cast(UInt8, cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA))


def camera_shift(reference_rgb: UInt8, rgb: UInt8) -> dict[str, float]:
    """How far a picture lies from a reference, by phase correlation of their edges.

    Kuglin and Hines (1975), with a Hann window, and of gradients instead of grey values, so that
    light does not count. It is done in overlapping tiles, and their median taken: a part that
    lies elsewhere moves some of them, a camera all.

    `shift_x`, `shift_y`: shares of the longest side, so that 0.01 of 1920 px are 19 px.
    `response`: the mean height of the peak in the tiles that have one, 0 to 1; below
    `LEAST_RESPONSE` the shift means nothing. Pictures of different shapes have nothing in common:
    a shift of 1 with a response of 1.
    """
    if reference_rgb.shape[:2] != rgb.shape[:2]:
        return {"shift_x": 1.0, "shift_y": 1.0, "response": 1.0}
    before, now = _edges(reference_rgb), _edges(rgb)
    seen = [
        peak
        for tile in _tiles(before.shape)
        if (peak := _peak(before[tile], now[tile]))[2] >= LEAST_RESPONSE
    ]
    if len(seen) < _LEAST_TILES:
        # Further than a tile reaches, or with little to hold on to.
        seen = [_peak(before, now)]
    dx, dy, _ = np.median(seen, axis=0)
    longest = max(before.shape)
    return {
        "shift_x": round(float(dx) / longest, 5),
        "shift_y": round(float(dy) / longest, 5),
        "response": round(float(np.mean([response for _, _, response in seen])), 4),
    }


def _tiles(shape_hw: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """Five by three tiles, each a third as wide and half as high as the picture."""
    height, width = shape_hw[:2]
    high, wide = max(height // 2, 1), max(width // 3, 1)
    return [
        (slice(y, y + high), slice(x, x + wide))
        for y in (0, (height - high) // 2, height - high)
        for x in (n * (width - wide) // 4 for n in range(5))
    ]


def _peak(before: Float32, now: Float32) -> tuple[float, float, float]:
    height, width = before.shape
    if min(height, width) < 2:
        return 0.0, 0.0, 0.0
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    (dx, dy), response = cv2.phaseCorrelate(
        np.ascontiguousarray(before), np.ascontiguousarray(now), window
    )
    return dx, dy, float(np.clip(response, 0, 1))


def _edges(rgb: UInt8) -> Float32:
    grey = cv2.cvtColor(working_size(rgb), cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.sqrt(_gradient(cast(Float32, cv2.GaussianBlur(grey, (0, 0), 1.5))))


def _gradient(grey: Float32) -> Float32:
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3)
    return cast(Float32, across * across + down * down)


def _noise(grey: Float32) -> float:
    if min(grey.shape) < 3:
        return 0.0
    second = np.abs(cv2.filter2D(grey, cv2.CV_32F, _NOISE_KERNEL)[1:-1, 1:-1])
    # The median instead of Immerkær's mean: edges of the part are few, noise is everywhere.
    return float(np.median(second) / 0.6745 / 6.0)
