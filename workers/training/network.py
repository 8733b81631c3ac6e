"""`mask-rcnn-light`: torchvision's Mask R-CNN with a narrow pyramid and a fine mask head."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead
from torchvision.ops import MultiScaleRoIAlign

from workers.networks.efficientnet_lite import WIDTHS, EfficientNetLite, load_published
from workers.networks.errors import NetworkError
from workers.training.backbone import EncoderPyramid, LightPyramid, Pyramid, initialise
from workers.training.mask_head import LightRoIHeads, MaskHead, MaskPool

PROPOSAL_LEVELS = ("p3", "p4", "p5", "p6")
ANCHOR_SIZES_PX = ((12, 24), (44, 72), (110, 170), (256, 400))
ANCHOR_RATIOS = (0.2, 0.5, 1.0, 2.0, 5.0)
# What images of 0 to 255 are normalised with, in every channel.
MEAN, DEVIATION = 114.0, 64.0


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Everything that shapes the network; it stands in model.json and in the checkpoint."""

    classes: tuple[str, ...]
    widths: tuple[int, int, int, int, int] = (16, 32, 64, 128, 160)
    pyramid_channels: int = 48
    fine_channels: int = 16
    box_features: int = 256
    proposals: int = 100
    detections: int = 30
    box_nms_iou: float = 0.5
    least_score: float = 0.05
    encoder: str = "light"

    def to_json(self) -> dict[str, Any]:
        """For model.json."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> NetworkConfig:
        """Back from model.json; unknown keys raise TypeError."""
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return cls(**given)


class Normalise(nn.Module):
    """Takes the place of torchvision's resizing transform: the input is letterboxed already.

    Images are float (3, S, S) of 0 to 255, all of one size; detections stay in input px.
    """

    def forward(
        self, images: list[Tensor], targets: list[dict[str, Tensor]] | None = None
    ) -> tuple[ImageList, list[dict[str, Tensor]] | None]:
        batch = (torch.stack(list(images)) - MEAN) / DEVIATION
        sizes = [(image.shape[-2], image.shape[-1]) for image in images]
        batch = batch.contiguous(memory_format=torch.channels_last)
        return ImageList(batch, sizes), targets

    def postprocess(
        self,
        result: list[dict[str, Tensor]],
        image_shapes: list[tuple[int, int]],
        original_image_sizes: list[tuple[int, int]],
    ) -> list[dict[str, Tensor]]:
        """Nothing to undo: masks are pasted outside the network, and only inside boxes."""
        return result


class CoarseProposals(RegionProposalNetwork):  # type: ignore[misc]
    """The proposal network on strides 8 to 64: stride 4 would cost more than the backbone."""

    def forward(
        self,
        images: ImageList,
        features: dict[str, Tensor],
        targets: list[dict[str, Tensor]] | None = None,
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        chosen = {level: features[level].float() for level in PROPOSAL_LEVELS}
        boxes, losses = super().forward(images, chosen, targets)
        return [box.float() for box in boxes], losses


def build(config: NetworkConfig) -> GeneralizedRCNN:
    """The network of a configuration, with fresh weights. Class 0 is the background."""
    count = len(config.classes)
    pyramid = _pyramid(config)
    channels = config.pyramid_channels
    anchors = AnchorGenerator(ANCHOR_SIZES_PX, (ANCHOR_RATIOS,) * len(ANCHOR_SIZES_PX))
    rpn = CoarseProposals(
        anchors,
        RPNHead(channels, anchors.num_anchors_per_location()[0]),
        fg_iou_thresh=0.5,
        bg_iou_thresh=0.3,
        batch_size_per_image=128,
        positive_fraction=0.5,
        pre_nms_top_n={"training": 300, "testing": 200},
        post_nms_top_n={"training": 150, "testing": config.proposals},
        nms_thresh=0.7,
    )
    heads = LightRoIHeads(
        MultiScaleRoIAlign(["p2", "p3", "p4", "p5"], 7, 2),
        TwoMLPHead(channels * 49, config.box_features),
        FastRCNNPredictor(config.box_features, count + 1),
        fg_iou_thresh=0.5,
        bg_iou_thresh=0.5,
        batch_size_per_image=64,
        positive_fraction=0.25,
        bbox_reg_weights=None,
        score_thresh=config.least_score,
        nms_thresh=config.box_nms_iou,
        detections_per_img=config.detections,
        mask_roi_pool=MaskPool(),
        mask_head=MaskHead(channels, config.fine_channels + count),
        mask_predictor=nn.Conv2d(16, count + 1, 1),
    )
    model = GeneralizedRCNN(pyramid, rpn, heads, Normalise())
    model.apply(initialise)
    return model.to(memory_format=torch.channels_last)


def _pyramid(config: NetworkConfig) -> Pyramid:
    count = len(config.classes)
    channels, fine = config.pyramid_channels, config.fine_channels
    if config.encoder == "light":
        return LightPyramid(count, config.widths, channels, fine)
    encoder = EfficientNetLite(config.encoder)
    return EncoderPyramid(encoder, count, WIDTHS[config.encoder], channels, fine)


def build_published(config: NetworkConfig) -> GeneralizedRCNN:
    """The network of a configuration whose encoder begins with its ImageNet weights.

    Raises:
        NetworkError: none are published, or they are not installed.
    """
    if config.encoder == "light":
        raise NetworkError("no ImageNet weights are published for the encoder light")
    model = build(config)
    load_published(model.backbone.encoder, config.encoder, [MEAN], [DEVIATION])
    return model
