"""ResNet and feature pyramid whose tensors have the names that Detectron2 gives them.

He et al. 2016; Lin et al. 2017 (arXiv:1612.03144). `stride_in_1x1` is where the first ResNets
(MSRA) halved the map.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workers.networks.aligned_config import AlignedConfig

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
BLOCKS[152] = (3, 8, 36, 3)
STRIDES = (4, 8, 16, 32, 64)
GROUP_NORM = 32


class FrozenNorm(nn.Module):
    """A batch norm whose statistics and factors never change (eps 1e-5)."""

    eps = 1e-5

    def __init__(self, channels: int) -> None:
        super().__init__()
        for name, value in (
            ("weight", torch.ones(channels)),
            ("bias", torch.zeros(channels)),
            ("running_mean", torch.zeros(channels)),
            ("running_var", torch.ones(channels) - self.eps),
        ):
            self.register_buffer(name, value)

    def forward(self, x: Tensor) -> Tensor:
        mean, var = self.get_buffer("running_mean"), self.get_buffer("running_var")
        weight, bias = self.get_buffer("weight"), self.get_buffer("bias")
        return F.batch_norm(x, mean, var, weight, bias, False, 0.0, self.eps)


class ConvNorm(nn.Conv2d):
    """A convolution that keeps its norm inside itself, as `NAME.norm`; it has a bias or a norm."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        norm: str = "",
        groups: int = 1,
        *,
        bias: bool | None = None,
    ) -> None:
        wanted = not norm if bias is None else bias
        super().__init__(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=wanted)
        self.norm = make_norm(norm, outputs)

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        return y if self.norm is None else self.norm(y)

    @torch.no_grad()
    def fold(self) -> None:
        """Multiply a batch norm into the weights, for inference; afterwards it is gone."""
        norm = self.norm
        if not isinstance(norm, FrozenNorm | nn.BatchNorm2d):
            return
        values = dict(norm.named_buffers()) | dict(norm.named_parameters())
        scale = values["weight"] * (values["running_var"] + norm.eps).rsqrt()
        bias = values["bias"] - values["running_mean"] * scale
        if self.bias is not None:
            bias = bias + self.bias * scale
        self.weight.mul_(scale[:, None, None, None])
        self.bias = nn.Parameter(bias)
        self.norm = None


def make_norm(name: str, channels: int) -> nn.Module | None:
    """The norm of Detectron2's name for it; synchronised ones are plain at inference."""
    if not name:
        return None
    if name == "GN":
        return nn.GroupNorm(GROUP_NORM, channels)
    return FrozenNorm(channels) if name == "FrozenBN" else nn.BatchNorm2d(channels)


class Block(nn.Module):
    """A residual block: two 3×3 convolutions, or 1×1, 3×3 and 1×1 around a bottleneck."""

    def __init__(
        self, inputs: int, outputs: int, narrow: int | None, stride: int, config: AlignedConfig
    ) -> None:
        super().__init__()
        norm, bias = config.norm, False
        self.shortcut = None
        if inputs != outputs:
            self.shortcut = ConvNorm(inputs, outputs, 1, stride, norm, bias=bias)
        if narrow is None:
            self.conv1 = ConvNorm(inputs, outputs, 3, stride, norm, bias=bias)
            self.conv2 = ConvNorm(outputs, outputs, 3, 1, norm, bias=bias)
            self.conv3 = None
        else:
            first, second = (stride, 1) if config.stride_in_1x1 else (1, stride)
            self.conv1 = ConvNorm(inputs, narrow, 1, first, norm, bias=bias)
            self.conv2 = ConvNorm(narrow, narrow, 3, second, norm, config.groups, bias=bias)
            self.conv3 = ConvNorm(narrow, outputs, 1, 1, norm, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(F.relu(self.conv1(x)))
        if self.conv3 is not None:
            y = self.conv3(F.relu(y))
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class Resnet(nn.Module):
    """Images (B, 3, H, W) to the maps after each stage, strides 4 to 32."""

    def __init__(self, config: AlignedConfig) -> None:
        super().__init__()
        conv1 = ConvNorm(3, config.stem_channels, 7, 2, config.norm, bias=False)
        self.stem = nn.ModuleDict({"conv1": conv1})
        inputs, outputs = config.stem_channels, config.res2_channels
        narrow = config.groups * config.group_width
        for number, count in enumerate(BLOCKS[config.depth], start=2):
            blocks = []
            for place in range(count):
                stride = 2 if place == 0 and number > 2 else 1
                inner = narrow if config.depth >= 50 else None
                blocks.append(Block(inputs, outputs, inner, stride, config))
                inputs = outputs
            self.add_module(f"res{number}", nn.Sequential(*blocks))
            outputs, narrow = 2 * outputs, 2 * narrow

    def forward(self, images: Tensor) -> list[Tensor]:
        x = F.max_pool2d(F.relu(self.stem["conv1"](images)), 3, 2, 1)
        maps = []
        for number in range(2, 6):
            x = self.get_submodule(f"res{number}")(x)
            maps.append(x)
        return maps


class Pyramid(nn.Module):
    """Images (B, 3, H, W), sides multiples of 32, to fp32 maps p2 to p6 of strides 4 to 64."""

    def __init__(self, config: AlignedConfig) -> None:
        super().__init__()
        self.fuse = config.fuse
        for number in range(2, 6):
            inputs, outputs = config.res2_channels << (number - 2), config.pyramid_channels
            lateral = ConvNorm(inputs, outputs, 1, norm=config.pyramid_norm)
            output = ConvNorm(outputs, outputs, 3, norm=config.pyramid_norm)
            self.add_module(f"fpn_lateral{number}", lateral)
            self.add_module(f"fpn_output{number}", output)
        self.bottom_up = Resnet(config)

    def forward(self, images: Tensor) -> list[Tensor]:
        above: Tensor | None = None
        maps: list[Tensor] = []
        for number, below in reversed(list(enumerate(self.bottom_up(images), start=2))):
            here = self.get_submodule(f"fpn_lateral{number}")(below)
            if above is not None:
                here = here + F.interpolate(above, scale_factor=2.0, mode="nearest")
                here = here / 2 if self.fuse == "avg" else here
            above = here
            # Boxes are made from them, so they are fp32 under autocast too.
            maps.insert(0, self.get_submodule(f"fpn_output{number}")(here).float())
        return [*maps, F.max_pool2d(maps[-1], 1, 2)]
