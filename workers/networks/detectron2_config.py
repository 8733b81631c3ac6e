"""Detectron2's yaml configurations, read and checked without Detectron2, and without torch.

What is supported: Mask R-CNN on a ResNet or ResNeXt with a feature pyramid. Everything else is
refused by key and value, since a checkpoint of another network would load in part and find
something else. Defaults are those of `detectron2/config/defaults.py` at commit 02b5c4e2.
"""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from typing import Any

import yaml

from workers.networks.aligned_config import AlignedConfig, frozen
from workers.networks.detectron2_keys import FREE, ONLY, READ
from workers.networks.errors import NetworkError

INSTALL = (
    "it has no package on PyPI; docs/training.md (Detectron2) has its install line. To run a "
    "checkpoint none is needed: lineside models import-detectron2"
)
# A file that names itself as its base would be read for ever.
MOST_BASES = 20
_MISSING = object()


def is_installed() -> bool:
    """Whether Detectron2 can be imported here."""
    return importlib.util.find_spec("detectron2") is not None


def find_config(name: str) -> Path:
    """The file of CONFIG in `detectron2:CONFIG`: a path, or a name among the installed ones.

    Raises:
        NetworkError: there is no such file, or it is code.
    """
    if name.endswith(".py"):
        raise NetworkError(
            f"{name} is a LazyConfig, which is a program and is not run; expected a .yaml"
        )
    places = [Path(name)]
    spec = importlib.util.find_spec("detectron2")
    for package in (spec.submodule_search_locations or []) if spec else []:
        # Installed by pip, or used from a checkout.
        places += [
            Path(package, "model_zoo/configs", name),
            Path(package).parent / "configs" / name,
        ]
    for place in places:
        if place.is_file():
            return place
    raise NetworkError(
        f"{name}: no such Detectron2 configuration; expected a .yaml file"
        + (
            ", or a name such as COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"
            if spec
            else " (the names of Detectron2's own need it installed)"
        )
    )


def read_config(path: Path) -> dict[str, Any]:
    """The file's keys, nested, over those of its `_BASE_`. No yaml tag is obeyed.

    Raises:
        NetworkError: a file that cannot be read, or a key or value that is not supported.
    """
    values = _read(path, MOST_BASES)
    check_config(values, str(path))
    return values


def check_config(values: dict[str, Any], source: str) -> None:
    """Refuse what our network would not do as Detectron2 does.

    Raises:
        NetworkError: names the first such key, its value, and what is supported.
    """
    if (version := values.get("VERSION", 2)) != 2:
        raise NetworkError(f"{source}: VERSION is {version}; supported is 2")
    for key in _leaves(values):
        known = key in READ or key in ONLY or key.startswith(FREE)
        if not known:
            raise NetworkError(
                f"{source}: {key} is unknown here; supported are the keys of Mask R-CNN on a "
                "ResNet with a feature pyramid"
            )
    for key, (default, allowed, what) in ONLY.items():
        value = _value(values, key, default)
        if value not in allowed:
            names = " or ".join(repr(one) for one in allowed)
            raise NetworkError(f"{source}: {key} is {value!r}{what}; supported is {names}")
    depth, sizes, ratios = (
        _value(values, f"MODEL.{key}", READ[f"MODEL.{key}"][1])
        for key in ("RESNETS.DEPTH", "ANCHOR_GENERATOR.SIZES", "ANCHOR_GENERATOR.ASPECT_RATIOS")
    )
    if depth not in (18, 34, 50, 101, 152):
        raise NetworkError(
            f"{source}: MODEL.RESNETS.DEPTH is {depth}; supported are 18, 34, 50, 101 and 152"
        )
    if depth in (18, 34):
        for key, needed in (("RES2_OUT_CHANNELS", 64), ("NUM_GROUPS", 1)):
            full = f"MODEL.RESNETS.{key}"
            if (value := _value(values, full, READ[full][1])) != needed:
                raise NetworkError(
                    f"{source}: {full} is {value}; supported with depth {depth} is {needed}"
                )
    for key, given in (("SIZES", sizes), ("ASPECT_RATIOS", ratios)):
        if not all(isinstance(one, tuple) for one in given) or len(given) not in (1, 5):
            raise NetworkError(
                f"{source}: MODEL.ANCHOR_GENERATOR.{key} is {given!r}; supported is a list for "
                "each of the five pyramid levels, or one for all"
            )


def to_aligned(values: dict[str, Any], classes: tuple[str, ...]) -> AlignedConfig:
    """The shape of our network for a configuration that has been checked."""
    fields = {name: _value(values, key, default) for key, (name, default) in READ.items()}
    for name in ("box_aligned", "mask_aligned"):
        fields[name] = fields[name] == "ROIAlignV2"
    return AlignedConfig(classes, **fields)


def class_count(values: dict[str, Any]) -> int:
    """MODEL.ROI_HEADS.NUM_CLASSES."""
    return int(_value(values, "MODEL.ROI_HEADS.NUM_CLASSES", 80))


def with_keys(values: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A copy with some keys changed, their dots written `__`."""
    copied = _copied(values)
    for name, value in changed.items():
        *parents, last = name.split("__")
        inner = copied
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return copied


def to_yaml(values: dict[str, Any]) -> str:
    """The keys as a file that Detectron2 and `read_config` read."""
    return yaml.safe_dump({"VERSION": 2} | values, sort_keys=True, default_flow_style=None)


def _read(path: Path, bases: int) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise NetworkError(f"{path}: no Detectron2 configuration: {reason}") from error
    if not isinstance(values, dict):
        raise NetworkError(f"{path}: no Detectron2 configuration: expected keys such as MODEL")
    base = values.pop("_BASE_", None)
    if base is None:
        return values
    if "://" in str(base):
        raise NetworkError(f"{path}: _BASE_ is {base}; supported is a file")
    if not bases:
        raise NetworkError(f"{path}: _BASE_ names more than {MOST_BASES} files one after the other")
    return _merged(_read(path.parent / Path(base).expanduser(), bases - 1), values)


def _merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _copied(values: dict[str, Any]) -> dict[str, Any]:
    return {k: _copied(v) if isinstance(v, dict) else v for k, v in values.items()}


def _leaves(values: dict[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key, value in values.items():
        if isinstance(value, dict):
            found += _leaves(value, f"{prefix}{key}.")
        else:
            found.append(f"{prefix}{key}")
    return found


def _value(values: dict[str, Any], key: str, default: Any) -> Any:
    """A key's value as Detectron2 understands it: text that is a Python literal is that."""
    inner: Any = values
    for part in key.split("."):
        inner = inner.get(part, _MISSING) if isinstance(inner, dict) else _MISSING
    if inner is _MISSING:
        return default
    if isinstance(inner, str):
        try:
            inner = ast.literal_eval(inner)
        except (ValueError, SyntaxError):
            return inner
    return frozen(inner)
