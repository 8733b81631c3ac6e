"""A semantic network as an exported graph in OpenVINO, for images of any size."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from inspection.detections import Detections
from inspection.model_folder import ModelFolder
from workers.engines.detector import EngineImage, RgbImage
from workers.engines.openvino import compile_graph, streamed
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
            return super().detect_stream(images_rgb)
        return streamed(self._requests, images_rgb, self._fitted, self._finish)

    def close(self) -> None:
        self._requests.clear()
        self._compiled = None

    def _fitted(self, image: EngineImage) -> tuple[RgbImage, Fit]:
        # Its folders have no `input_px`, so that nobody decodes for it at half size.
        assert isinstance(image, np.ndarray)
        return fit_image(image, self._settings.scale, self._settings.stride)

    def _finish(self, request: Any, fit: Fit) -> Detections:
        request.wait()
        # The tensor is the request's own and is read before its next image begins.
        return self.findings(restore(request.get_output_tensor(0).data[0], fit))
