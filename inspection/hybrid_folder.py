"""Writing the folder of a hybrid: two models' files and manifests in one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from inspection.model_folder import MANIFEST, ModelFolder, ModelFolderError, load_model_folder
from inspection.model_manifest import Manifest

_CARD = "README.md"


def write_hybrid(
    instances: ModelFolder,
    pixels: ModelFolder,
    out: Path,
    *,
    grow_px: int = 8,
    without_instance: str = "drop",
) -> ModelFolder:
    """Copy both models into a new folder, under one manifest that vouches for every file.

    Args:
        instances: the model that tells the instances; classes and score thresholds are its own.
        pixels: a semantic model of some or all of these classes.
        out: the new folder, whose name is the hybrid's.

    Raises:
        ModelFolderError: the two do not go together, or `out` holds a model or cannot be written.
    """
    if (out / MANIFEST).exists():
        raise ModelFolderError(str(out), f"holds a {MANIFEST} already")
    for part in (instances, pixels):
        if part.manifest.engines.hybrid is not None:
            raise ModelFolderError(part.name, "is a hybrid itself; expected a plain model")
    parts = {"instances": _renamed(instances, "instances"), "pixels": _renamed(pixels, "pixels")}
    files = {name: sha for part in parts.values() for name, sha in part["files"].items()}
    hybrid = {**parts, "grow_px": grow_px, "without_instance": without_instance}
    document = {
        "schema": 1,
        "name": out.name,
        "task": "instance-segmentation",
        "classes": list(instances.classes),
        "engines": {"hybrid": hybrid},
        "thresholds": parts["instances"]["thresholds"],
        "licence": " and ".join(sorted({instances.manifest.licence, pixels.manifest.licence})),
        "files": files,
    }
    try:
        Manifest.model_validate_json(json.dumps(document))
    except ValidationError as error:
        reason = "; ".join(
            problem["msg"].removeprefix("Value error, ")
            for problem in error.errors(include_url=False)
        )
        raise ModelFolderError(str(out), reason) from error
    try:
        out.mkdir(parents=True, exist_ok=True)
        for prefix, model in (("instances", instances), ("pixels", pixels)):
            for name in _kept(model):
                shutil.copyfile(model.path / name, out / f"{prefix}-{name}")
        (out / _CARD).write_text(_card(out.name, instances, pixels), encoding="utf-8")
        # Last, so that a folder that was left half-way is none.
        (out / MANIFEST).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ModelFolderError(str(out), f"cannot be written: {error.strerror}") from error
    return load_model_folder(out)


def _kept(model: ModelFolder) -> list[str]:
    """The files that an engine reads."""
    return [name for name in model.manifest.files if not name.endswith(".md")]


def _renamed(model: ModelFolder, prefix: str) -> dict[str, Any]:
    """A model's manifest with the prefix before each file's name."""
    document: dict[str, Any] = model.manifest.model_dump(
        mode="json", by_alias=True, exclude_defaults=True
    )
    document["files"] = {f"{prefix}-{name}": model.manifest.files[name] for name in _kept(model)}
    for engine, key in (("openvino", "graph"), ("torch", "weights")):
        if engine in document["engines"]:
            name = document["engines"][engine][key]
            document["engines"][engine][key] = f"{prefix}-{name}"
    return document


def _card(name: str, instances: ModelFolder, pixels: ModelFolder) -> str:
    return (
        f"# {name}\n\nA hybrid: `{instances.name}` {instances.version} tells the instances, "
        f"`{pixels.name}` {pixels.version} which pixels they have. Both are in this folder; what "
        "they were trained on stands in model.json.\n"
    )
