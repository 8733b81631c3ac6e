"""A network of the catalogue for the classes of a data set, with the weights it begins with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import nn
from torchvision.models.segmentation import (
    DeepLabV3_ResNet50_Weights,
    DeepLabV3_ResNet101_Weights,
    FCN_ResNet50_Weights,
    FCN_ResNet101_Weights,
)

from workers.networks.catalogue import Network
from workers.networks.errors import NetworkError
from workers.networks.loading import build_network
from workers.networks.resnet_maskrcnn import R18, R50, ResnetConfig, build_published
from workers.networks.segnet import SegNet
from workers.networks.semantic import SemanticConfig, build_semantic
from workers.networks.starting import copy_fitting, start
from workers.training.network import NetworkConfig
from workers.training.network import build_published as build_light

_COCO = {
    ("fcn", "resnet50"): FCN_ResNet50_Weights.DEFAULT,
    ("fcn", "resnet101"): FCN_ResNet101_Weights.DEFAULT,
    ("deeplabv3", "resnet50"): DeepLabV3_ResNet50_Weights.DEFAULT,
    ("deeplabv3", "resnet101"): DeepLabV3_ResNet101_Weights.DEFAULT,
}


def _as_it_is(network: nn.Module) -> nn.Module:
    return network


@dataclass(frozen=True, slots=True)
class Created:
    """A network ready to be trained.

    Attributes:
        config: what model.json says of it.
        line: what it begins with, in words.
        files: texts that belong into the model folder, by their names.
        ship: makes the network that is packed of the one that was trained.
    """

    network: nn.Module
    config: dict[str, Any]
    line: str
    files: dict[str, str] = field(default_factory=dict)
    ship: Callable[[nn.Module], nn.Module] = _as_it_is


def create_semantic(entry: Network, classes: tuple[str, ...], encoder: str, init: str) -> Created:
    """A semantic network.

    Raises:
        NetworkError: an encoder that it cannot have, a file that does not fit.
        FileNotFoundError: init is a file that does not exist.
    """
    config = SemanticConfig(entry.name, classes, encoder)
    network, line = start(
        lambda: build_semantic(config), lambda which: _published(config, which), init
    )
    return Created(network, config.to_json(), line)


def create_instance(entry: Network, config: dict[str, Any], init: str) -> Created:
    """A network for instances, of a configuration that its builder knows.

    Raises:
        NetworkError: a file that does not fit.
        FileNotFoundError: init is a file that does not exist.
    """

    def published(which: str) -> nn.Module:
        if entry.name not in (R18, R50):
            if which != "imagenet":
                raise NetworkError(f"no {which} weights are published for {entry.name}")
            light: nn.Module = build_light(NetworkConfig.from_json(config))
            return light
        found: nn.Module = build_published(ResnetConfig.from_json(entry.name, config), which)
        return found

    network, line = start(lambda: build_network(entry.name, config), published, init)
    return Created(network, config, line)


def _published(config: SemanticConfig, which: str) -> nn.Module:
    """The network with the weights that its library publishes."""
    if which == "imagenet":
        if config.encoder == "light":
            raise NetworkError("no ImageNet weights are published for the encoder light")
        if config.network != "segnet":
            return build_semantic(config, pretrained=True)
        from workers.networks.segnet_weights import load_vgg16

        network = build_semantic(config)
        assert isinstance(network.body, SegNet)
        load_vgg16(network.body)
        return network
    weights = _COCO.get((config.network, config.encoder))
    if weights is None:
        known = ", ".join(f"{name} with {encoder}" for name, encoder in _COCO)
        raise NetworkError(
            f"no COCO weights are published for {config.network} with {config.encoder} (there are "
            f"for {known}; --init imagenet may do)"
        )
    network = build_semantic(config)
    given = weights.get_state_dict(progress=False, check_hash=True)
    renamed = {
        f"body.{name.replace('classifier.', 'head.', 1)}": value for name, value in given.items()
    }
    copy_fitting(network, renamed)
    return network
