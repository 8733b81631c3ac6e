"""Choose the engine that runs a model folder here."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inspection.detections import Detections
from inspection.inference import Inference, Join
from inspection.masks.joining import join_pieces
from inspection.masks.one_class import one_class_each
from inspection.model_folder import ModelFolder, load_model_folder
from workers.engines.amended import AmendedDetector
from workers.engines.detector import Detector
from workers.engines.hybrid import HybridDetector
from workers.engines.semantic import SemanticDetector
from workers.engines.thresholds import Thresholds
from workers.engines.tiled import TiledDetector


class EngineUnavailableError(Exception):
    """A model folder whose engines are not installed here."""

    def __init__(self, model: str, needed: str) -> None:
        super().__init__(f"model {model} needs {needed}")
        self.model = model
        self.needed = needed


def load(
    folder: Path | ModelFolder,
    *,
    device: str = "cpu",
    threads: int | None = None,
    streams: int = 1,
    engine: str | None = None,
    least_score: float | None = None,
) -> Detector:
    """Load a model for inference, with what its manifest says is done around it.

    On a CPU the exported graph runs in OpenVINO where both are there, else torch runs the
    weights; on another device torch does.

    Args:
        folder: a model folder, or one that is loaded already.
        device: `cpu`, or a torch device such as `cuda`.
        threads: threads of the engine over all streams; None takes every core it may use.
        streams: images worked on at the same time. Two one-thread streams give more frames a
            second, one two-thread stream an earlier answer.
        engine: `openvino`, `torch`, `classical` or `detectron2`, to insist on one.
        least_score: findings of a lower score are dropped; None takes the model's own
            threshold of each class.

    Raises:
        ModelFolderError: the folder is incomplete or changed.
        EngineUnavailableError: no engine that can run it is installed.
    """
    model = folder if isinstance(folder, ModelFolder) else load_model_folder(folder)
    detector = _load_alone(model, device, threads, streams, engine, least_score)
    inference, own_scores = model.manifest.inference, Thresholds.of(model, None).scores
    if inference.tiling is not None:
        detector = TiledDetector(detector, inference.tiling, own_scores)
    if inference.join is not None and inference.join.gap_px > 0:
        joining = _joining(inference.join, model.classes, own_scores)
        detector = AmendedDetector(detector, joining, "joined")
    if model.manifest.exclusive:
        # At its own thresholds a model gives nothing that would have to fall below them.
        own = None if least_score is None else own_scores
        detector = AmendedDetector(detector, lambda found: one_class_each(found, own), "exclusive")
    return detector


def _joining(
    join: Join, classes: tuple[str, ...], own_scores: npt.NDArray[np.float32]
) -> Callable[[Detections], Detections]:
    return lambda found: join_pieces(found, join, classes, own_scores)


def _load_alone(
    model: ModelFolder,
    device: str,
    threads: int | None,
    streams: int,
    engine: str | None,
    least_score: float | None,
) -> Detector:
    """The engine itself, see `load`."""
    chosen = engine or _choose(model, device)
    engines = model.manifest.engines
    if engines.hybrid is not None:
        # Its parts have the engines; one that is insisted on is theirs.
        flips = model.manifest.inference.flips
        mirrored = engines.hybrid.pixels.model_copy(update={"inference": Inference(flips=flips)})
        parts = (
            ModelFolder(model.path, part, model.version)
            for part in (engines.hybrid.instances, mirrored)
        )
        instances, pixels = (
            _load_alone(part, device, threads, streams, engine, least_score) for part in parts
        )
        if not isinstance(pixels, SemanticDetector):
            raise EngineUnavailableError(model.name, "a semantic model for its pixels")
        return HybridDetector(model, instances, pixels)
    if chosen == "classical" and engines.classical is not None:
        from workers.engines.classical import ClassicalDetector

        return ClassicalDetector(model, least_score=least_score)
    semantic = model.manifest.task == "semantic-segmentation"
    if chosen == "openvino" and engines.openvino is not None and semantic:
        from workers.engines.semantic_openvino import SemanticOpenVinoDetector

        return SemanticOpenVinoDetector(
            model, threads=threads, streams=streams, least_score=least_score
        )
    if chosen == "torch" and engines.torch is not None and semantic:
        from workers.engines.semantic_torch import SemanticTorchDetector

        return SemanticTorchDetector(model, device=device, threads=threads, least_score=least_score)
    if chosen == "openvino" and engines.openvino is not None:
        from workers.engines.openvino import OpenVinoDetector

        return OpenVinoDetector(model, threads=threads, streams=streams, least_score=least_score)
    if chosen == "torch" and engines.torch is not None:
        from workers.engines.torch_maskrcnn import TorchDetector

        return TorchDetector(model, device=device, threads=threads, least_score=least_score)
    if chosen == "detectron2" and engines.torch is not None and not semantic:
        from workers.engines.detectron2 import Detectron2Detector

        return Detectron2Detector(model, device=device, threads=threads, least_score=least_score)
    raise EngineUnavailableError(model.name, f"an engine {chosen!r}, which model.json lacks")


def _choose(model: ModelFolder, device: str) -> str:
    """The name of the best engine that is installed and that the folder has files for."""
    engines = model.manifest.engines
    if engines.hybrid is not None:
        return "hybrid"
    if engines.classical is not None:
        return "classical"
    if device == "cpu" and engines.openvino is not None and _installed("openvino"):
        return "openvino"
    if engines.torch is not None and _installed("torch"):
        return "torch"
    raise EngineUnavailableError(
        model.name,
        "OpenVINO on a CPU (extra `workers`) or torch (extra `train`), and neither fits here",
    )


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
