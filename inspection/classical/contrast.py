"""Maps of how much each pixel stands out of its surroundings, relative to their brightness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

RgbImage = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float32]

# The background is the mean of a wide window; the window's own defect lowers it, so the window
# is made at a quarter of the size, where it is wide and cheap.
REDUCTION = 4
# Below this level a camera's noise would pass for contrast.
_LEAST_LEVEL = 8.0


def contrast_map(image_rgb: RgbImage, background_px: int, *, light: bool = False) -> Map:
    """How much darker (or lighter) each pixel is than its background, as a share of it.

    Returns:
        float32 (H, W); 0.3 is 30 % darker than the mean of the window around it.
    """
    grey = _grey(image_rgb, 3)
    level = np.maximum(_background(grey, background_px), np.float32(1))
    difference = (grey.astype(np.float32) - level) / level
    return cast(Map, difference if light else -difference)


def line_map(
    image_rgb: RgbImage, widths_px: Sequence[float], background_px: int, *, light: bool = False
) -> Map:
    """How strong a dark (or light) line runs through each pixel, whatever its direction.

    The largest eigenvalue of the second derivatives, each scale weighted by its variance, of
    which the strongest counts (Lindeberg 1998, "Edge detection and ridge detection with automatic
    scale selection"); relative to the background's brightness.

    Args:
        widths_px: of the lines looked for; the scale of each is half its width.

    Returns:
        float32 (H, W), about the line's contrast along its centre, ≤ 0 where there is none.
    """
    whole = _grey(image_rgb, 1)
    level = np.maximum(_background(whole, background_px), _LEAST_LEVEL)
    grey = whole.astype(np.float32)
    strongest: Map | None = None
    for width_px in widths_px:
        sigma = width_px / 2
        smooth = cv2.GaussianBlur(grey, (0, 0), sigma)
        xx, yy, xy = (
            cv2.Sobel(smooth, cv2.CV_32F, *order, ksize=3, scale=sigma**2 / 4)
            for order in ((2, 0), (0, 2), (1, 1))
        )
        if light:
            xx, yy = -xx, -yy
        response = cast(Map, (xx + yy) / 2 + np.hypot((xx - yy) / 2, xy))
        strongest = response if strongest is None else np.maximum(strongest, response)
    assert strongest is not None
    return cast(Map, strongest / level)


def outline_map(
    image_rgb: RgbImage, background_px: int, least: float, seed: float
) -> tuple[Map, npt.NDArray[np.uint8]]:
    """How steep the brightness is at each pixel, and the thin edges along its crests.

    Canny 1986, "A computational approach to edge detection", on brightness relative to the
    background, so that one setting serves light and dark surfaces.

    Args:
        least, seed: an edge has the strength `least` all along and `seed` somewhere.

    Returns:
        float32 (H, W), ≥ 0, about the contrast of a sharp step; uint8 (H, W), 1 on edges.
    """
    grey = _grey(image_rgb, 5)
    level = np.maximum(_background(grey, background_px), _LEAST_LEVEL)
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3, scale=3 / 8) / level
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3, scale=3 / 8) / level
    # Canny wants whole numbers: thousandths.
    dx, dy = (np.clip(part * 1000, -32767, 32767).astype(np.int16) for part in (across, down))
    edges = cv2.Canny(dx, dy, least * 1000, seed * 1000, L2gradient=True)
    return cast(Map, cv2.magnitude(across, down)), (np.asarray(edges) > 0).astype(np.uint8)


def _grey(image_rgb: RgbImage, blur_px: int) -> npt.NDArray[np.uint8]:
    grey = cv2.cvtColor(image_rgb, cv2.COLOR_RGB2GRAY)
    if blur_px > 1:
        grey = cv2.GaussianBlur(grey, (blur_px, blur_px), 0)
    return cast(npt.NDArray[np.uint8], grey)


def _background(grey: npt.NDArray[np.uint8], background_px: int) -> Map:
    height, width = grey.shape
    small_wh = (max(1, width // REDUCTION), max(1, height // REDUCTION))
    small = cv2.resize(grey, small_wh, interpolation=cv2.INTER_AREA)
    side = max(1, background_px // REDUCTION) | 1
    mean = cv2.blur(small, (side, side), borderType=cv2.BORDER_REPLICATE)
    wide = cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR)
    return wide.astype(np.float32)
