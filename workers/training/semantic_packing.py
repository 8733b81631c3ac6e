"""The graph and the thresholds of a semantic network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from inspection.datasets import read_rgb
from inspection.model_folder import ModelFolder
from inspection.model_manifest import Threshold
from workers.engines.semantic import fit_image
from workers.engines.semantic_openvino import SemanticOpenVinoDetector
from workers.training.int8 import last_convolution, quantise
from workers.training.package import GRAPH, Package, Precision, Say, write_manifest
from workers.training.pixel_curve import PixelCurve
from workers.training.semantic_export import export_semantic, store_half
from workers.training.semantic_thresholds import choose_semantic_thresholds, measure_pixels

CALIBRATION_IMAGES = 40
# An int8 graph ships if it costs less than half a point of pixel F1 on the validation images.
INT8_LOSS = 0.005


def finish_semantic(
    network: nn.Module, package: Package, out: Path, say: Say
) -> tuple[Precision, dict[str, Threshold], dict[str, Any]]:
    """Leave the better graph as `GRAPH`; gives its precision, thresholds, and what was tried."""
    assert package.semantic is not None
    fp32 = out / "graph-fp32.onnx"
    export_semantic(network, fp32, package.semantic.stride)
    graphs: dict[Precision, Path] = {"fp32": fp32}
    if package.try_int8:
        say("quantising")
        graphs["int8"] = out / "graph-int8.onnx"
        quantise(fp32, graphs["int8"], _fitted(package), last_convolution(fp32))
    store_half(fp32)
    metrics: dict[str, Any] = {}
    curves = {}
    for precision, graph in graphs.items():
        say(f"validating {precision}")
        (out / GRAPH).write_bytes(graph.read_bytes())
        folder = write_manifest(out, package, precision, {})
        curves[precision] = _measure(folder, package)
        metrics[f"validation_pixel_f1_{precision}"] = _mean_f1(curves[precision], package)
    chosen: Precision = "fp32"
    if "int8" in graphs:
        loss = metrics["validation_pixel_f1_fp32"] - metrics["validation_pixel_f1_int8"]
        chosen = "int8" if loss < INT8_LOSS else "fp32"
        say(f"int8 loses {100 * loss:.2f} points of pixel F1: taking {chosen}")
    (out / GRAPH).write_bytes(graphs[chosen].read_bytes())
    for graph in graphs.values():
        graph.unlink()
    say("choosing thresholds")
    folder = write_manifest(out, package, chosen, {})
    detector = SemanticOpenVinoDetector(folder)
    thresholds = choose_semantic_thresholds(folder, detector, package.validation, curves[chosen])
    detector.close()
    metrics["pixels_by_class"] = {
        name: dict(zip(("threshold", "f1", "iou"), curves[chosen].best(n), strict=True))
        for n, name in enumerate(package.classes)
        if curves[chosen].occurs(n)
    }
    return chosen, thresholds, metrics


def _measure(folder: ModelFolder, package: Package) -> PixelCurve:
    detector = SemanticOpenVinoDetector(folder)
    curve = measure_pixels(folder, detector, package.validation)
    detector.close()
    return curve


def _mean_f1(curve: PixelCurve, package: Package) -> float:
    """Mean over the classes that occur, each at its best threshold."""
    best = [curve.best(n)[1] for n in range(len(package.classes)) if curve.occurs(n)]
    return float(np.mean(best)) if best else 0.0


def _fitted(package: Package) -> Iterator[np.ndarray]:
    assert package.semantic is not None
    step = max(1, len(package.calibration) // CALIBRATION_IMAGES)
    for file in package.calibration[::step][:CALIBRATION_IMAGES]:
        yield fit_image(read_rgb(file), package.semantic.scale, package.semantic.stride)[0]
