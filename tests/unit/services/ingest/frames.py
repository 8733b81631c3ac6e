"""Frames for tests, drawn."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np

from inspection.feed import UInt8
from services.ingest.frame import Frame

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def picture(number: int = 0, size_wh: tuple[int, int] = (320, 180)) -> UInt8:
    """A gradient with a bright block that moves with `number`."""
    width, height = size_wh
    ramp = np.linspace(30, 180, width, dtype=np.uint8)
    bgr = np.repeat(np.repeat(ramp[None, :, None], height, axis=0), 3, axis=2)
    left = (number * 40) % (width - 40)
    bgr[40:100, left : left + 40] = 250
    return bgr


def frame(time_s: float = 0.0, bgr: UInt8 | None = None) -> Frame:
    shown = picture() if bgr is None else bgr
    load: Callable[[], UInt8] = lambda: shown  # noqa: E731 - a lambda that holds one picture
    return Frame(START + timedelta(seconds=time_s), time_s, pixels=load)
