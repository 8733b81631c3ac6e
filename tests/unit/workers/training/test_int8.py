from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onnx  # noqa: E402
import onnxruntime  # noqa: E402
import openvino  # noqa: E402

from inspection.drawing.surfaces import draw_surface  # noqa: E402
from workers.networks.semantic import SemanticConfig, build_semantic  # noqa: E402
from workers.training.export import export  # noqa: E402
from workers.training.graph_shapes import shapes_from_image  # noqa: E402
from workers.training.int8 import exact_nodes, quantise  # noqa: E402
from workers.training.network import NetworkConfig, build  # noqa: E402
from workers.training.semantic_export import export_semantic  # noqa: E402


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


def test_openvino_runs_a_semantic_int8_graph_as_onnxruntime_does(tmp_path: Path) -> None:
    # Where its shapes are read off features, OpenVINO takes wrong biases: see `graph_shapes`.
    torch.manual_seed(0)
    network = build_semantic(SemanticConfig("unet", ("a",), "light")).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.bias, 0, 0.5)
    fp32, int8 = tmp_path / "fp32.onnx", tmp_path / "int8.onnx"
    export_semantic(network, fp32, 32)
    nodes = onnx.load(str(fp32)).graph.node
    assert {name for node in nodes if node.op_type == "Shape" for name in node.input} == {"image"}
    images = [draw_surface(np.random.default_rng(n), (128, 96)).image_rgb for n in range(2)]
    (last,) = [node.name for node in nodes if node.op_type == "Conv"][-1:]
    quantise(fp32, int8, iter(images), (last,))
    session = onnxruntime.InferenceSession(str(int8))
    compiled = openvino.Core().compile_model(str(int8), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for image in images:
        (expected,) = session.run(None, {"image": image[None]})
        assert np.std(logits(expected)) > 0.3
        assert np.abs(logits(compiled(image[None])[0]) - logits(expected)).mean() < 0.1


def logits(probabilities: np.ndarray) -> np.ndarray:
    inside = np.clip(probabilities, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(inside / (1 - inside)))


def test_shapes_that_do_not_follow_from_the_image_stay() -> None:
    def shape(name: str, of: str, **attributes: int) -> onnx.NodeProto:
        return onnx.helper.make_node("Shape", [of], [name], **attributes)

    def pool(name: str, side: int) -> onnx.NodeProto:
        sides = {"kernel_shape": [side, side], "strides": [side, side]}
        return onnx.helper.make_node("AveragePool", ["real"], [name], **sides)

    nodes = [
        onnx.helper.make_node("Cast", ["image"], ["whole"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Transpose", ["whole"], ["real"], perm=[0, 3, 1, 2]),
        pool("quarter", 4),
        pool("third", 3),
        onnx.helper.make_node("GlobalAveragePool", ["real"], ["mean"]),
        shape("a", "quarter"),
        shape("b", "quarter", start=2),
        shape("c", "quarter", start=-2, end=-1),
        shape("d", "third"),
        shape("e", "mean"),
    ]
    image = onnx.helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, [1, "h", "w", 3])
    given = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.INT64, None) for n in "abcde"]
    graph = onnx.helper.make_graph(nodes, "shapes", [image], given)
    opsets = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    assert shapes_from_image(model, 8) == 2
    left = [node.input[0] for node in model.graph.node if node.op_type == "Shape"]
    assert left == ["image", "third", "mean"]
    session = onnxruntime.InferenceSession(model.SerializeToString())
    found = session.run(None, {"image": np.zeros((1, 40, 72, 3), dtype=np.uint8)})
    assert [shape.tolist() for shape in found] == [
        [1, 3, 10, 18],
        [10, 18],
        [10],
        [1, 3, 13, 24],
        [1, 3, 1, 1],
    ]
