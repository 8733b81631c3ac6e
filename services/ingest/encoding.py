"""A camera's pixels as the file that is stored."""

from __future__ import annotations

from dataclasses import dataclass

import cv2

from inspection.feed import UInt8
from inspection.preview import QUALITY, shrink, with_preview
from inspection.recipe import FramePolicy


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """An image file and the suffix of its name."""

    data: bytes
    suffix: str


def encode(bgr: UInt8, frames: FramePolicy, preview_px: int | None) -> EncodedFrame | None:
    """Encode pixels, uint8 BGR (H, W, 3), as a recipe wants them; None where it cannot be done.

    Args:
        frames: the format and its quality.
        preview_px: side of the input of the model that is going to look at it, for which a JPEG
            gets a small copy; None for none.
    """
    # OpenCV's own order of colours, so that nothing is turned twice on the way.
    if frames.format == "png":
        done, data = cv2.imencode(".png", bgr)
        return EncodedFrame(data.tobytes(), "png") if done else None
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, frames.jpeg_quality])
    if not done:
        return None
    small = shrink(bgr, preview_px) if preview_px is not None else None
    if small is None:
        return EncodedFrame(data.tobytes(), "jpg")
    done, copy = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        return EncodedFrame(data.tobytes(), "jpg")
    wh = (bgr.shape[1], bgr.shape[0])
    return EncodedFrame(with_preview(data.data, copy.tobytes(), wh), "jpg")
