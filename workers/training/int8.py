"""Int8 by onnxruntime's static quantizer: a QDQ graph, which OpenVINO runs natively."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

BRANCH_ENDS = (
    "/semantic/",
    "/cls_logits",
    "/bbox_pred",
    "/cls_score/",
    "/mask_predictor/",
    # Of networks with Detectron2's names.
    "/objectness_logits",
    "/anchor_deltas",
    "/mask_head/predictor/",
)
BACKBONE = "/backbone/"


def quantise(
    graph: Path, out: Path, squares: Iterable[npt.NDArray[np.uint8]], keep: tuple[str, ...] = ()
) -> None:
    """Write an int8 version of an exported graph.

    Args:
        graph: ONNX in fp32, as `export` writes it.
        out: the int8 graph.
        squares: some 100 letterboxed images, uint8 (S, S, 3), to measure activations on.
        keep: names of nodes that stay in fp32.
    """
    from onnxruntime.quantization import (
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(graph), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(out),
            _Reader(iter(squares)),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Gemm", "MatMul", "Add", "Relu"],
            nodes_to_exclude=list(keep),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )


def exact_nodes(graph: Path) -> tuple[str, ...]:
    """Names of a Mask R-CNN's nodes that stay in fp32, told by the module they came from.

    Those that end a branch decide where a box lies and how a mask's edge runs, and are a
    thousandth of the work. Sums outside the backbone are no features but coordinates: in 256
    steps over the input's side a box would lie 2 px beside itself.
    """
    import onnx

    model = onnx.load(str(graph), load_external_data=False)
    return tuple(
        node.name
        for node in model.graph.node
        if (node.op_type in ("Conv", "Gemm") and any(end in node.name for end in BRANCH_ENDS))
        or (node.op_type == "Add" and BACKBONE not in node.name)
    )


def last_convolution(graph: Path) -> tuple[str, ...]:
    """The node of a semantic network that gives the logits, and stays in fp32.

    It decides where an edge runs and costs next to nothing.
    """
    import onnx

    nodes = onnx.load(str(graph), load_external_data=False).graph.node
    return tuple(node.name for node in nodes if node.op_type == "Conv")[-1:]


class _Reader:
    """onnxruntime's calibration protocol: one feed after the other, then None."""

    def __init__(self, squares: Iterator[npt.NDArray[np.uint8]]) -> None:
        self._squares = squares

    def get_next(self) -> dict[str, Any] | None:
        square = next(self._squares, None)
        return None if square is None else {"image": square[None]}

    def __len__(self) -> int:
        return 0

    def set_range(self, start_index: int, end_index: int) -> None:
        """Part of the protocol; everything is read at once."""
