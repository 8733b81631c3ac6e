"""Video clips for tests, written by OpenCV: frame n has n + 1 white bars."""

from pathlib import Path

import cv2
import numpy as np

from inspection.feed import UInt8


def write_clip(
    path: Path, frames: int, *, fps: float = 10, size_wh: tuple[int, int] = (160, 120)
) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, size_wh)
    assert writer.isOpened()
    for number in range(frames):
        picture = np.full((size_wh[1], size_wh[0], 3), 40, dtype=np.uint8)
        for bar in range(number + 1):
            picture[:, 16 * bar + 4 : 16 * bar + 12] = 230
        writer.write(picture)
    writer.release()
    return path


def number_of(bgr: UInt8) -> int:
    """Which frame of a clip it is."""
    bright = bgr[20:100].mean(axis=(0, 2)) > 135
    return int((np.diff(bright.astype(int)) == 1).sum()) - 1
