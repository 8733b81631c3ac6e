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
_LONGEST_HEADER = 100_000_000  # of safetensors, as its own reader has it
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
    except (ValueError, IndexError, KeyError, TypeError, RecursionError) as error:
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
    ends = 0
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        begin, end = (int(each) for each in tensor["data_offsets"])
        kind, count = tensor["dtype"], math.prod(int(side) for side in tensor["shape"])
        if not 0 <= begin <= end <= len(data) or end - begin != count * _SIZES[kind]:
            raise ValueError(f"{name!r} does not lie within the file")
        ends = max(ends, end)
        if kind in _FLOATS:
            yield name, _numbers(data[begin:end], _FLOATS[kind])
    if ends != len(data):
        raise ValueError(f"{len(data) - ends} bytes belong to no tensor")


def _numbers(raw: memoryview, kind: str) -> npt.NDArray[Any]:
    return np.frombuffer(raw, dtype="<u2" if kind == "bf16" else kind)


def _onnx(view: memoryview) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    graphs = 0
    for field, value in _fields(view):
        if field == 7 and isinstance(value, memoryview):  # ModelProto.graph
            graphs += 1
            yield from _graph(value, 0)
    if not graphs:
        raise ValueError("it holds no graph")


def _graph(view: memoryview, depth: int) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    if depth > _DEEPEST:
        raise ValueError("its graphs are nested too deeply")
    for field, value in _fields(view):
        if not isinstance(value, memoryview):
            continue
        if field == 5:  # GraphProto.initializer
            yield from _tensor(value)
        elif field == 1:  # GraphProto.node
            for inner, attribute in _fields(value):
                if inner == 5 and isinstance(attribute, memoryview):  # NodeProto.attribute
                    yield from _attribute(attribute, depth)


def _attribute(view: memoryview, depth: int) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    for field, value in _fields(view):
        if not isinstance(value, memoryview):
            continue
        if field in (5, 10):  # AttributeProto.t, tensors
            yield from _tensor(value)
        elif field in (6, 11):  # g, graphs
            yield from _graph(value, depth + 1)


def _tensor(view: memoryview) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    name, kind = "", 0
    parts: list[tuple[str | None, memoryview]] = []
    for field, value in _fields(view):
        if field == 2 and isinstance(value, int):  # data_type
            kind = value
        elif field in (13, 14) and value:  # external_data, data_location
            raise ValueError("its weights lie in another file")
        elif isinstance(value, memoryview):
            if field == 8:
                name = bytes(value).decode("utf-8", "replace")
            elif field == 9:  # raw_data
                parts.append((None, value))
            elif field == 4:  # float_data, packed
                parts.append(("<f4", value))
            elif field == 10:  # double_data, packed
                parts.append(("<f8", value))
    for own, raw in parts:
        if (dtype := own or _ONNX_FLOATS.get(kind)) is not None:
            yield name, _numbers(raw, dtype)


def _fields(view: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Fields of a protocol buffer by number: a varint, or the bytes of what is longer."""
    at = 0
    while at < len(view):
        key, at = _varint(view, at)
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
