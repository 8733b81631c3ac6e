"""From trained weights to a model folder: weights, graph, thresholds, figures, model card."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from inspection.model_folder import (
    MANIFEST,
    Engines,
    GraphEngine,
    Manifest,
    ModelFolder,
    Threshold,
    TorchEngine,
    Training,
    load_model_folder,
    sha256_of,
)
from workers.engines.openvino import OpenVinoDetector
from workers.engines.thresholds import Thresholds
from workers.evaluation import LEAST_SCORE, LabelledImage, evaluate
from workers.labelled_images import coco_mask, read_rgb
from workers.mask_pasting import letterbox
from workers.training.dataset import Record
from workers.training.export import export
from workers.training.int8 import output_nodes, quantise
from workers.training.model_card import write_card
from workers.training.network import NetworkConfig
from workers.training.threshold_choice import choose_thresholds

WEIGHTS, GRAPH = "weights.safetensors", "graph.onnx"
CALIBRATION_IMAGES = 120
# An int8 graph ships if it costs less than one point of mask AP on the validation images.
INT8_LOSS = 0.01


@dataclass(frozen=True, slots=True)
class Package:
    """What goes into a folder besides the weights."""

    name: str
    config: NetworkConfig
    input_px: int
    training: Training
    licence: str
    calibration: list[Record]
    validation: list[Record]
    try_int8: bool = True


def pack(
    network: nn.Module, package: Package, out: Path, say: Callable[[str], None]
) -> ModelFolder:
    """Write the model folder and give it, loaded and checked.

    Weights are rounded to half precision first, so that both engines run the same numbers.
    """
    out.mkdir(parents=True, exist_ok=True)
    save_file(half_precision(network), out / WEIGHTS)
    # safetensors writes for its owner alone, but a model is read by whoever runs a worker.
    (out / WEIGHTS).chmod(0o644)
    say("exporting")
    fp32 = out / "graph-fp32.onnx"
    export(network, fp32, package.input_px)
    chosen, metrics = _choose_graph(package, fp32, out, say)
    fp32.unlink()
    folder = _write(out, package, chosen, {})
    say("choosing thresholds")
    thresholds = choose_thresholds(folder, lambda: labelled(package.validation))
    folder = _write(out, package, chosen, thresholds)
    metrics |= {"validation": _validate(folder, package.validation)}
    folder = _write(out, package, chosen, thresholds, metrics)
    write_card(folder)
    return folder


def _choose_graph(
    package: Package, fp32: Path, out: Path, say: Callable[[str], None]
) -> tuple[Literal["fp32", "int8"], dict[str, Any]]:
    """Leave the better graph as `GRAPH`; gives its precision and the AP of each that was tried."""
    graphs: dict[Literal["fp32", "int8"], Path] = {"fp32": fp32}
    if package.try_int8:
        say("quantising")
        graphs["int8"] = out / "graph-int8.onnx"
        quantise(fp32, graphs["int8"], _squares(package), output_nodes(fp32))
    metrics = {}
    for precision, graph in graphs.items():
        say(f"validating {precision}")
        (out / GRAPH).write_bytes(graph.read_bytes())
        folder = _write(out, package, precision, {})
        figures = _validate(folder, package.validation)
        metrics[f"validation_mask_ap_{precision}"] = figures["mask_ap"]
    if "int8" not in graphs:
        return "fp32", metrics
    loss = metrics["validation_mask_ap_fp32"] - metrics["validation_mask_ap_int8"]
    chosen: Literal["fp32", "int8"] = "int8" if loss < INT8_LOSS else "fp32"
    say(f"int8 loses {100 * loss:.2f} points of mask AP: taking {chosen}")
    (out / GRAPH).write_bytes(graphs[chosen].read_bytes())
    graphs["int8"].unlink()
    return chosen, metrics


def half_precision(network: nn.Module) -> dict[str, torch.Tensor]:
    """Round the network's weights in place to fp16 and give them as they are stored.

    Batch statistics stay in fp32: a variance may lie outside the range of fp16.
    """
    stored = {}
    with torch.no_grad():
        for name, value in network.state_dict().items():
            statistic = name.endswith(("running_mean", "running_var", "num_batches_tracked"))
            if not statistic:
                value.copy_(value.half().float())
            kept = value if statistic else value.half()
            stored[name] = kept.detach().clone().cpu().contiguous()
    return stored


def labelled(records: list[Record]) -> Iterator[LabelledImage]:
    """Records as labelled images; class names are not known here, so they are the indices."""
    for record in records:
        instances = tuple(
            (str(index), coco_mask(given, record.size_wh)) for index, given in record.annotations
        )
        yield LabelledImage(read_rgb(record.path), instances)


def _validate(folder: ModelFolder, records: list[Record]) -> dict[str, Any]:
    detector = OpenVinoDetector(folder, least_score=LEAST_SCORE)
    images = (
        LabelledImage(
            image.image_rgb,
            tuple((folder.classes[int(index)], mask) for index, mask in image.instances or ()),
        )
        for image in labelled(records)
    )
    report = evaluate(detector, Thresholds.of(folder, None), images)
    detector.close()
    return report


def _squares(package: Package) -> Iterator[np.ndarray]:
    step = max(1, len(package.calibration) // CALIBRATION_IMAGES)
    for record in package.calibration[::step][:CALIBRATION_IMAGES]:
        yield letterbox(read_rgb(record.path), package.input_px)[0]


def _write(
    out: Path,
    package: Package,
    precision: Literal["fp32", "int8"],
    thresholds: dict[str, Threshold],
    metrics: dict[str, Any] | None = None,
) -> ModelFolder:
    classes = package.config.classes
    manifest = Manifest(
        name=package.name,
        classes=classes,
        input_px=package.input_px,
        engines=Engines(
            openvino=GraphEngine(graph=GRAPH, precision=precision),
            torch=TorchEngine(
                weights=WEIGHTS, network="mask-rcnn-light", config=package.config.to_json()
            ),
        ),
        thresholds=thresholds or {name: Threshold(score=0.5, mask=0.45) for name in classes},
        training=package.training,
        metrics=_rounded(metrics or {}),
        licence=package.licence,
        files={name: sha256_of(out / name) for name in (WEIGHTS, GRAPH)},
    )
    text = json.dumps(manifest.model_dump(mode="json", by_alias=True, exclude_none=True), indent=2)
    (out / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return load_model_folder(out)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return value
