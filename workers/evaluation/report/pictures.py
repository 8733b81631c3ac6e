"""The worst images with what is true and what was found drawn over them."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import numpy.typing as npt

from inspection.decode import encode_jpeg
from inspection.detections import InstanceMask
from workers.evaluation.worst import ShownImage

UInt8 = npt.NDArray[np.uint8]

# Okabe and Ito's sky blue and vermillion. What is true is an outline, what was found is filled:
# the two differ in more than colour.
TRUTH_RGB, FOUND_RGB = (86, 180, 233), (213, 94, 0)
_AWAY_PX = 3
_WIDTH_PX = 560
_QUALITY = 80


def picture(shown: ShownImage) -> str:
    """The image as a data URL of a JPEG, at most 560 px wide."""
    rgb = shown.again()
    scale = min(1.0, _WIDTH_PX / max(rgb.shape[:2]))
    if rgb.shape[1] < _WIDTH_PX / 2 and scale == 1.0:
        scale = _WIDTH_PX / 2 / rgb.shape[1]  # small tiles are hard to see
    size_wh = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    canvas = np.asarray(cv2.resize(rgb, size_wh, interpolation=method), dtype=np.uint8).copy()
    for mask in shown.kept.masks:
        _fill(canvas, mask, scale)
    for mask in shown.kept.masks:
        _outline(canvas, mask, scale, FOUND_RGB, 1)
    for _, mask in shown.truth:
        # Around the mask and not on it, or a thin crack would be all outline.
        _outline(canvas, mask, scale, TRUTH_RGB, 2, _AWAY_PX)
    data = base64.b64encode(encode_jpeg(canvas, _QUALITY)).decode("ascii")
    return f"data:image/jpeg;base64,{data}"


def _frame(canvas: UInt8, mask: InstanceMask, scale: float) -> UInt8:
    """A mask at the picture's scale, uint8 (H, W) of 0 and 1."""
    frame = np.zeros(canvas.shape[:2], dtype=np.uint8)
    if not mask.bits.size:
        return frame
    height, width = mask.bits.shape
    x0, y0 = round(mask.x0 * scale), round(mask.y0 * scale)
    size_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(mask.bits.astype(np.uint8) * 255, size_wh, interpolation=method)
    window = frame[y0 : y0 + size_wh[1], x0 : x0 + size_wh[0]]
    # A quarter of a pixel counts, or a thin crack would vanish from a small picture.
    window[:] = small[: window.shape[0], : window.shape[1]] >= 64
    return frame


def _fill(canvas: UInt8, mask: InstanceMask, scale: float) -> None:
    inside = _frame(canvas, mask, scale).astype(np.bool_)
    mixed = 0.45 * canvas[inside] + 0.55 * np.array(FOUND_RGB)
    canvas[inside] = mixed.astype(np.uint8)


def _outline(
    canvas: UInt8,
    mask: InstanceMask,
    scale: float,
    rgb: tuple[int, int, int],
    width_px: int,
    away_px: int = 0,
) -> None:
    frame = _frame(canvas, mask, scale)
    if away_px:
        frame = np.asarray(cv2.dilate(frame, np.ones((2 * away_px + 1,) * 2, np.uint8)), np.uint8)
    contours, _ = cv2.findContours(frame, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, contours, -1, rgb, width_px, cv2.LINE_AA)
