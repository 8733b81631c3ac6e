"""SqueezeNet 1.0 (Iandola et al. 2016) as an encoder of segmentation-models-pytorch.

Its ImageNet weights are 5 MB (3 MB without the classifier), the smallest that torchvision
publishes, so a model that begins with them stays small.
"""

from __future__ import annotations

import segmentation_models_pytorch as smp  # type: ignore[import-untyped]
from segmentation_models_pytorch.encoders._base import (  # type: ignore[import-untyped]
    EncoderMixin,
)
from torch import Tensor, nn
from torchvision.models.squeezenet import Fire, SqueezeNet1_0_Weights

NAME = "squeezenet"
WIDTHS = (96, 256, 512, 512, 512)


class SqueezeNetEncoder(nn.Module, EncoderMixin):  # type: ignore[misc]
    """Images (B, 3, H, W) to six maps: the images, and strides 2 to 32.

    `features` has torchvision's names and shapes. Unlike there, convolution and pooling are
    padded, so that a map's side is the image's divided by the stride; stride 32, which SqueezeNet
    does not have, is one more fire module with fresh weights.
    """

    def __init__(self, out_channels: list[int], depth: int = 5, output_stride: int = 32) -> None:
        super().__init__()
        self._depth, self._in_channels, self._output_stride = depth, 3, output_stride
        self._out_channels = out_channels
        self.features = nn.Sequential(
            nn.Conv2d(3, 96, 7, 2, 3),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
            Fire(96, 16, 64, 64),
            Fire(128, 16, 64, 64),
            Fire(128, 32, 128, 128),
            nn.MaxPool2d(3, 2, 1),
            Fire(256, 32, 128, 128),
            Fire(256, 48, 192, 192),
            Fire(384, 48, 192, 192),
            Fire(384, 64, 256, 256),
            nn.MaxPool2d(3, 2, 1),
            Fire(512, 64, 256, 256),
        )
        self.deepest = nn.Sequential(nn.MaxPool2d(3, 2, 1), Fire(512, 64, 256, 256))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def _stages(self) -> list[nn.Module]:
        layers = self.features
        stages: list[nn.Module] = [layers[:2], layers[2:6], layers[6:11], layers[11:], self.deepest]
        return stages[: self._depth]

    def get_stages(self) -> dict[int, list[nn.Module]]:
        """Stages by their stride, for the library's own dilation.

        Raises:
            ValueError: always: its strides are poolings, which cannot be dilated away.
        """
        raise ValueError("SqueezeNet cannot be dilated; expected a residual encoder")

    def forward(self, images: Tensor) -> list[Tensor]:
        maps = [images]
        for stage in self._stages():
            maps.append(stage(maps[-1]))
        return maps


def load_published(encoder: SqueezeNetEncoder) -> None:
    """Take over torchvision's ImageNet weights.

    Raises:
        OSError: they cannot be fetched.
    """
    given = SqueezeNet1_0_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
    features = {
        name.removeprefix("features."): value
        for name, value in given.items()
        if name.startswith("features.")
    }
    encoder.features.load_state_dict(features)


def register() -> None:
    """Make the encoder known to the library by its name."""
    smp.encoders.encoders.setdefault(
        NAME,
        {
            "encoder": SqueezeNetEncoder,
            "pretrained_settings": {},
            "params": {"out_channels": [3, *WIDTHS]},
        },
    )
