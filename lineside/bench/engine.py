"""The engine alone: decoded images in, detections out, with the worker's own settings."""

from __future__ import annotations

import itertools
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import cv2

from inspection.model_folder import ModelFolder
from lineside.bench import figures
from lineside.bench.pictures import Rgb

if TYPE_CHECKING:
    from workers.settings import WorkerSettings

WARM_UP_S = 2.0


def measure(
    model: ModelFolder, images: Sequence[Rgb], settings: WorkerSettings, seconds: float
) -> dict[str, object]:
    """Frames a second and latencies of `detect_stream` over images that are decoded already.

    Resizing to the model's input and pasting the masks belong to it, as in the worker.
    """
    from workers import engines

    cv2.setNumThreads(1)  # as in a worker
    detector = engines.load(
        model,
        device=settings.device,
        threads=settings.engine_threads,
        streams=settings.engine_streams,
    )
    stop_at = time.perf_counter() + WARM_UP_S + seconds
    begun: deque[float] = deque()

    def endless() -> Iterator[Rgb]:
        for image in itertools.cycle(images):
            if time.perf_counter() >= stop_at:
                return
            begun.append(time.perf_counter())
            yield image

    done: list[tuple[float, float, float]] = []  # when, how long it took, processor time so far
    for _ in detector.detect_stream(endless()):
        now = time.perf_counter()
        done.append((now, now - begun.popleft(), time.process_time()))
    detector.close()
    # From result to result: what had begun before is not counted.
    warm = [entry for entry in done if entry[0] >= stop_at - seconds]
    if len(warm) < 2:
        raise RuntimeError(f"the engine gave {len(warm)} results in {seconds:g} s")
    spent_s = warm[-1][0] - warm[0][0]
    return {
        "frames": len(warm) - 1,
        "seconds": round(spent_s, 2),
        "frames_per_s": round((len(warm) - 1) / spent_s, 2),
        "latency_ms": figures.latency_ms([took_s for _, took_s, _ in warm]),
        "processor_ms_per_frame": round((warm[-1][2] - warm[0][2]) * 1000 / (len(warm) - 1), 2),
        "peak_memory_mb": figures.peak_memory_mb(os.getpid()),
    }
