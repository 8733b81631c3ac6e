"""A semantic network as an exported graph in OpenVINO, for images of any size."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from inspection.model_folder import ModelFolder
from workers.engines.detector import RgbImage
from workers.engines.openvino import compile_graph, streamed
from workers.engines.semantic import Probabilities, SemanticDetector


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

    def run_stream(self, fitted: Iterable[RgbImage]) -> Iterator[Probabilities]:
        return streamed(self._requests, fitted, _as_it_is, _probabilities)

    def close(self) -> None:
        self._requests.clear()
        self._compiled = None


def _as_it_is(fitted: RgbImage) -> tuple[RgbImage, None]:
    return fitted, None


def _probabilities(request: Any, _: None) -> Probabilities:
    request.wait()
    # The tensor is the request's own, and the next image writes over it.
    return np.array(request.get_output_tensor(0).data[0], dtype=np.float32)
