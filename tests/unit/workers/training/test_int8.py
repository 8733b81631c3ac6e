from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onnx  # noqa: E402
import openvino  # noqa: E402

from inspection.drawing.surfaces import draw_surface  # noqa: E402
from workers.training.export import export  # noqa: E402
from workers.training.int8 import exact_nodes, quantise  # noqa: E402
from workers.training.network import NetworkConfig, build  # noqa: E402


def test_the_body_becomes_int8_and_ends_of_branches_and_coordinates_stay(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = NetworkConfig(
        ("a", "b"), (8, 8, 8, 8, 8), 8, box_features=16, proposals=20, least_score=0.2
    )
    fp32, int8 = tmp_path / "fp32.onnx", tmp_path / "int8.onnx"
    export(build(config).eval(), fp32, 128)
    squares = [draw_surface(np.random.default_rng(n), (128, 128)).image_rgb for n in range(3)]
    kept = exact_nodes(fp32)
    sums = {node.name for node in onnx.load(str(fp32)).graph.node if node.op_type == "Add"}
    # semantic, four levels of two proposal heads, class scores, boxes, masks
    assert len(set(kept) - sums) == 1 + 8 + 2 + 1
    quantise(fp32, int8, iter(squares), kept)

    nodes = {node.name: node for node in onnx.load(str(int8)).graph.node}
    producers = {name: node.op_type for node in nodes.values() for name in node.output}
    inner = [n for n in nodes.values() if n.op_type == "Conv" and n.name not in kept]
    assert inner
    assert all(producers.get(node.input[1]) == "DequantizeLinear" for node in inner)
    # Some sums of constants are folded away before.
    exact = [nodes[name] for name in kept if name in nodes]
    assert all(producers.get(node.input[1]) != "DequantizeLinear" for node in exact)
    assert any(node.op_type == "Add" for node in exact)
    features = {name for name in sums - set(kept) if name in nodes}
    assert features
    assert all("/backbone/" in name for name in features)
    assert all(producers.get(nodes[name].input[0]) == "DequantizeLinear" for name in features)
    one = openvino.Core().compile_model(str(fp32), "CPU")(squares[0][None])
    other = openvino.Core().compile_model(str(int8), "CPU")(squares[0][None])
    assert other[3].shape[1:] == one[3].shape[1:] == (112, 112)
    assert other[1].max() == pytest.approx(one[1].max(), abs=0.15)
