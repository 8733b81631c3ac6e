"""A narrow residual-free backbone with a feature pyramid and a fine map at stride 2.

Dense 3×3 convolutions, since depthwise ones run at a fraction of the peak on a CPU, and batch
norm, since it folds into the convolution at export.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvBnRelu(nn.Sequential):
    """A square convolution without bias, batch norm, ReLU; padding keeps the size at stride 1."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Two 3×3 convolutions around an identity (He et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvBnRelu(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


class Pyramid(nn.Module):
    """A feature pyramid over five maps: images (B, 3, S, S) to a dictionary of maps.

    Keys: `fine` (stride 2, `fine_channels`), `semantic` (stride 2, one logit a class),
    `p2` to `p5` (strides 4 to 32) and `p6` (stride 64), all with `out_channels`.

    Args:
        trunk: what `look` goes through, by the names that weights are stored under.
        widths: channels of the maps that `look` gives, at strides 2 to 32.
    """

    def __init__(
        self,
        trunk: Mapping[str, nn.Module],
        semantic_classes: int,
        widths: tuple[int, int, int, int, int],
        out_channels: int,
        fine_channels: int,
    ) -> None:
        super().__init__()
        for name, module in trunk.items():
            self.add_module(name, module)
        w1, w2, w3, w4, w5 = widths
        self.out_channels = out_channels
        self.lateral = nn.ModuleList(
            [ConvBnRelu(width, out_channels, 1) for width in (w2, w3, w4, w5)]
        )
        self.output = nn.ModuleList([ConvBnRelu(out_channels, out_channels) for _ in range(4)])
        self.fine_top = ConvBnRelu(out_channels, fine_channels, 1)
        self.fine_lateral = ConvBnRelu(w1, fine_channels, 1)
        self.fine = ConvBnRelu(fine_channels, fine_channels)
        self.semantic = nn.Conv2d(fine_channels, semantic_classes, 1)
        # Foreground is about one pixel in a hundred: begin from that prior.
        assert self.semantic.bias is not None
        nn.init.constant_(self.semantic.bias, -4.0)

    def look(self, images: Tensor) -> list[Tensor]:
        """The five maps of the images, at strides 2 to 32."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> OrderedDict[str, Tensor]:
        c1, *deeper = self.look(images)
        merged = [lateral(c) for lateral, c in zip(self.lateral, deeper, strict=True)]
        for level in (2, 1, 0):
            merged[level] = merged[level] + F.interpolate(merged[level + 1], scale_factor=2.0)
        pyramid = [output(m) for output, m in zip(self.output, merged, strict=True)]
        up = F.interpolate(
            self.fine_top(pyramid[0]), scale_factor=2.0, mode="bilinear", align_corners=False
        )
        fine = self.fine(self.fine_lateral(c1) + up)
        maps = OrderedDict(fine=fine, semantic=self.semantic(fine))
        maps.update({f"p{level + 2}": pyramid[level] for level in range(4)})
        maps["p6"] = F.max_pool2d(pyramid[3], 1, 2)
        return maps


class LightPyramid(Pyramid):
    """The pyramid over a narrow backbone of its own."""

    def __init__(
        self,
        semantic_classes: int,
        widths: tuple[int, int, int, int, int] = (16, 32, 64, 128, 160),
        out_channels: int = 48,
        fine_channels: int = 16,
    ) -> None:
        w1, w2, w3, w4, w5 = widths
        trunk = {
            "stem": nn.Sequential(ConvBnRelu(3, w1, 3, 2), ConvBnRelu(w1, w1)),
            "stage2": nn.Sequential(ConvBnRelu(w1, w2, 3, 2), Residual(w2)),
            "stage3": nn.Sequential(ConvBnRelu(w2, w3, 3, 2), Residual(w3), ConvBnRelu(w3, w3)),
            "stage4": nn.Sequential(ConvBnRelu(w3, w4, 3, 2), Residual(w4), ConvBnRelu(w4, w4)),
            "stage5": nn.Sequential(ConvBnRelu(w4, w5, 3, 2), Residual(w5)),
        }
        super().__init__(trunk, semantic_classes, widths, out_channels, fine_channels)
        self._stages = tuple(trunk)

    def look(self, images: Tensor) -> list[Tensor]:
        maps = [images]
        for name in self._stages:
            maps.append(self.get_submodule(name)(maps[-1]))
        return maps[1:]


class EncoderPyramid(Pyramid):
    """The pyramid over an encoder that gives such maps, an EfficientNet-Lite for instance."""

    def __init__(
        self,
        encoder: nn.Module,
        semantic_classes: int,
        widths: tuple[int, int, int, int, int],
        out_channels: int,
        fine_channels: int,
    ) -> None:
        super().__init__(
            {"encoder": encoder}, semantic_classes, widths, out_channels, fine_channels
        )

    def look(self, images: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.get_submodule("encoder")(images)
        return maps


def initialise(module: nn.Module) -> None:
    """He initialisation of every convolution with batch norm behind it (for `Module.apply`)."""
    if isinstance(module, nn.Conv2d) and module.bias is None:
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    if isinstance(module, nn.BatchNorm2d):
        torch.nn.init.ones_(module.weight)
        torch.nn.init.zeros_(module.bias)
