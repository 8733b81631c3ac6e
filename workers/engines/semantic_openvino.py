"""A semantic network as an exported graph in OpenVINO, for images of any size."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from inspection.detections import Detections
from inspection.model_folder import ModelFolder
from workers.engines.detector import EngineImage, RgbImage
from workers.engines.openvino import compile_graph
from workers.engines.semantic import Fit, Probabilities, SemanticDetector, fit_image, restore


class SemanticOpenVinoDetector(SemanticDetector):
    """Runs a folder's graph in one or more streams; the graph takes any size that fits."""

    def __init__(
        self,
        model: ModelFolder,
        *,
        threads: int | None = None,
        streams: int = 1,
        least_score: float | None = None,
    ) -> None:
        super().__init__(model, least_score)
        engine = model.manifest.engines.openvino
        assert engine is not None
        cores = threads or len(os.sched_getaffinity(0))
        self._compiled = compile_graph(model.path / engine.graph, threads=cores, streams=streams)
        self._requests: list[Any] = [
            self._compiled.create_infer_request() for _ in range(streams + 1)
        ]

    def run(self, fitted: RgbImage) -> Probabilities:
        (request, *_) = self._requests
        request.infer({0: fitted[None]})
        return np.array(request.get_output_tensor(0).data[0], dtype=np.float32)

    def detect_stream(self, images_rgb: Iterable[EngineImage]) -> Iterator[Detections]:
        if self._settings.flips:
            yield from super().detect_stream(images_rgb)
            return
        free = deque(self._requests)
        running: deque[tuple[Any, Fit]] = deque()
        try:
            for image in images_rgb:
                assert isinstance(image, np.ndarray)
                if not free:
                    request, fit = running.popleft()
                    found = self._finish(request, fit)
                    free.append(request)
                    yield found
                fitted, fit = fit_image(image, self._settings.scale, self._settings.stride)
                request = free.popleft()
                request.start_async({0: fitted[None]})
                running.append((request, fit))
            while running:
                request, fit = running.popleft()
                yield self._finish(request, fit)
        finally:
            # Left early or by an error: a request still at work must not be started again.
            for request, _ in running:
                request.wait()

    def close(self) -> None:
        self._requests.clear()
        self._compiled = None

    def _finish(self, request: Any, fit: Fit) -> Detections:
        request.wait()
        # The tensor is the request's own and is read before its next image begins.
        return self.findings(restore(request.get_output_tensor(0).data[0], fit))
