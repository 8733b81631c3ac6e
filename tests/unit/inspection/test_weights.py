import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from inspection.model_folder import starters_dirs
from inspection.weights import BadWeights, check_weights


def safetensors(path: Path, header: Any, data: bytes) -> Path:
    told = json.dumps(header).encode()
    path.write_bytes(len(told).to_bytes(8, "little") + told + data)
    return path


def placed(begin: Any, end: Any, shape: list[Any] | None = None) -> dict[str, Any]:
    return {"dtype": "F32", "shape": shape or [2], "data_offsets": [begin, end]}


def test_tensors_in_any_order_of_the_header_are_taken(tmp_path: Path) -> None:
    header = {"b": placed(8, 16), "a": placed(0, 8), "__metadata__": {"by": "me"}}
    check_weights(safetensors(tmp_path / "w.safetensors", header, bytes(16)))


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"a": placed(0, 8), "b": placed(0, 8), "c": placed(8, 16)}, "'b' begins at 0, expected 8"),
        ({"a": placed(0, 8), "b": placed(4, 12)}, "'b' begins at 4"),
        ({"a": placed(8, 16)}, "'a' begins at 8, expected 0"),
        ({"a": placed(0, 8)}, "8 bytes belong to no tensor"),
        ({"a": placed(0, 8, [1] * 17)}, "no shape or place"),
        ({"a": placed(0, 8, ["2"])}, "no shape or place"),
        ({"a": placed(0, float("inf"))}, "no shape or place"),
        ([1], "no safetensors file"),
    ],
)
def test_tensors_that_overlap_or_leave_gaps_are_refused(
    header: Any, said: str, tmp_path: Path
) -> None:
    with pytest.raises(BadWeights, match=said):
        check_weights(safetensors(tmp_path / "w.safetensors", header, bytes(16)))


def test_a_long_header_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes((16_000_001).to_bytes(8, "little") + bytes(16_000_001))
    with pytest.raises(BadWeights, match="header would be 16000001 bytes"):
        check_weights(path)


def tensor(value: float = 1.0, *, elsewhere: bool = False) -> TensorProto:
    made = numpy_helper.from_array(np.array([value, 1.0], np.float32), "w")
    if elsewhere:
        made.ClearField("raw_data")
        made.data_location = TensorProto.EXTERNAL
        made.external_data.add(key="location", value="/etc/passwd")
    return made


def sparse(values: TensorProto) -> onnx.SparseTensorProto:
    indices = numpy_helper.from_array(np.array([0, 1]), "i")
    return helper.make_sparse_tensor(values, indices, [4])


def constant(**attribute: Any) -> onnx.NodeProto:
    return helper.make_node("Constant", [], ["c"], **attribute)


def graph_of(held: TensorProto) -> onnx.GraphProto:
    return helper.make_graph([], "g", [], [], [held])


def attributes_of(held: TensorProto) -> onnx.AttributeProto:
    made = onnx.AttributeProto(name="default", type=onnx.AttributeProto.TENSOR)
    made.t.CopyFrom(held)
    return made


def put(model: onnx.ModelProto, where: str, held: TensorProto) -> None:
    function = onnx.FunctionProto(name="f", domain="d")
    match where:
        case "initializer":
            model.graph.initializer.append(held)
        case "sparse initializer":
            model.graph.sparse_initializer.append(sparse(held))
        case "attribute":
            model.graph.node.append(constant(value=held))
        case "tensors":
            model.graph.node.append(constant(value=[held]))
        case "sparse attribute":
            model.graph.node.append(constant(sparse_value=sparse(held)))
        case "sparse attributes":
            model.graph.node.append(constant(values=[sparse(held)]))
        case "subgraph":
            model.graph.node.append(constant(body=graph_of(held)))
        case "function":
            function.node.append(constant(value=held))
            model.functions.append(function)
        case "function's default":
            function.attribute_proto.append(attributes_of(held))
            model.functions.append(function)
        case "training":
            model.training_info.add().algorithm.CopyFrom(graph_of(held))
        case _:
            raise AssertionError(where)


PLACES = [
    "initializer", "sparse initializer", "attribute", "tensors", "sparse attribute",
    "sparse attributes", "subgraph", "function", "function's default", "training",
]  # fmt: skip


@pytest.mark.parametrize("where", PLACES)
def test_tensors_are_looked_at_wherever_they_stand(where: str, tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    cases: list[tuple[TensorProto, str | None]] = [
        (tensor(), None),
        (tensor(elsewhere=True), "its weights lie in another file"),
        (tensor(float("nan")), "weights have to be finite"),
    ]
    for held, said in cases:
        model = helper.make_model(helper.make_graph([], "g", [], []))
        put(model, where, held)
        path.write_bytes(model.SerializeToString())
        if said is None:
            check_weights(path)
        else:
            with pytest.raises(BadWeights, match=said):
                check_weights(path)


def field(number: int, content: bytes) -> bytes:
    """A field of a protocol buffer, of up to 127 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


_RAW = field(9, bytes(8))
WRITTEN: dict[str, tuple[bytes, str]] = {
    "raw data twice": (field(5, _RAW + _RAW), "its numbers twice"),
    "tensor twice": (field(1, field(5, field(5, _RAW) + field(5, _RAW))), "in the place of one"),
    "a number of a field that readers cut off": (
        field(5, b"\xf0\x80\x80\x80\x80\x01\x01"),
        "number of a field is too large",
    ),
    "a type that readers cut off": (
        field(5, b"\x10\x81\x80\x80\x80\x10" + field(9, b"\x00\x00\xc0\x7f" * 2)),
        "have to be finite",
    ),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_what_readers_would_read_otherwise_is_refused(case: str, tmp_path: Path) -> None:
    graph, said = WRITTEN[case]
    (tmp_path / "graph.onnx").write_bytes(field(7, graph))
    with pytest.raises(BadWeights, match=said):
        check_weights(tmp_path / "graph.onnx")


def test_a_graph_of_too_many_fields_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "graph.onnx").write_bytes(field(7, field(1, b"") * 50))
    monkeypatch.setattr("inspection.weights._MOST_FIELDS", 51)
    check_weights(tmp_path / "graph.onnx")
    monkeypatch.setattr("inspection.weights._MOST_FIELDS", 50)
    with pytest.raises(BadWeights, match="more than 50 fields"):
        check_weights(tmp_path / "graph.onnx")


def of_starters() -> list[Path]:
    found = [each for place in starters_dirs() for each in sorted(place.rglob("*"))]
    return [each for each in found if each.suffix in (".onnx", ".safetensors")]


@pytest.mark.parametrize("path", of_starters(), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_starters_pass(path: Path) -> None:
    check_weights(path)


@pytest.mark.parametrize(
    ("broken", "name"),
    [
        (lambda path: path.write_bytes(b"\x80\x04."), "pickle"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "cut off"),
    ],
)
def test_what_is_no_graph_is_refused(
    broken: Callable[[Path], Any], name: str, tmp_path: Path
) -> None:
    path = Path(shutil.copy(of_starters()[0], tmp_path / "graph.onnx"))
    broken(path)
    with pytest.raises(BadWeights, match=name):
        check_weights(path)
