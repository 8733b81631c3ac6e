"""Weight files looked through without loading them: whole, no pickle, no foreign file, no NaN.

safetensors: https://github.com/huggingface/safetensors#format. ONNX is a protocol buffer; the
numbers of its fields are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_CHUNK = 1 << 22  # numbers looked at at once
_LONGEST_HEADER = 16_000_000  # of safetensors: some 100 000 tensors
_MOST_SIDES = 16  # of a tensor
_MOST_FIELDS = 2_000_000  # of an ONNX file; a graph of 10 000 nodes has some 200 000
_DEEPEST = 8  # graphs within nodes within graphs

# By safetensors' name, and by ONNX's `TensorProto.DataType`.
_FLOATS: dict[str, Any] = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "bf16"}
_SIZES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2} | {
    "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1,
}  # fmt: skip
_ONNX_FLOATS: dict[int, Any] = {1: "<f4", 10: "<f2", 11: "<f8", 16: "bf16"}


class BadWeights(Exception):
    """A weight file that no engine may read, and why."""


def check_weights(path: Path) -> None:
    """Look through a `.safetensors` or `.onnx` file.

    Raises:
        BadWeights: it is something else (a pickle under that name), is cut off, names another
            file, or holds NaN or, among several numbers, infinity. A single infinity is a bound.
        OSError: it cannot be read.
    """
    if path.stat().st_size == 0:
        raise BadWeights(f"{path.name} is empty")
    view = np.memmap(path, dtype=np.uint8, mode="r").data
    if bytes(view[:2]) in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise BadWeights(f"{path.name} is a pickle; nothing that unpickles is ever loaded")
    if bytes(view[:4]) == b"PK\x03\x04":
        raise BadWeights(f"{path.name} is a ZIP, as torch saves pickles in")
    looked = _safetensors if path.suffix == ".safetensors" else _onnx
    try:
        for name, numbers in looked(view):
            _check_finite(path.name, name, numbers)
    except (
        ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError,
    ) as error:  # fmt: skip
        raise BadWeights(f"{path.name} is no {path.suffix[1:]} file: {error}") from None


def _check_finite(file: str, name: str, numbers: npt.NDArray[Any]) -> None:
    for start in range(0, numbers.size, _CHUNK):
        part = numbers[start : start + _CHUNK]
        if part.dtype == np.uint16:  # bfloat16: the upper half of a float32
            part = (part.astype(np.uint32) << 16).view(np.float32)
        wrong = ~np.isfinite(part) if numbers.size > 1 else np.isnan(part)
        if wrong.any():
            raise BadWeights(
                f"{file}: {name[:100]!r} holds {part[wrong][0]}; weights have to be finite"
            )


def _safetensors(view: memoryview) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    length = int.from_bytes(view[:8], "little")
    if not 2 <= length <= min(_LONGEST_HEADER, len(view) - 8):
        raise ValueError(f"its header would be {length} bytes long")
    header = json.loads(bytes(view[8 : 8 + length]))
    data = view[8 + length :]
    tensors = {name: each for name, each in header.items() if name != "__metadata__"}
    at = 0
    # As safetensors' own reader: one after the other, without gaps and nothing twice.
    for name, tensor in sorted(tensors.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = tensor["data_offsets"]
        kind, shape = tensor["dtype"], tensor["shape"]
        if len(shape) > _MOST_SIDES or not all(type(each) is int for each in (begin, end, *shape)):
            raise ValueError(f"{name[:100]!r} has no shape or place in whole numbers")
        if not 0 <= begin <= end <= len(data) or end - begin != math.prod(shape) * _SIZES[kind]:
            raise ValueError(f"{name[:100]!r} does not lie within the file")
        if begin != at:
            raise ValueError(f"{name[:100]!r} begins at {begin}, expected {at}")
        at = end
        if kind in _FLOATS:
            yield name, _numbers(data[begin:end], _FLOATS[kind])
    if at != len(data):
        raise ValueError(f"{len(data) - at} bytes belong to no tensor")


def _numbers(raw: memoryview, kind: str) -> npt.NDArray[Any]:
    return np.frombuffer(raw, dtype="<u2" if kind == "bf16" else kind)


def _onnx(view: memoryview) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    return _Onnx().model(view)


class _Onnx:
    """A walk to every TensorProto of a ModelProto, wherever one may stand."""

    def __init__(self) -> None:
        self._left = _MOST_FIELDS

    def model(self, view: memoryview) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        graphs = 0
        for field, value in self._messages(view):
            if field == 7:  # ModelProto.graph
                graphs += 1
                yield from self._graph(value, 0)
            elif field == 20:  # training_info: initialization and algorithm
                for inner, graph in self._messages(value):
                    if inner in (1, 2):
                        yield from self._graph(graph, 0)
            elif field == 25:  # functions
                for inner, part in self._messages(value):
                    if inner == 7:  # FunctionProto.node
                        yield from self._node(part, 0)
                    elif inner == 11:  # attribute_proto
                        yield from self._attribute(part, 0)
        if not graphs:
            raise ValueError("it holds no graph")

    def _graph(self, view: memoryview, depth: int) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        if depth > _DEEPEST:
            raise ValueError("its graphs are nested too deeply")
        for field, value in self._messages(view):
            if field == 5:  # GraphProto.initializer
                yield from self._tensor(value)
            elif field == 15:  # sparse_initializer
                yield from self._sparse(value)
            elif field == 1:  # node
                yield from self._node(value, depth)

    def _node(self, view: memoryview, depth: int) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        for field, value in self._messages(view):
            if field == 5:  # NodeProto.attribute
                yield from self._attribute(value, depth)

    def _attribute(self, view: memoryview, depth: int) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        single = 0
        for field, value in self._messages(view):
            if field in (5, 10):  # AttributeProto.t, tensors
                single += field == 5
                yield from self._tensor(value)
            elif field in (6, 11):  # g, graphs
                yield from self._graph(value, depth + 1)
            elif field in (22, 23):  # sparse_tensor, sparse_tensors
                single += field == 22
                yield from self._sparse(value)
        if single > 1:  # readers would make one of them
            raise ValueError("an attribute holds several tensors in the place of one")

    def _sparse(self, view: memoryview) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        seen = set()
        for field, value in self._messages(view):
            if field in (1, 2):  # SparseTensorProto.values, indices
                if field in seen:
                    raise ValueError("a sparse tensor has its values or indices twice")
                seen.add(field)
                yield from self._tensor(value)

    def _tensor(self, view: memoryview) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        name, kind = "", 0
        raw: memoryview | None = None
        parts: list[tuple[str, memoryview]] = []
        for field, value in self._fields(view):
            if field == 2 and isinstance(value, int):  # data_type
                kind = value & 0xFFFFFFFF
            elif field in (13, 14) and value:  # external_data, data_location
                raise ValueError("its weights lie in another file")
            elif isinstance(value, memoryview):
                if field == 8:
                    name = bytes(value).decode("utf-8", "replace")
                elif field == 9:  # raw_data
                    if raw is not None:
                        raise ValueError("a tensor has its numbers twice")
                    raw = value
                elif field == 4:  # float_data, packed
                    parts.append(("<f4", value))
                elif field == 10:  # double_data, packed
                    parts.append(("<f8", value))
        if raw is not None and kind in _ONNX_FLOATS:
            parts.append((_ONNX_FLOATS[kind], raw))
        for dtype, numbers in parts:
            yield name, _numbers(numbers, dtype)

    def _messages(self, view: memoryview) -> Iterator[tuple[int, memoryview]]:
        for field, value in self._fields(view):
            if isinstance(value, memoryview):
                yield field, value

    def _fields(self, view: memoryview) -> Iterator[tuple[int, int | memoryview]]:
        """Fields of a protocol buffer by number: a varint, or the bytes of what is longer."""
        at = 0
        while at < len(view):
            self._left -= 1
            if self._left < 0:
                raise ValueError(f"it has more than {_MOST_FIELDS} fields")
            key, at = _varint(view, at)
            if key >> 32:
                raise ValueError("the number of a field is too large")
            wire = key & 7
            if wire == 0:
                number, at = _varint(view, at)
                yield key >> 3, number
                continue
            if wire == 2:
                length, at = _varint(view, at)
            elif wire in (1, 5):
                length = 8 if wire == 1 else 4
            else:
                raise ValueError(f"an unknown kind of field, {wire}")
            if length > len(view) - at:
                raise ValueError("it is cut off")
            yield key >> 3, view[at : at + length]
            at += length


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = view[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number is too long")
