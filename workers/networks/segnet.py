"""SegNet (Badrinarayanan, Kendall, Cipolla: IEEE TPAMI 39(12), 2017).

The encoder is VGG16's thirteen 3×3 convolutions, each with batch norm and ReLU, and none of its
fully connected layers; the decoder mirrors it. What a decoder stage is given of the encoder are
the places of the maxima of its 2×2 pooling and nothing else: values return to where they came
from, and the convolutions behind make dense maps of the sparse ones.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workers.training.backbone import ConvBnRelu, initialise

# Output channels of the convolutions of each stage; every stage ends in a 2×2 pooling.
VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
LIGHT = ((16, 16), (32, 32), (64, 64), (128, 128), (128, 128))
WIDTHS = {"vgg16": VGG16, "light": LIGHT}


class SegNet(nn.Module):
    """Images (B, 3, H, W), sides multiples of 32, to logits (B, outputs, H, W)."""

    def __init__(self, outputs: int, widths: tuple[tuple[int, ...], ...] = VGG16) -> None:
        super().__init__()
        encoder, decoder = [], []
        inputs = 3
        for stage in widths:
            encoder.append(_stage((inputs, *stage)))
            # The mirror image of the stage: it ends with as many channels as came in.
            decoder.append(_stage((*reversed(stage), stage[0] if inputs == 3 else inputs)))
            inputs = stage[-1]
        # The last of the first stage's mirrored layers gives the classes, without a ReLU.
        last = decoder[0]
        decoder[0] = nn.Sequential(*list(last)[:-1])
        self.encoder = nn.ModuleList(encoder)
        self.decoder = nn.ModuleList(reversed(decoder))
        self.classifier = nn.Conv2d(widths[0][0], outputs, 3, padding=1)
        self.apply(initialise)

    def forward(self, images: Tensor) -> Tensor:
        x, places = images, []
        for stage in self.encoder:
            x, indices = pool(stage(x))
            places.append(indices)
        for stage in self.decoder:
            x = stage(unpool(x, places.pop()))
        logits: Tensor = self.classifier(x)
        return logits


def pool(x: Tensor) -> tuple[Tensor, Tensor]:
    """2×2 maxima and their places: (B, C, H, W) to twice (B, C, H/2, W/2).

    A place is torch's index into the plane, or in an exported graph one inside its window,
    since ONNX numbers pooled places in another way and has no inverse of its pooling.
    """
    if torch.onnx.is_in_onnx_export():
        return pool_windows(x)
    values, indices = F.max_pool2d(x, 2, return_indices=True)
    return values, indices


def unpool(x: Tensor, places: Tensor) -> Tensor:
    """Each value back to the place of its maximum, zero elsewhere: the inverse of `pool`."""
    if torch.onnx.is_in_onnx_export():
        return unpool_windows(x, places)
    return F.max_unpool2d(x, places, [2, 2])


def pool_windows(x: Tensor) -> tuple[Tensor, Tensor]:
    """`pool` with places 0 to 3 inside each window, row by row."""
    batch, channels = x.shape[:2]
    apart = F.pixel_unshuffle(x, 2)
    windows = apart.view(batch, channels, 4, apart.shape[2], apart.shape[3])
    return windows.amax(dim=2), windows.argmax(dim=2)


def unpool_windows(x: Tensor, places: Tensor) -> Tensor:
    """`unpool` for places inside each window."""
    window = torch.arange(4, device=x.device).view(1, 1, 4, 1, 1)
    sparse = x.unsqueeze(2) * (places.unsqueeze(2) == window).to(x.dtype)
    return F.pixel_shuffle(sparse.flatten(1, 2), 2)


def _stage(channels: tuple[int, ...]) -> nn.Sequential:
    return nn.Sequential(*(ConvBnRelu(inputs, outputs) for inputs, outputs in pairwise(channels)))
