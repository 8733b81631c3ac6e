"""The benchmarks' pictures: drawn 1080p surfaces, some with defects, the same every time."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from inspection.decode import encode_jpeg
from inspection.drawing.surfaces import CLASSES, draw_surface

Rgb = npt.NDArray[np.uint8]

SIZE_WH = (1920, 1080)
COUNT = 8
_SEED = 41
_CLIP_FPS = 30


def surfaces(count: int = COUNT) -> list[Rgb]:
    """Drawn surfaces, uint8 RGB (1080, 1920, 3); every second one has one to three defects."""
    pictures = []
    for number in range(count):
        rng = np.random.default_rng([_SEED, number])
        defects = rng.choice(CLASSES, size=(number % 2) * int(rng.integers(1, 4)))
        drawn = draw_surface(rng, SIZE_WH, [str(name) for name in defects])
        pictures.append(drawn.image_rgb)
    return pictures


def jpegs(count: int = COUNT, quality: int = 92) -> list[bytes]:
    """The same as the files that a camera would have stored."""
    return [encode_jpeg(picture, quality) for picture in surfaces(count)]


def write_clip(path: Path, count: int = COUNT) -> None:
    """The same as a video of raw frames, whose decoding costs next to nothing.

    A camera gives pixels; what it costs to get them out of a compressed clip would be measured
    otherwise. Raises OSError if it cannot be written.
    """
    clip = cv2.VideoWriter(
        str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"I420"), _CLIP_FPS, SIZE_WH
    )
    if not clip.isOpened():
        raise OSError(f"OpenCV cannot write {path}")
    try:
        for picture in surfaces(count):
            clip.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    finally:
        clip.release()
