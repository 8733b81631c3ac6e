"""The graph and the thresholds of a network for instances."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from inspection.datasets import read_rgb
from inspection.model_manifest import Threshold
from workers.mask_pasting import letterbox
from workers.training.export import export
from workers.training.int8 import exact_nodes, quantise
from workers.training.package import (
    GRAPH,
    Package,
    Precision,
    Say,
    labelled,
    report_on,
    write_manifest,
)
from workers.training.threshold_choice import choose_thresholds

CALIBRATION_IMAGES = 120
# An int8 graph ships if it costs less than one point of mask AP on the validation images.
INT8_LOSS = 0.01


def finish_instances(
    network: nn.Module, package: Package, out: Path, say: Say
) -> tuple[Precision, dict[str, Threshold], dict[str, Any]]:
    """Leave the better graph as `GRAPH`; gives its precision, thresholds, and what was tried."""
    assert package.input_px is not None
    fp32 = out / "graph-fp32.onnx"
    export(network, fp32, package.input_px)
    graphs: dict[Precision, Path] = {"fp32": fp32}
    if package.try_int8:
        say("quantising")
        graphs["int8"] = out / "graph-int8.onnx"
        quantise(fp32, graphs["int8"], _squares(package), exact_nodes(fp32))
    metrics: dict[str, Any] = {}
    for precision, graph in graphs.items():
        say(f"validating {precision}")
        (out / GRAPH).write_bytes(graph.read_bytes())
        folder = write_manifest(out, package, precision, {})
        figures = report_on(folder, package)
        metrics[f"validation_mask_ap_{precision}"] = figures["mask_ap"] or 0.0
    chosen: Precision = "fp32"
    if "int8" in graphs:
        loss = metrics["validation_mask_ap_fp32"] - metrics["validation_mask_ap_int8"]
        chosen = "int8" if loss < INT8_LOSS else "fp32"
        say(f"int8 loses {100 * loss:.2f} points of mask AP: taking {chosen}")
    (out / GRAPH).write_bytes(graphs[chosen].read_bytes())
    for graph in graphs.values():
        graph.unlink()
    say("choosing thresholds")
    folder = write_manifest(out, package, chosen, {})
    thresholds = choose_thresholds(folder, lambda: labelled(package))
    return chosen, thresholds, metrics


def _squares(package: Package) -> Iterator[np.ndarray]:
    assert package.input_px is not None
    step = max(1, len(package.calibration) // CALIBRATION_IMAGES)
    for file in package.calibration[::step][:CALIBRATION_IMAGES]:
        yield letterbox(read_rgb(file), package.input_px)[0]
