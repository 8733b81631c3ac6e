"""The names of the networks, what each is for, and its defaults. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workers.networks import detectron2_config
from workers.networks.errors import NetworkError

Task = Literal["instance-segmentation", "semantic-segmentation"]

DETECTRON2 = "detectron2:"
# What model.json calls every network of that kind.
ALIGNED = "detectron2"


@dataclass(frozen=True, slots=True)
class Network:
    """One entry of the catalogue.

    Attributes:
        task: what its findings are made from.
        through: the library whose code it is.
        encoders: the backbones it can have, its default first; empty where it has but one.
            Networks through segmentation-models-pytorch take every encoder of that library.
        peak_rate: highest learning rate, for fresh weights.
        crop_px, crop_batch: side of a training view and how many make a step.
        stride: input sides are multiples of it.
        config: the file that describes it, of one through Detectron2.
    """

    name: str
    task: Task
    through: str
    encoders: tuple[str, ...]
    peak_rate: float = 1e-3
    crop_px: int = 256
    crop_batch: int = 8
    stride: int = 32
    config: Path | None = None


_SMP = "segmentation-models-pytorch"
_TORCHVISION = "torchvision"
_LITE = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
_ENCODERS = ("resnet18", "light", "squeezenet", *_LITE, "resnet34", "resnet50", "mobilenet_v2")

NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        Network(
            "mask-rcnn-light",
            "instance-segmentation",
            "lineside",
            ("light", *_LITE),
            1.5e-3,
            320,
            16,
            64,
        ),
        Network("mask-rcnn-r18", "instance-segmentation", _TORCHVISION, (), 5e-4, 320, 8, 64),
        Network("mask-rcnn-r50", "instance-segmentation", _TORCHVISION, (), 2e-4, 320, 4, 64),
        Network("unet", "semantic-segmentation", _SMP, _ENCODERS),
        Network("deeplabv3plus", "semantic-segmentation", _SMP, _ENCODERS),
        Network("fpn", "semantic-segmentation", _SMP, _ENCODERS),
        Network("pspnet", "semantic-segmentation", _SMP, _ENCODERS),
        Network(
            "hrnet",
            "semantic-segmentation",
            _SMP,
            ("tu-hrnet_w18_small", "tu-hrnet_w18", "tu-hrnet_w32", "tu-hrnet_w48"),
        ),
        Network(
            "segformer",
            "semantic-segmentation",
            _SMP,
            tuple(f"mit_b{size}" for size in range(6)),
            3e-4,
        ),
        Network(
            "fcn",
            "semantic-segmentation",
            _TORCHVISION,
            ("resnet18", "resnet50", "resnet101"),
            stride=8,
        ),
        Network(
            "deeplabv3",
            "semantic-segmentation",
            _TORCHVISION,
            ("resnet18", "mobilenet_v3_large", "resnet50", "resnet101"),
            stride=8,
        ),
        Network("segnet", "semantic-segmentation", "lineside", ("vgg16", "light")),
    )
}


def find_network(name: str) -> Network:
    """The entry of a name.

    Raises:
        NetworkError: there is none; the message lists those that there are. Of Detectron2:
            it is not installed, or the configuration is none that is supported.
    """
    if name.startswith(DETECTRON2):
        return _of_detectron2(name)
    if name not in NETWORKS:
        names = ", ".join([*NETWORKS, f"{DETECTRON2}CONFIG"])
        raise NetworkError(f"unknown network {name!r}; there are {names}")
    return NETWORKS[name]


def choose_encoder(network: Network, encoder: str | None) -> str:
    """The encoder that was asked for, or the network's default; empty where it has none.

    Raises:
        NetworkError: the network cannot have it.
    """
    if encoder is None:
        return network.encoders[0] if network.encoders else ""
    # The library itself says which encoders it has, and has hundreds.
    if encoder in network.encoders or (network.through == _SMP and network.name != "hrnet"):
        return encoder
    known = ", ".join(network.encoders) or "only its own"
    raise NetworkError(f"{network.name} has no encoder {encoder!r}; it has {known}")


def _of_detectron2(name: str) -> Network:
    """The entry of `detectron2:CONFIG`."""
    if not detectron2_config.is_installed():
        raise NetworkError(
            f"{name} needs Detectron2, which is not installed here: {detectron2_config.INSTALL}"
        )
    path = detectron2_config.find_config(name.removeprefix(DETECTRON2))
    detectron2_config.read_config(path)
    return Network(
        ALIGNED, "instance-segmentation", "detectron2", (), 2e-4, 320, 4, 64, config=path
    )
