"""The graph of a network of which everybody knows the answer."""

from pathlib import Path

import pytest


def write_dark_graph(path: Path) -> None:
    """The graph of a semantic network to which dark pixels are cracks, for any size."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    def constant(name: str, kind: int, values: list[float] | list[int]) -> object:
        tensor = helper.make_tensor(name, kind, [len(values)], values)
        return helper.make_node("Constant", [], [name], value=tensor)

    nodes = [
        constant("channel", TensorProto.INT64, [3]),
        constant("level", TensorProto.FLOAT, [90.0]),
        helper.make_node("Cast", ["image"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["real", "channel"], ["grey"], keepdims=1),
        helper.make_node("Sub", ["level", "grey"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
        helper.make_node("Transpose", ["probability"], ["out"], perm=[0, 3, 1, 2]),
    ]
    graph = helper.make_graph(
        nodes,
        "dark",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, "h", "w", 3])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 1, "h", "w"])],
    )
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), str(path))
