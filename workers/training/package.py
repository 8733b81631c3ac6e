"""What goes into a model folder, and the folder as far as it has got: model.json, its figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from inspection.datasets import LabelledFile, read_mask, read_rgb
from inspection.model_folder import MANIFEST, ModelFolder, load_model_folder, sha256_of
from inspection.model_manifest import (
    Engines,
    GraphEngine,
    Manifest,
    SemanticOutput,
    Threshold,
    TorchEngine,
    Training,
)
from workers import engines
from workers.engines.thresholds import Thresholds
from workers.evaluation import LEAST_SCORE, LabelledImage, evaluate

WEIGHTS, GRAPH = "weights.safetensors", "graph.onnx"
Precision = Literal["fp32", "int8"]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Package:
    """What goes into a folder besides the weights.

    Attributes:
        network: its name in the catalogue.
        config: what model.json says of its shape.
        input_px: side of the letterboxed input of a network for instances.
        semantic: how a semantic network is run; None for instances.
        instances: annotations are instances, not all that is of a class in an image.
        exclusive: no two of different classes are of one thing.
        calibration: files that int8 measures activations on.
        validation: files that thresholds are chosen on.
        files: further texts of the folder, by their names.
    """

    name: str
    network: str
    config: dict[str, Any]
    classes: tuple[str, ...]
    input_px: int | None
    semantic: SemanticOutput | None
    training: Training
    licence: str
    calibration: Sequence[LabelledFile]
    validation: Sequence[LabelledFile]
    try_int8: bool = True
    instances: bool = True
    exclusive: bool = False
    files: dict[str, str] = field(default_factory=dict)


def labelled(package: Package) -> Iterator[LabelledImage]:
    """The validation files as labelled images."""
    for file in package.validation:
        masks = tuple(
            (package.classes[annotation.class_index], read_mask(annotation, file.size_wh))
            for annotation in file.annotations
        )
        image = read_rgb(file)
        if package.instances:
            yield LabelledImage(image, masks, name=file.path.name)
        else:
            yield LabelledImage(image, None, areas=masks, name=file.path.name)


def report_on(folder: ModelFolder, package: Package) -> dict[str, Any]:
    """What `lineside evaluate` reports of the folder's graph on the validation files."""
    detector = engines.load(folder, engine="openvino", least_score=LEAST_SCORE)
    thresholds = Thresholds.of(folder, None)
    report = evaluate(detector, thresholds, labelled(package), by_class=True)
    detector.close()
    return report


def write_manifest(
    out: Path,
    package: Package,
    precision: Precision,
    thresholds: dict[str, Threshold],
    metrics: dict[str, Any] | None = None,
) -> ModelFolder:
    """Write model.json for the files as they now are, and load the folder."""
    classes = package.classes
    manifest = Manifest(
        name=package.name,
        task="instance-segmentation" if package.semantic is None else "semantic-segmentation",
        classes=classes,
        input_px=package.input_px,
        engines=Engines(
            openvino=GraphEngine(graph=GRAPH, precision=precision),
            torch=TorchEngine(weights=WEIGHTS, network=package.network, config=package.config),
        ),
        semantic=package.semantic,
        exclusive=package.exclusive,
        thresholds=thresholds or {name: Threshold(score=0.5, mask=0.45) for name in classes},
        training=package.training,
        metrics=_rounded(metrics or {}),
        licence=package.licence,
        files={name: sha256_of(out / name) for name in (WEIGHTS, GRAPH, *package.files)},
    )
    text = json.dumps(manifest.model_dump(mode="json", by_alias=True, exclude_none=True), indent=2)
    (out / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return load_model_folder(out)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return value
