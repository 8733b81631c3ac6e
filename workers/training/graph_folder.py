"""A model folder anew, with the graph of another precision: to compare int8 with fp32."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from inspection.model_folder import (
    MANIFEST,
    ModelFolder,
    ModelFolderError,
    load_model_folder,
    sha256_of,
)
from inspection.model_manifest import Manifest
from workers.engines import EngineUnavailableError
from workers.engines.detector import RgbImage
from workers.engines.semantic import fit_image
from workers.mask_pasting import letterbox

NEEDED = ("torch", "onnx", "onnxruntime")
GRAPH, _CARD = "graph.onnx", "README.md"
Precision = Literal["fp32", "int8"]


def write_graph_folder(
    model: ModelFolder, out: Path, images_rgb: Iterable[RgbImage] | None = None
) -> ModelFolder:
    """Export a folder's weights into a new folder, with everything else as it was.

    Args:
        model: a folder with weights.
        out: the new folder, whose name is the model's.
        images_rgb: some 100 images of the kind that the model is for, uint8 (H, W, 3), to measure
            activations on; with them the graph is int8, without fp32.

    Raises:
        ModelFolderError: there is nothing to export, or `out` holds a model or cannot be written.
        EngineUnavailableError: a package is missing.
    """
    manifest = _manifest(model, out, "fp32" if images_rgb is None else "int8")
    kept = sorted(set(manifest.files) - {GRAPH})
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in kept:
            shutil.copyfile(model.path / name, out / name)
        _export(model, out / GRAPH, images_rgb)
        (out / _CARD).write_text(_card(model, manifest), encoding="utf-8")
        files = {name: sha256_of(out / name) for name in (*kept, GRAPH)}
        document = manifest.model_copy(update={"files": files}).model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
        # Last, so that a folder that was left half-way is none.
        (out / MANIFEST).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ModelFolderError(str(out), f"cannot be written: {error.strerror}") from error
    return load_model_folder(out)


def _manifest(model: ModelFolder, out: Path, precision: Precision) -> Manifest:
    """What model.json will say, with any SHA-256 for the graph. Raises as above."""
    if (out / MANIFEST).exists():
        raise ModelFolderError(str(out), f"holds a {MANIFEST} already")
    engines = model.manifest.engines
    if engines.hybrid is not None:
        raise ModelFolderError(model.name, "is a hybrid; its two models can be exported")
    if engines.torch is None:
        raise ModelFolderError(model.name, "has no weights that a graph could be made of")
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise EngineUnavailableError(
            model.name, f"{' and '.join(missing)} for this: pip install 'lineside[train]'"
        )
    document = model.manifest.model_dump(by_alias=True, exclude_none=True) | {
        "name": out.name,
        "engines": {
            "openvino": {"graph": GRAPH, "precision": precision},
            "torch": engines.torch.model_dump(),
        },
        # They are those of the graph that was there.
        "metrics": {},
        "files": {
            name: sha256
            for name, sha256 in model.manifest.files.items()
            if not name.endswith((".onnx", ".md"))
        }
        | {GRAPH: "0" * 64},
    }
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        reason = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_url=False)
        )
        raise ModelFolderError(str(out), reason) from error


def _export(model: ModelFolder, graph: Path, images_rgb: Iterable[RgbImage] | None) -> None:
    from workers.networks.loading import load_network
    from workers.training.export import export
    from workers.training.int8 import exact_nodes, last_convolution, quantise
    from workers.training.semantic_export import export_semantic, store_half

    network = load_network(model).eval()
    semantic, side = model.manifest.semantic, model.manifest.input_px
    if semantic is not None:
        export_semantic(network, graph, semantic.stride)
    else:
        assert side is not None
        export(network, graph, side)
    if images_rgb is not None:
        fp32 = graph.replace(graph.with_name("graph-fp32.onnx"))
        keep = exact_nodes(fp32) if semantic is None else last_convolution(fp32)
        quantise(fp32, graph, _inputs(model, images_rgb), keep)
        fp32.unlink()
    elif semantic is not None:
        store_half(graph)


def _inputs(model: ModelFolder, images_rgb: Iterable[RgbImage]) -> Iterator[npt.NDArray[np.uint8]]:
    """Images as the network sees them."""
    semantic, side = model.manifest.semantic, model.manifest.input_px
    for image in images_rgb:
        if semantic is not None:
            yield fit_image(image, semantic.scale, semantic.stride)[0]
        else:
            assert side is not None
            yield letterbox(image, side)[0]


def _card(model: ModelFolder, manifest: Manifest) -> str:
    graph = manifest.engines.openvino
    assert graph is not None
    return (
        f"# {manifest.name}\n\nThe weights of `{model.name}` {model.version} with a graph in "
        f"{graph.precision}, "
        "by `lineside models export`. Thresholds and training are that model's; figures of this "
        "graph have yet to be measured.\n"
    )
