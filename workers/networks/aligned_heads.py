"""Aligned pooling, and the heads that tell class, box and mask of each proposal.

`aligned` takes half a map px off the box before sampling (Detectron2's ROIAlignV2): without it
what is pooled lies half a px beside the box.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torchvision.ops import batched_nms, roi_align

from workers.networks.aligned_backbone import STRIDES, ConvNorm
from workers.networks.aligned_config import AlignedConfig
from workers.networks.aligned_proposals import Size, apply_deltas, clip

# A box of this side belongs to this level (Lin et al. 2017, equation 1).
CANONICAL_PX, CANONICAL_LEVEL = 224, 4
# A graph never finds nothing (see LightRoIHeads.postprocess_detections): this has score 0.
NOTHING_XYXY = (0.0, 0.0, 8.0, 8.0)


def pool(maps: list[Tensor], boxes: list[Tensor], side: int, samples: int, aligned: bool) -> Tensor:
    """Cut each box out of the map of its level: (N, C, side, side), images one after the other.

    Args:
        maps: p2 to p5.
        boxes: of each image, (n, 4) xyxy in input px.
        samples: per cell and axis, 0 for as many as there are map px.
    """
    rois = torch.cat(
        [
            torch.cat([torch.full_like(one[:, :1], image), one], dim=1)
            for image, one in enumerate(boxes)
        ]
    )
    areas = (rois[:, 3] - rois[:, 1]) * (rois[:, 4] - rois[:, 2])
    levels = torch.floor(CANONICAL_LEVEL + torch.log2(areas.sqrt() / CANONICAL_PX + 1e-8))
    levels = levels.clamp(2, 5).to(torch.int64) - 2
    parts, places = [], []
    for level, features in enumerate(maps):
        mine = torch.where(levels == level)[0]
        places.append(mine)
        scale = 1.0 / STRIDES[level]
        parts.append(roi_align(features, rois[mine], (side, side), scale, samples, aligned))
    return torch.cat(parts)[torch.argsort(torch.cat(places))]


class BoxHead(nn.Sequential):
    """Pooled boxes to features, by convolutions and full layers."""

    def __init__(self, config: AlignedConfig) -> None:
        super().__init__()
        channels, width = config.pyramid_channels, config.box_side**2
        for number in range(1, config.box_convs + 1):
            outputs = config.box_conv_channels
            self.add_module(f"conv{number}", ConvNorm(channels, outputs, 3, norm=config.box_norm))
            self.add_module(f"conv_relu{number}", nn.ReLU())
            channels = outputs
        self.add_module("flatten", nn.Flatten())
        inputs = channels * width
        for number in range(1, config.box_layers + 1):
            self.add_module(f"fc{number}", nn.Linear(inputs, config.box_features))
            self.add_module(f"fc_relu{number}", nn.ReLU())
            inputs = config.box_features
        self.outputs = inputs


class BoxPredictor(nn.Module):
    """Features to logits (N, K + 1), the background last, and deltas (N, K, 4) or (N, 1, 4)."""

    def __init__(self, config: AlignedConfig, inputs: int) -> None:
        super().__init__()
        count = len(config.classes)
        self.cls_score = nn.Linear(inputs, count + 1)
        self.bbox_pred = nn.Linear(inputs, 4 * (1 if config.box_agnostic else count))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.cls_score(x).float(), self.bbox_pred(x).float().unflatten(1, (-1, 4))


class MaskHead(nn.Sequential):
    """Pooled boxes (N, C, S, S) to mask logits (N, K, 2S, 2S)."""

    def __init__(self, config: AlignedConfig) -> None:
        super().__init__()
        inputs, outputs = config.pyramid_channels, config.mask_channels
        for number in range(1, config.mask_convs + 1):
            self.add_module(
                f"mask_fcn{number}", ConvNorm(inputs, outputs, 3, norm=config.mask_norm)
            )
            self.add_module(f"mask_relu{number}", nn.ReLU())
            inputs = outputs
        self.add_module("deconv", nn.ConvTranspose2d(inputs, outputs, 2, 2))
        self.add_module("deconv_relu", nn.ReLU())
        count = 1 if config.mask_agnostic else len(config.classes)
        self.add_module("predictor", nn.Conv2d(outputs, count, 1))


class Heads(nn.Module):
    """Maps and proposals to what is found in each image."""

    def __init__(self, config: AlignedConfig) -> None:
        super().__init__()
        self._config = config
        self.box_head = BoxHead(config)
        self.box_predictor = BoxPredictor(config, self.box_head.outputs)
        self.mask_head = MaskHead(config)

    def forward(
        self, maps: list[Tensor], proposals: list[Tensor], sizes_hw: list[Size]
    ) -> list[dict[str, Tensor]]:
        config, maps = self._config, maps[:4]
        pooled = pool(maps, proposals, config.box_side, config.box_samples, config.box_aligned)
        logits, deltas = self.box_predictor(self.box_head(pooled))
        decoded = apply_deltas(deltas, torch.cat(proposals), config.box_weights)
        # Not len(): it would be traced as a constant, and images differ in their proposals.
        counts = [one.shape[0] for one in proposals]
        found = [
            self._detect(boxes, chances, size)
            for boxes, chances, size in zip(
                torch.split(decoded, counts),
                torch.split(F.softmax(logits, -1), counts),
                sizes_hw,
                strict=True,
            )
        ]
        boxes = [one["boxes"] for one in found]
        pooled = pool(maps, boxes, config.mask_side, config.mask_samples, config.mask_aligned)
        masks = self.mask_head(pooled).float()
        if not config.mask_agnostic:
            labels = torch.cat([one["labels"] for one in found])
            masks = masks[torch.arange(labels.shape[0], device=labels.device), labels - 1][:, None]
        shares = torch.split(masks.sigmoid(), [one.shape[0] for one in boxes])
        return [one | {"masks": share} for one, share in zip(found, shares, strict=True)]

    def _detect(self, boxes: Tensor, chances: Tensor, size_hw: Size) -> dict[str, Tensor]:
        """One image's findings: of each class those that overlap no better one."""
        config, count = self._config, len(self._config.classes)
        boxes, chances = clip(boxes, size_hw), chances[:, :-1]
        rows, classes = torch.where(chances > config.least_score)
        scores = chances[rows, classes]
        boxes = boxes[rows, 0] if config.box_agnostic else boxes[rows, classes]
        if torchvision._is_tracing():
            boxes = torch.cat([boxes, boxes.new_tensor([NOTHING_XYXY])])
            scores = torch.cat([scores, scores.new_zeros(1)])
            # Of a class by itself, so that nothing suppresses it.
            classes = torch.cat([classes, classes.new_full((1,), count)])
        kept = batched_nms(boxes, scores, classes, config.box_nms_iou)[: config.detections]
        labels = (classes[kept] + 1).clamp(max=count)
        return {"boxes": boxes[kept], "scores": scores[kept], "labels": labels}
