"""A Detectron2 network for the classes of a data set, with the weights that it begins with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from workers.networks.aligned_maskrcnn import build_aligned
from workers.networks.catalogue import Network
from workers.networks.creating import Created
from workers.networks.detectron2_config import read_config, to_aligned, to_yaml, with_keys
from workers.networks.detectron2_network import Detectron2Network, build_detectron2
from workers.networks.detectron2_weights import Checkpoint, read_checkpoint
from workers.networks.errors import NetworkError
from workers.networks.starting import PUBLISHED, copy_fitting, start

CONFIG_FILE = "detectron2.yaml"
ZOO = "detectron2://"
# Tensors of the classes: with another number of them, or other ones, they are learnt anew.
OF_CLASSES = ("roi_heads.box_predictor.", "roi_heads.mask_head.predictor.")


def create_detectron2(entry: Network, classes: tuple[str, ...], init: str) -> Created:
    """The network of a configuration; from fresh weights, one that can be trained from those.

    Frozen batch norms and frozen stages, which most configurations have, belong to pretrained
    weights: with fresh ones nothing would be normalised and the first stages would stay random.

    Raises:
        NetworkError: a configuration or checkpoint that cannot be used.
        FileNotFoundError: init is a file that does not exist.
    """
    assert entry.config is not None
    path, values = entry.config, read_config(entry.config)

    def fresh() -> nn.Module:
        return build_detectron2(_trainable(values), len(classes))

    def published(which: str) -> nn.Module:
        network = build_detectron2(values, len(classes))
        _take(network, read_checkpoint(_fetch(path, values, which)), which)
        return network

    if init == "none" or init in PUBLISHED:
        network, line = start(fresh, published, init)
    else:
        network = build_detectron2(values, len(classes))
        assert isinstance(network, Detectron2Network)
        line = _take(network, read_checkpoint(Path(init)), f"--init {init}")
    assert isinstance(network, Detectron2Network)
    if line.endswith("fresh weights") and _trainable(values) != values:
        line += ", with batch norms that learn and no stage frozen"
    config = to_aligned(network.values, classes)

    def ship(trained: nn.Module) -> nn.Module:
        assert isinstance(trained, Detectron2Network)
        own = build_aligned(config)
        own.load_state_dict(trained.body.state_dict())
        return own.eval()

    return Created(
        network,
        config.to_json(),
        line,
        files={CONFIG_FILE: to_yaml(network.values)},
        ship=ship,
    )


def _trainable(values: dict[str, Any]) -> dict[str, Any]:
    """The configuration with batch norms for frozen ones, and nothing frozen."""
    changed = with_keys(values, MODEL__BACKBONE__FREEZE_AT=0)
    if values.get("MODEL", {}).get("RESNETS", {}).get("NORM", "FrozenBN") == "FrozenBN":
        changed = with_keys(changed, MODEL__RESNETS__NORM="BN")
    return changed


def _take(network: Detectron2Network, checkpoint: Checkpoint, source: str) -> str:
    """Copy what fits, and say how much that is and that the classes are learnt anew."""
    own, given = network.body.state_dict(), checkpoint.tensors
    if checkpoint.matched:
        given = _matched(own, checkpoint)
    fitting = copy_fitting(network.body, given)
    if not fitting:
        raise NetworkError(f"{source}: none of its {len(given)} tensors fits this network")
    line = f"starting from {source.removeprefix('--init ')}: {fitting} of {len(own)} tensors fit"
    anew = [n for n in own if n.startswith(OF_CLASSES) and _shape(given, n) != own[n].shape]
    return line + (", those of the classes begin anew" if anew else "")


def _shape(tensors: dict[str, Tensor], name: str) -> Any:
    return tensors[name].shape if name in tensors else None


def _matched(own: dict[str, Tensor], checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Detectron2's rules for the names of older files."""
    from detectron2.checkpoint.c2_model_loading import align_and_update_state_dicts

    given: dict[str, Tensor] = align_and_update_state_dicts(
        own, dict(checkpoint.tensors), c2_conversion=checkpoint.author == "Caffe2"
    )
    return given


def _fetch(path: Path, values: dict[str, Any], which: str) -> Path:
    """The file that Detectron2's model zoo has for a configuration.

    Raises:
        NetworkError: none is known.
        OSError: it cannot be fetched.
    """
    from detectron2.utils.file_io import PathManager

    if which == "imagenet":
        url = str(values.get("MODEL", {}).get("WEIGHTS", ""))
        if "ImageNetPretrained" not in url:
            raise NetworkError(f"{path} names no ImageNet weights (MODEL.WEIGHTS is {url!r})")
    else:
        try:
            from detectron2.model_zoo import get_checkpoint_url
        except ImportError as error:
            raise NetworkError(
                f"Detectron2's list of published weights cannot be read ({error}; setuptools "
                "before 81 has it)"
            ) from error
        try:
            url = get_checkpoint_url(f"{path.parent.name}/{path.name}")
        except RuntimeError as error:
            raise NetworkError(f"no COCO weights are published for {path.name}") from error
    return Path(PathManager.get_local_path(url))
