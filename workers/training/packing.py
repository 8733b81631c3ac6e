"""From trained weights to a model folder: weights, graph, thresholds, figures, model card."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file
from torch import nn

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
from workers.engines.thresholds import Thresholds
from workers.evaluation import LEAST_SCORE, LabelledImage, evaluate
from workers.training.model_card import write_card

WEIGHTS, GRAPH = "weights.safetensors", "graph.onnx"
Precision = Literal["fp32", "int8"]
Say = Callable[[str], None]
# What of the validation's report stands in model.json; its curves would be most of the file.
SHIPPED_FIGURES = ("images", "classes", "mask_ap", "mask_ap50", "pixel", "per_class", "image")


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


def pack(network: nn.Module, package: Package, out: Path, say: Say) -> ModelFolder:
    """Write the model folder and give it, loaded and checked.

    Weights are rounded to half precision first, so that both engines run the same numbers.
    """
    out.mkdir(parents=True, exist_ok=True)
    save_file(half_precision(network), out / WEIGHTS)
    # safetensors writes for its owner alone, but a model is read by whoever runs a worker.
    (out / WEIGHTS).chmod(0o644)
    for name, text in package.files.items():
        (out / name).write_text(text, encoding="utf-8")
    say("exporting")
    if package.semantic is None:
        from workers.training.instance_packing import finish
    else:
        from workers.training.semantic_packing import finish
    precision, thresholds, metrics = finish(network, package, out, say)
    folder = write_manifest(out, package, precision, thresholds)
    report = report_on(folder, package)
    metrics |= {"validation": {key: report[key] for key in SHIPPED_FIGURES}}
    folder = write_manifest(out, package, precision, thresholds, metrics)
    write_card(folder)
    return folder


def half_precision(network: nn.Module) -> dict[str, torch.Tensor]:
    """Round the network's weights in place to fp16 and give them as they are stored.

    Batch statistics stay in fp32: a variance may lie outside the range of fp16.
    """
    stored = {}
    with torch.no_grad():
        for name, value in network.state_dict().items():
            statistic = name.endswith(("running_mean", "running_var", "num_batches_tracked"))
            if not statistic and value.is_floating_point():
                value.copy_(value.half().float())
                stored[name] = value.half().detach().clone().cpu().contiguous()
            else:
                stored[name] = value.detach().clone().cpu().contiguous()
    return stored


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
    from workers import engines

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
