"""An engine for fault tests: it works for a few milliseconds, and dies or hangs at some images."""

import ctypes
import os
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil

from inspection.detections import Detections
from inspection.model_folder import ModelFolder
from workers.engines import RgbImage

# The grey values of an image's first pixel. Others are fine.
POISON = 13
ENDLESS = 14
ASLEEP = 15


class FaultyDetector:
    """Finds nothing in 5 to 20 ms; ends its process at one image, and never ends with others."""

    def __init__(self, folder: ModelFolder) -> None:
        self.classes = folder.classes
        self._random = random.Random(int(os.environ["FAULTS_SEED"]))

    def detect(self, images_rgb: Sequence[RgbImage]) -> list[Detections]:
        return list(self.detect_stream(images_rgb))

    def detect_stream(self, images_rgb: Iterable[RgbImage]) -> Iterator[Detections]:
        for image in images_rgb:
            grey = int(np.asarray(image)[0, 0, 0])
            if grey == POISON:
                os._exit(9)  # as a segmentation fault in a native engine would
            if grey in (ENDLESS, ASLEEP):
                _note_a_hang()
            if grey == ENDLESS:
                _deadlock()
            if grey == ASLEEP:
                _sleep_for_ever()
            time.sleep(self._random.uniform(0.005, 0.02))
            yield Detections.empty((image.shape[1], image.shape[0]))

    def close(self) -> None:
        """Nothing is held."""


def hangs(folder: Path) -> list[tuple[int, int]]:
    """Of every hang so far: its process, and how many others hung at that moment."""
    path = folder / "hangs"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(int(pid), int(others)) for pid, others in (line.split() for line in lines)]


def _note_a_hang() -> None:
    folder = Path(os.environ["LINESIDE_DATA_DIR"])
    others = sum(_lives(pid) for pid, _ in hangs(folder))
    with (folder / "hangs").open("a") as notes:
        notes.write(f"{os.getpid()} {others}\n")


def _lives(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def _sleep_for_ever() -> None:
    """Wait for ever in native code that lets other threads of the process run."""
    while True:
        time.sleep(3600)


def _deadlock() -> None:
    """Wait for ever in native code that keeps the interpreter: the hardest way to hang.

    No other thread of the process runs any more, and no handler of a signal: what had been
    inspected is not committed, and SIGTERM changes nothing.
    """
    libc, mutex = ctypes.PyDLL(None), ctypes.create_string_buffer(64)
    for _ in range(2):
        libc.pthread_mutex_lock(mutex)
