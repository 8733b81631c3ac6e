"""Mask R-CNN on ResNet-18 or ResNet-50 with a feature pyramid, through torchvision.

`mask-rcnn-r50` is torchvision's `maskrcnn_resnet50_fpn_v2` (Li et al. 2021), so that its COCO
weights fit. `mask-rcnn-r18` is narrower (128 channels) and draws masks of 56×56.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import ResNet18_Weights, ResNet50_Weights
from torchvision.models.detection import (
    MaskRCNN_ResNet50_FPN_V2_Weights,
    maskrcnn_resnet50_fpn_v2,
)
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNN, MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.resnet import resnet18
from torchvision.ops import MultiScaleRoIAlign

from workers.networks.errors import NetworkError
from workers.networks.semantic import DEVIATION, MEAN
from workers.networks.starting import copy_fitting
from workers.training.mask_head import LightRoIHeads

R18, R50 = "mask-rcnn-r18", "mask-rcnn-r50"
LEVELS = ("0", "1", "2", "3")
# One size and half a step more at each of the strides 4 to 64; slender boxes for cracks.
R18_ANCHORS_PX = ((12, 18), (28, 42), (64, 96), (140, 200), (290, 420))
R18_RATIOS = (0.2, 0.5, 1.0, 2.0, 5.0)
R18_CHANNELS, R18_MASK_CHANNELS = 128, 64


@dataclass(frozen=True, slots=True)
class ResnetConfig:
    """Everything that shapes the network; it stands in model.json."""

    network: str
    classes: tuple[str, ...]
    proposals: int = 200
    detections: int = 60
    box_nms_iou: float = 0.5
    least_score: float = 0.05

    def to_json(self) -> dict[str, Any]:
        """For model.json."""
        values = asdict(self) | {"classes": list(self.classes)}
        del values["network"]
        return values

    @classmethod
    def from_json(cls, network: str, values: dict[str, Any]) -> ResnetConfig:
        """Back from model.json; unknown keys raise TypeError."""
        return cls(network, **(values | {"classes": tuple(values["classes"])}))


class ImageNetNormalise(nn.Module):
    """Takes the place of torchvision's resizing transform: the input is letterboxed already.

    Images are float (3, S, S) of 0 to 255, all of one size; detections stay in input px.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        deviation = torch.tensor(DEVIATION).view(1, 3, 1, 1)
        self.register_buffer("deviation", deviation, persistent=False)

    def forward(
        self, images: list[Tensor], targets: list[dict[str, Tensor]] | None = None
    ) -> tuple[ImageList, list[dict[str, Tensor]] | None]:
        batch = (torch.stack(list(images)) - self.mean) / self.deviation
        sizes = [(image.shape[-2], image.shape[-1]) for image in images]
        return ImageList(batch.contiguous(memory_format=torch.channels_last), sizes), targets

    def postprocess(
        self,
        result: list[dict[str, Tensor]],
        image_shapes: list[tuple[int, int]],
        original_image_sizes: list[tuple[int, int]],
    ) -> list[dict[str, Tensor]]:
        """Nothing to undo: masks are pasted outside the network, and only inside boxes."""
        return result


class FloatMaps(nn.Module):
    """A backbone whose maps are fp32 under autocast too: boxes are made from them."""

    def __init__(self, backbone: BackboneWithFPN) -> None:
        super().__init__()
        self.body, self.fpn = backbone.body, backbone.fpn
        self.out_channels = backbone.out_channels

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {name: value.float() for name, value in self.fpn(self.body(images)).items()}


def build_resnet(config: ResnetConfig) -> GeneralizedRCNN:
    """The network of a configuration, with fresh weights. Class 0 is the background."""
    count = len(config.classes) + 1
    common: dict[str, Any] = {
        "rpn_pre_nms_top_n_train": 600,
        "rpn_pre_nms_top_n_test": 400,
        "rpn_post_nms_top_n_train": 300,
        "rpn_post_nms_top_n_test": config.proposals,
        "rpn_batch_size_per_image": 128,
    }
    if config.network == R50:
        whole = maskrcnn_resnet50_fpn_v2(
            weights=None, weights_backbone=None, num_classes=count, **common
        )
    else:
        whole = _r18(count, common)
    old = whole.roi_heads
    heads = LightRoIHeads(
        old.box_roi_pool,
        old.box_head,
        old.box_predictor,
        fg_iou_thresh=0.5,
        bg_iou_thresh=0.5,
        batch_size_per_image=64,
        positive_fraction=0.25,
        bbox_reg_weights=None,
        score_thresh=config.least_score,
        nms_thresh=config.box_nms_iou,
        detections_per_img=config.detections,
        mask_roi_pool=old.mask_roi_pool,
        mask_head=old.mask_head,
        mask_predictor=old.mask_predictor,
    )
    # The predictor doubles the side of what is pooled.
    heads.mask_side = 2 * old.mask_roi_pool.output_size[0]
    network = GeneralizedRCNN(FloatMaps(whole.backbone), whole.rpn, heads, ImageNetNormalise())
    return network.to(memory_format=torch.channels_last)


def build_published(config: ResnetConfig, which: str) -> GeneralizedRCNN:
    """The network with torchvision's COCO or ImageNet weights, where they fit.

    Raises:
        NetworkError: none are published.
        OSError: they cannot be fetched.
    """
    network = build_resnet(config)
    if which == "coco":
        if config.network != R50:
            raise NetworkError(f"no COCO weights are published for {config.network}")
        given = MaskRCNN_ResNet50_FPN_V2_Weights.DEFAULT.get_state_dict(
            progress=False, check_hash=True
        )
        copy_fitting(network, dict(given))
        return network
    enum = (
        ResNet50_Weights.IMAGENET1K_V2 if config.network == R50 else ResNet18_Weights.IMAGENET1K_V1
    )
    given = enum.get_state_dict(progress=False, check_hash=True)
    copy_fitting(network, {f"backbone.body.{name}": value for name, value in given.items()})
    return network


def _r18(count: int, common: dict[str, Any]) -> MaskRCNN:
    channels = R18_CHANNELS
    layers = {f"layer{number + 1}": level for number, level in enumerate(LEVELS)}
    backbone = BackboneWithFPN(
        resnet18(weights=None), layers, [64, 128, 256, 512], channels, norm_layer=nn.BatchNorm2d
    )
    return MaskRCNN(
        backbone,
        rpn_anchor_generator=AnchorGenerator(R18_ANCHORS_PX, (R18_RATIOS,) * len(R18_ANCHORS_PX)),
        box_head=TwoMLPHead(channels * 49, 512),
        box_predictor=FastRCNNPredictor(512, count),
        mask_roi_pool=MultiScaleRoIAlign(list(LEVELS[:3]), 28, 1),
        mask_head=MaskRCNNHeads(channels, [R18_MASK_CHANNELS] * 2, 1, norm_layer=nn.BatchNorm2d),
        mask_predictor=MaskRCNNPredictor(R18_MASK_CHANNELS, R18_MASK_CHANNELS, count),
        **common,
    )
