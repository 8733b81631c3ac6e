"""The semantic networks: one probability per class and pixel, behind one signature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import mobilenetv3, resnet
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.segmentation.deeplabv3 import DeepLabHead
from torchvision.models.segmentation.fcn import FCNHead

from workers.networks.errors import NetworkError
from workers.networks.segnet import WIDTHS, SegNet

# Of ImageNet, in RGB and 0 to 255: what every pretrained encoder was shown.
MEAN = (123.675, 116.28, 103.53)
DEVIATION = (58.395, 57.12, 57.375)
# A class covers about one pixel in a hundred: begin from that prior (Lin et al., ICCV 2017).
PRIOR_LOGIT = -4.0


@dataclass(frozen=True, slots=True)
class SemanticConfig:
    """Everything that shapes a semantic network; it stands in model.json."""

    network: str
    classes: tuple[str, ...]
    encoder: str

    def to_json(self) -> dict[str, Any]:
        """For model.json."""
        return {"classes": list(self.classes), "encoder": self.encoder}

    @classmethod
    def from_json(cls, network: str, values: dict[str, Any]) -> SemanticConfig:
        """Back from model.json; a missing key raises KeyError."""
        return cls(network, tuple(values["classes"]), str(values["encoder"]))


class SemanticNetwork(nn.Module):
    """Images float (B, 3, H, W) of 0 to 255, to logits (B, C, H, W), one a class.

    Sides are multiples of the network's stride.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        deviation = torch.tensor(DEVIATION).view(1, 3, 1, 1)
        self.register_buffer("deviation", deviation, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        given = (images - self.mean) / self.deviation
        found = self.body(given.contiguous(memory_format=torch.channels_last))
        logits: Tensor = found["out"] if isinstance(found, dict) else found
        return logits


def build_semantic(config: SemanticConfig, pretrained: bool = False) -> SemanticNetwork:
    """The network of a configuration.

    Args:
        config: which network, classes and encoder.
        pretrained: the encoder begins with the ImageNet weights that its library publishes.

    Raises:
        NetworkError: no such encoder, or one that this network cannot have.
        OSError: pretrained weights cannot be fetched.
    """
    count = len(config.classes)
    if config.network == "segnet":
        body: Any = SegNet(count, WIDTHS[config.encoder])
        last = body.classifier
    elif config.network in ("fcn", "deeplabv3"):
        body = _Dilated(config.network, config.encoder, count, pretrained)
        last = body.last
    else:
        body = _smp_body(config, pretrained)
        convolutions = [m for m in body.segmentation_head.modules() if isinstance(m, nn.Conv2d)]
        last = convolutions[-1]
    if not isinstance(last, nn.Conv2d) or last.bias is None:
        raise NetworkError(f"{config.network} does not end in a convolution")
    nn.init.constant_(last.bias, PRIOR_LOGIT)
    return SemanticNetwork(body).to(memory_format=torch.channels_last)


def _smp_body(config: SemanticConfig, pretrained: bool) -> Any:
    try:
        import segmentation_models_pytorch as smp  # type: ignore[import-untyped]
    except ModuleNotFoundError as error:
        raise NetworkError(
            f"{config.network} needs the package {error.name!r}, which comes with the extra `train`"
        ) from error

    from workers.networks import efficientnet_lite, light_encoder, squeezenet_encoder

    light_encoder.register()
    squeezenet_encoder.register()
    efficientnet_lite.register()
    own = (light_encoder.NAME, squeezenet_encoder.NAME, *efficientnet_lite.WIDTHS)
    builders: dict[str, Callable[..., nn.Module]] = {
        "unet": smp.Unet,
        "deeplabv3plus": smp.DeepLabV3Plus,
        "fpn": smp.FPN,
        "pspnet": smp.PSPNet,
        "segformer": smp.Segformer,
        # HRNet keeps its fine maps through all stages; a pyramid head joins them.
        "hrnet": smp.FPN,
    }
    weights: bool | str | None = None
    if pretrained:
        weights = True if config.encoder.startswith("tu-") else "imagenet"
    try:
        body: Any = builders[config.network](
            config.encoder,
            encoder_weights=None if config.encoder in own else weights,
            classes=len(config.classes),
        )
    except (KeyError, ValueError, RuntimeError) as error:
        # The library answers an unknown encoder with the list of all it has.
        short = str(error).strip("\"'")[:200]
        raise NetworkError(f"{config.network} with encoder {config.encoder!r}: {short}") from error
    if pretrained and config.encoder == squeezenet_encoder.NAME:
        squeezenet_encoder.load_published(body.encoder)
    if pretrained and config.encoder in efficientnet_lite.WIDTHS:
        efficientnet_lite.load_published(body.encoder, config.encoder, MEAN, DEVIATION)
    if config.network == "pspnet" and hasattr(body.encoder, "layer4"):
        # It reads strides up to 8; the stages behind would be stored and trained for nothing.
        body.encoder.layer3 = body.encoder.layer4 = nn.Identity()
    return body


class _Dilated(nn.Module):
    """torchvision's FCN or DeepLabV3 head on a backbone whose last stages keep stride 8.

    torchvision has them for ResNet-50 and wider alone; here they may stand on ResNet-18 too.
    """

    def __init__(self, head: str, encoder: str, count: int, pretrained: bool) -> None:
        super().__init__()
        weights = "DEFAULT" if pretrained else None
        if encoder == "mobilenet_v3_large":
            whole = mobilenetv3.mobilenet_v3_large(weights=weights, dilated=True).features
            last = str(len(whole) - 1)
            backbone, channels = IntermediateLayerGetter(whole, {last: "out"}), 960
        elif encoder == "resnet18":
            small = resnet.resnet18(weights=weights)
            _dilate(small.layer3, 2)
            _dilate(small.layer4, 4)
            backbone, channels = IntermediateLayerGetter(small, {"layer4": "out"}), 512
        else:
            large = getattr(resnet, encoder)(
                weights=weights, replace_stride_with_dilation=[False, True, True]
            )
            backbone, channels = IntermediateLayerGetter(large, {"layer4": "out"}), 2048
        self.backbone = backbone
        self.head = FCNHead(channels, count) if head == "fcn" else DeepLabHead(channels, count)

    @property
    def last(self) -> nn.Module:
        """The convolution that gives the logits."""
        last: nn.Module = list(self.head.modules())[-1]
        return last

    def forward(self, images: Tensor) -> Tensor:
        logits = self.head(self.backbone(images)["out"])
        return nn.functional.interpolate(
            logits, size=images.shape[-2:], mode="bilinear", align_corners=False
        )


def _dilate(stage: nn.Module, rate: int) -> None:
    """Take the stride out of a stage of basic blocks, and widen its convolutions instead."""
    for module in stage.modules():
        if isinstance(module, nn.Conv2d):
            module.stride = (1, 1)
            if module.kernel_size == (3, 3):
                module.dilation, module.padding = (rate, rate), (rate, rate)
