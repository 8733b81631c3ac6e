"""Shapes inside an exported graph, read off the image instead of off features.

A semantic network asks its features for their sizes to scale others to them. OpenVINO (2026.4)
merges such a question into the convolution that the features come from, and where that one is
followed by a quantisation it then takes the bias of the first channel for the biases of all:
the int8 graph is wrong, by one point of F1 for a U-Net, and onnxruntime runs it rightly. A size
that is a fixed share of the image's is therefore calculated from the image's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

IMAGE = "image"
# Features of both sizes are a fixed share of the image only if they are the same share of both.
PROBES_IN_STRIDES = ((4, 6), (6, 10))


def shapes_from_image(model: ModelProto, stride: int) -> int:
    """Rewrite, in place, the shapes that follow from the image's; gives how many did not.

    Args:
        model: a graph of one input, `image`, uint8 (1, H, W, 3).
        stride: divides H and W.
    """
    asked = [node for node in model.graph.node if node.op_type == "Shape"]
    names = list(dict.fromkeys(node.input[0] for node in asked if node.input[0] != IMAGE))
    probes = [(a * stride, b * stride) for a, b in PROBES_IN_STRIDES]
    found = [_shapes(model, names, size) for size in probes]
    fixed = {
        name: shares
        for place, name in enumerate(names)
        if (shares := _shares([shapes[place] for shapes in found], probes)) is not None
    }
    before: list[NodeProto] = []
    for node in asked:
        if node.input[0] in fixed:
            before += _calculated(node, *fixed[node.input[0]])
            model.graph.node.remove(node)
    if before:
        before.insert(0, helper.make_node("Shape", [IMAGE], [f"{IMAGE}.shape"]))
    for place, node in enumerate(before):
        model.graph.node.insert(place, node)
    return sum(name not in fixed for name in names)


def _shapes(
    model: ModelProto, names: Sequence[str], size_hw: tuple[int, int]
) -> list[tuple[int, ...]]:
    """Shapes of tensors of a graph for a grey image."""
    import onnxruntime

    probed = ModelProto()
    probed.CopyFrom(model)
    del probed.graph.output[:]
    shapes = []
    for name in names:
        shapes.append(f"{name}.shape-of")
        probed.graph.node.append(helper.make_node("Shape", [name], shapes[-1:]))
        probed.graph.output.append(
            helper.make_tensor_value_info(shapes[-1], TensorProto.INT64, None)
        )
    if not shapes:
        return []
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(probed.SerializeToString(), options)
    image = np.full((1, *size_hw, 3), 114, dtype=np.uint8)
    return [tuple(int(side) for side in shape) for shape in session.run(shapes, {IMAGE: image})]


def _shares(
    shapes: Sequence[tuple[int, ...]], sizes_hw: Sequence[tuple[int, int]]
) -> tuple[int, tuple[int, int]] | None:
    """Channels of (1, C, h, w) and the whole numbers that divide H and W into h and w."""
    if any(len(shape) != 4 for shape in shapes):
        return None
    found = {
        (shape[:2], height / shape[2], width / shape[3])
        for shape, (height, width) in zip(shapes, sizes_hw, strict=True)
    }
    if len(found) != 1:
        return None
    ((batch, channels), *divisors) = found.pop()
    if batch != 1 or any(divisor != round(divisor) for divisor in divisors):
        return None
    return channels, (round(divisors[0]), round(divisors[1]))


def _calculated(node: NodeProto, channels: int, divisors: tuple[int, int]) -> list[NodeProto]:
    """Nodes that give the output of a Shape node from the shape of the image."""
    name = node.output[0]

    def constant(part: str, values: Sequence[int]) -> NodeProto:
        tensor: npt.NDArray[np.int64] = np.array(values, dtype=np.int64)
        value = numpy_helper.from_array(tensor, f"{name}.{part}")
        return helper.make_node("Constant", [], [f"{name}.{part}"], value=value)

    start, end = 0, 4
    for attribute in node.attribute:
        if attribute.name == "start":
            start = attribute.i % 4
        elif attribute.name == "end":
            end = attribute.i if attribute.i >= 0 else 4 + attribute.i
    whole = name if (start, end) == (0, 4) else f"{name}.whole"
    nodes = [
        constant("sides", (1, 2)),
        constant("divisors", divisors),
        constant("front", (1, channels)),
        helper.make_node("Gather", [f"{IMAGE}.shape", f"{name}.sides"], [f"{name}.size"]),
        helper.make_node("Div", [f"{name}.size", f"{name}.divisors"], [f"{name}.divided"]),
        helper.make_node("Concat", [f"{name}.front", f"{name}.divided"], [whole], axis=0),
    ]
    if whole != name:
        nodes += [
            constant("start", (start,)),
            constant("end", (end,)),
            helper.make_node("Slice", [whole, f"{name}.start", f"{name}.end"], [name]),
        ]
    return nodes
