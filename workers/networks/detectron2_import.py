"""A checkpoint of Detectron2 as a model folder; Detectron2 is not needed for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from inspection.model_folder import MANIFEST, ModelFolder, load_model_folder, sha256_of
from inspection.model_manifest import Engines, GraphEngine, Manifest, Threshold, TorchEngine
from workers.networks.aligned_maskrcnn import build_aligned
from workers.networks.catalogue import ALIGNED
from workers.networks.detectron2_config import (
    find_config,
    read_config,
    to_aligned,
    to_yaml,
    with_keys,
)
from workers.networks.detectron2_starting import CONFIG_FILE
from workers.networks.detectron2_weights import read_checkpoint
from workers.networks.errors import NetworkError

WEIGHTS, GRAPH = "weights.safetensors", "graph.onnx"
# Without validation images nobody knows better.
UNCHOSEN = Threshold(score=0.5, mask=0.5)
COUNTED = "num_batches_tracked"
LOGITS = "roi_heads.box_predictor.cls_score.weight"


def import_detectron2(
    config: str,
    checkpoint: Path,
    classes: Sequence[str],
    out: Path,
    *,
    input_px: int,
    licence: str = "unstated",
    say: Callable[[str], None],
) -> ModelFolder:
    """Write a model folder that finds what Detectron2 finds with the same weights, in fp32.

    Args:
        config: a .yaml file, or the name of one in an installed Detectron2.
        checkpoint: .pth, .pkl of the model zoo, or .safetensors.
        classes: names, in the order in which the checkpoint has them.
        input_px: side of the letterboxed input.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        NetworkError: the configuration or the checkpoint is none that is supported, they do not
            fit each other, or the classes are others in number.
        pydantic.ValidationError: a class or the folder has a name that recipes cannot write.
    """
    values = with_keys(read_config(find_config(config)), MODEL__ROI_HEADS__NUM_CLASSES=len(classes))
    given = read_checkpoint(checkpoint)
    if given.matched:
        raise NetworkError(
            f"{checkpoint} has names that only Detectron2's rules can match, such as those of a "
            "backbone alone; supported is a whole Mask R-CNN. To train from it: lineside train "
            "--init"
        )
    names = tuple(classes)
    _check_classes(given.tensors, names, checkpoint)
    shape = to_aligned(values, names)
    try:
        network = build_aligned(shape)
    except (TypeError, ValueError, RuntimeError) as error:
        # Such as 20 channels for the 32 groups of a norm, or a word for a number.
        raise NetworkError(f"{config}: no network can be built of it: {error}") from error
    _load(network, given.tensors, f"{checkpoint} and {config}")
    out.mkdir(parents=True, exist_ok=True)
    # Not halved, as what we train is: nothing may differ from what the checkpoint gives.
    save_file({n: v.contiguous() for n, v in network.state_dict().items()}, out / WEIGHTS)
    (out / WEIGHTS).chmod(0o644)
    (out / CONFIG_FILE).write_text(to_yaml(values), encoding="utf-8")
    say("exporting")
    from workers.training.export import export

    export(network.eval(), out / GRAPH, input_px)
    manifest = Manifest(
        name=out.name,
        classes=names,
        input_px=input_px,
        engines=Engines(
            openvino=GraphEngine(graph=GRAPH, precision="fp32"),
            torch=TorchEngine(weights=WEIGHTS, network=ALIGNED, config=shape.to_json()),
        ),
        thresholds=dict.fromkeys(names, UNCHOSEN),
        licence=licence,
        files={name: sha256_of(out / name) for name in (WEIGHTS, GRAPH, CONFIG_FILE)},
    )
    text = json.dumps(manifest.model_dump(mode="json", by_alias=True, exclude_none=True), indent=2)
    (out / MANIFEST).write_text(text + "\n", encoding="utf-8")
    folder = load_model_folder(out)
    from workers.training.model_card import write_card

    write_card(folder)
    return folder


def _check_classes(given: dict[str, Tensor], classes: tuple[str, ...], source: Path) -> None:
    if LOGITS not in given:
        raise NetworkError(f"{source}: it has no {LOGITS}; expected a whole Mask R-CNN")
    # The last row is the background's.
    count = int(given[LOGITS].shape[0]) - 1
    if count != len(classes):
        raise NetworkError(
            f"{source} has {count} classes; --classes names {len(classes)}: {', '.join(classes)}"
        )


@torch.no_grad()
def _load(network: nn.Module, given: dict[str, Tensor], source: str) -> None:
    """Every tensor of the network from the checkpoint, and none left over."""
    own = network.state_dict()
    missing, odd = [], []
    for name, value in own.items():
        there = given.get(name)
        if there is None and name.endswith(COUNTED):
            continue
        if there is None and name.endswith(("norm.running_mean", "norm.running_var")):
            # Norms whose statistics are in their factors, as the first model zoos had them.
            value.fill_(float(name.endswith("running_var")))
        elif there is None:
            missing.append(name)
        elif there.shape != value.shape:
            odd.append(f"{name} {tuple(there.shape)}, expected {tuple(value.shape)}")
        else:
            value.copy_(there)
    more = [name for name in given if name not in own and not name.endswith(COUNTED)]
    for what, found in (("lack", missing), ("differ in", odd), ("have no place for", more)):
        if found:
            listed = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if found[3:] else "")
            raise NetworkError(f"{source} do not fit each other: they {what} {listed}")
