"""Mask R-CNN as an exported graph in OpenVINO: the CPU engine, which needs no torch."""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from inspection.detections import Detections
from inspection.model_folder import ModelFolder
from workers.engines.detector import EngineImage
from workers.engines.thresholds import Thresholds
from workers.mask_pasting import Letterbox, letterbox, to_detections

Image = TypeVar("Image", bound=EngineImage)
Fit = TypeVar("Fit")  # how an image was brought into the form that its network takes
Answer = TypeVar("Answer")


@functools.cache
def _core() -> Any:
    """The process's one Core, never given back.

    Each Core gives its thread a stack for signal handlers, and one that ends puts the stack of
    the Core before it back, which may be gone by then: the next SIGTERM is a segmentation fault
    (OpenVINO 2026.4).
    """
    # Only OpenVINO's model converter reports home, and it is never called here.
    import openvino

    return openvino.Core()


def compile_graph(graph: Path, *, threads: int, streams: int) -> Any:
    """An ONNX graph compiled for the CPU."""
    core = _core()
    return core.compile_model(
        core.read_model(str(graph)),
        "CPU",
        {
            "NUM_STREAMS": str(streams),
            "INFERENCE_NUM_THREADS": str(threads),
            # Else the same folder would give other scores on a CPU that has bf16.
            "INFERENCE_PRECISION_HINT": "f32",
            # Two workers on one host would pin their threads to the same cores.
            "ENABLE_CPU_PINNING": "NO",
        },
    )


def streamed(
    requests: Sequence[Any],
    images: Iterable[Image],
    fitted: Callable[[Image], tuple[npt.NDArray[np.uint8], Fit]],
    finish: Callable[[Any, Fit], Answer],
) -> Iterator[Answer]:
    """The answer to each image in order, with as many under way as there are requests.

    Args:
        fitted: the network's input of an image, uint8 (H, W, 3), and how it was fitted.
        finish: waits for a request and makes an answer of its tensors, which are the request's.
    """
    free = deque(requests)
    running: deque[tuple[Any, Fit]] = deque()
    try:
        for image in images:
            if not free:
                request, fit = running.popleft()
                found = finish(request, fit)
                free.append(request)
                yield found
            pixels, fit = fitted(image)
            request = free.popleft()
            request.start_async({0: pixels[None]})
            running.append((request, fit))
        while running:
            request, fit = running.popleft()
            yield finish(request, fit)
    finally:
        # Left early or by an error: a request still at work must not be started again.
        for request, _ in running:
            request.wait()


class OpenVinoDetector:
    """Runs a folder's graph in one or more streams; preprocessing and pasting stay outside."""

    def __init__(
        self,
        model: ModelFolder,
        *,
        threads: int | None = None,
        streams: int = 1,
        least_score: float | None = None,
    ) -> None:
        engine, side = model.manifest.engines.openvino, model.manifest.input_px
        assert engine is not None
        assert side is not None
        self._classes = model.classes
        self._side = side
        self._thresholds = Thresholds.of(model, least_score)
        self._compiled: Any = compile_graph(
            model.path / engine.graph,
            threads=threads or len(os.sched_getaffinity(0)),
            streams=streams,
        )
        # One more than there are streams, so that none waits for Python to paste masks.
        self._requests: list[Any] = [
            self._compiled.create_infer_request() for _ in range(streams + 1)
        ]

    @property
    def classes(self) -> tuple[str, ...]:
        return self._classes

    def use(self, thresholds: Thresholds) -> None:
        """From now on, other thresholds than the model's own."""
        self._thresholds = thresholds

    def detect(self, images_rgb: Sequence[EngineImage]) -> list[Detections]:
        return list(self.detect_stream(images_rgb))

    def detect_stream(self, images_rgb: Iterable[EngineImage]) -> Iterator[Detections]:
        def fitted(image: EngineImage) -> tuple[npt.NDArray[np.uint8], Letterbox]:
            return letterbox(image, self._side)

        return streamed(self._requests, images_rgb, fitted, self._finish)

    def close(self) -> None:
        self._requests.clear()
        self._compiled = None

    def _finish(self, request: Any, fit: Letterbox) -> Detections:
        request.wait()
        boxes, scores, labels, masks = (request.get_output_tensor(place).data for place in range(4))
        class_ids = np.asarray(labels, dtype=np.int64) - 1
        # The graph always gives one row of score 0: see LightRoIHeads.postprocess_detections.
        keep = (scores > 0) & (scores >= self._thresholds.scores[class_ids])
        # The tensors belong to the request, which the next image will write over: indexing
        # with an array copies.
        return to_detections(
            boxes[keep],
            scores[keep],
            class_ids[keep],
            masks[keep],
            fit,
            self._thresholds.masks,
        )
