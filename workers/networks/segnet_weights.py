"""ImageNet weights for SegNet's encoder: it is VGG16's, which torchvision publishes."""

from __future__ import annotations

import torch
from torch import nn
from torchvision.models.vgg import VGG16_BN_Weights, vgg16_bn

from workers.networks.segnet import SegNet


def load_vgg16(network: SegNet) -> None:
    """Take over the thirteen convolutions and their batch norms.

    torchvision's convolutions have a bias, ours have none: a batch norm behind a convolution
    takes the bias away again, so it goes into the norm's mean.

    Raises:
        OSError: the weights cannot be fetched.
    """
    take_over(network, vgg16_bn(weights=VGG16_BN_Weights.DEFAULT).features)


@torch.no_grad()
def take_over(network: SegNet, features: nn.Module) -> None:
    """The convolutions and norms of a VGG16 with batch norm, in their order."""
    theirs = [m for m in features.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
    own = [m for m in network.encoder.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
    bias: torch.Tensor | None = None
    for mine, given in zip(own, theirs, strict=True):
        if isinstance(mine, nn.Conv2d) and isinstance(given, nn.Conv2d):
            mine.weight.copy_(given.weight)
            bias = given.bias
        elif isinstance(mine, nn.BatchNorm2d) and isinstance(given, nn.BatchNorm2d):
            mine.load_state_dict(given.state_dict())
            if bias is not None and mine.running_mean is not None:
                mine.running_mean -= bias
