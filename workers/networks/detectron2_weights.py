"""Checkpoints of Detectron2 as tensors by name, without running anything that stands in them."""

from __future__ import annotations

import collections
import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from workers.networks.errors import NetworkError

ENDINGS = (".safetensors", ".pth", ".pkl")
# Old checkpoints hold these too; a network makes them from its configuration.
MADE = ("pixel_mean", "pixel_std")
MADE_IN = "anchor_generator.cell_anchors."
# What the unpicklers raise at a file that is none, or at a name that they do not know.
BROKEN = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Tensors by their names.

    Attributes:
        author: of a file of Detectron2's model zoo; `Caffe2` has names of its own.
        matched: names are parts of a network's, and Detectron2 has rules that match them.
    """

    tensors: dict[str, Tensor]
    author: str = ""
    matched: bool = False


def read_checkpoint(path: Path) -> Checkpoint:
    """The tensors of a checkpoint.

    A .pth file is read by torch's weights-only unpickler, a .pkl file of the model zoo by one
    that knows numpy's arrays and nothing else.

    Raises:
        FileNotFoundError: there is no such file.
        NetworkError: another kind of file, or one with anything but tensors in it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such checkpoint; expected {', '.join(ENDINGS)}")
    try:
        if path.suffix == ".safetensors":
            return Checkpoint(load_file(path))
        if path.suffix == ".pth":
            return _of(torch.load(path, map_location="cpu", weights_only=True), path)
        if path.suffix == ".pkl":
            return _of(_Arrays(io.BytesIO(path.read_bytes())).load(), path)
    except (SafetensorError, OSError) as error:
        raise NetworkError(f"{path} cannot be read: {error}") from error
    except BROKEN as error:
        raise NetworkError(
            f"{path} holds more than tensors, or is broken, and is not loaded: "
            f"{_reason(error)}. Save its weights alone, by torch.save({{'model': "
            "model.state_dict()}, FILE), or as safetensors"
        ) from error
    raise NetworkError(f"{path}: unknown kind of checkpoint; expected {', '.join(ENDINGS)}")


def _reason(error: Exception) -> str:
    """What torch found, out of a message that goes on with how to load it all the same."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    found = [line for line in lines if "GLOBAL" in line or "Unsupported" in line]
    return (found or lines or [type(error).__name__])[0][:160].rstrip(".")


def _of(content: Any, path: Path) -> Checkpoint:
    if not isinstance(content, dict):
        raise NetworkError(f"{path}: no checkpoint of a network; expected a dictionary of tensors")
    author = str(content.get("__author__", ""))
    zoo = path.suffix == ".pkl" and "__author__" not in content
    given = content.get("model", content.get("blobs", content))
    if not isinstance(given, dict):
        raise NetworkError(f"{path}: no checkpoint of a network; expected tensors under 'model'")
    tensors = {}
    for name, value in given.items():
        tensor = torch.from_numpy(value) if isinstance(value, np.ndarray) else value
        if str(name).endswith("_momentum") or name in MADE or MADE_IN in str(name):
            continue
        if not isinstance(tensor, Tensor):
            raise NetworkError(f"{path}: {name} is {type(value).__name__}; expected a tensor")
        tensors[str(name)] = tensor
    if zoo:
        # Detectron2 takes a file without an author for one of Detectron or Caffe2.
        return Checkpoint(tensors, "Caffe2", matched=True)
    return Checkpoint(tensors, author, matched=bool(content.get("matching_heuristics", False)))


def _array(subtype: Any, shape: Any, kind: Any) -> Any:
    """What numpy makes an empty array by before it fills it in."""
    if subtype is not np.ndarray:
        raise pickle.UnpicklingError(f"an array of {subtype!r}")
    return np.ndarray.__new__(np.ndarray, shape, kind)


def _latin(text: str, coding: str = "latin1") -> bytes:
    """How protocol 2 stores bytes."""
    if coding != "latin1":
        raise pickle.UnpicklingError(f"bytes coded as {coding!r}")
    return text.encode("latin1")


_KNOWN: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _array,
    ("numpy._core.multiarray", "_reconstruct"): _array,
    ("_codecs", "encode"): _latin,
    ("collections", "OrderedDict"): collections.OrderedDict,
}


class _Arrays(pickle.Unpickler):
    """Dictionaries, lists, texts, numbers and numpy arrays; any other name is refused."""

    def __init__(self, file: io.BytesIO) -> None:
        # Files of the model zoo were written by Python 2.
        super().__init__(file, encoding="latin1")

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return _KNOWN[module, name]
