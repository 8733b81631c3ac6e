"""The mask branch: context from the pyramid at 28×28, detail from the stride-2 map at 112×112.

A 28×28 head cannot draw a thin crack, so the logits are made at 112×112 from a fine map, in
the manner of RefineMask (Zhang et al., CVPR 2021).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torchvision.models.detection.roi_heads import (
    RoIHeads,
    fastrcnn_loss,
    maskrcnn_inference,
    project_masks_on_boxes,
)
from torchvision.ops import (
    MultiScaleRoIAlign,
    batched_nms,
    clip_boxes_to_image,
    remove_small_boxes,
    roi_align,
)

from workers.training.backbone import ConvBnRelu

MASK_SIDE = 112
CONTEXT_SIDE = 28


class MaskPool(nn.Module):
    """Cut what the mask head reads: context (N, C, 28, 28) and detail (N, D, 112, 112)."""

    def __init__(self) -> None:
        super().__init__()
        self.context = MultiScaleRoIAlign(["p2", "p3", "p4"], CONTEXT_SIDE, sampling_ratio=1)

    def forward(
        self, maps: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]
    ) -> tuple[Tensor, Tensor]:
        context = self.context(maps, boxes, image_shapes)
        fine = torch.cat([maps["fine"].float(), maps["semantic"].float().sigmoid()], dim=1)
        # One bilinear sample a cell: the fine map has stride 2, so a box of 400 px has 1.8
        # map cells a sample and nothing thin falls between two samples.
        detail = roi_align(fine, boxes, (MASK_SIDE, MASK_SIDE), 0.5, sampling_ratio=1)
        return context, detail


class MaskHead(nn.Module):
    """Context and detail of N boxes to features (N, hidden, 112, 112)."""

    def __init__(self, context_channels: int, detail_channels: int, hidden: int = 16) -> None:
        super().__init__()
        self.context = nn.Sequential(
            ConvBnRelu(context_channels, context_channels),
            ConvBnRelu(context_channels, context_channels),
            ConvBnRelu(context_channels, hidden, 1),
        )
        self.fuse = nn.Sequential(
            ConvBnRelu(hidden + detail_channels, hidden), ConvBnRelu(hidden, hidden)
        )

    def forward(self, pooled: tuple[Tensor, Tensor]) -> Tensor:
        context, detail = pooled
        up = F.interpolate(
            self.context(context), scale_factor=4.0, mode="bilinear", align_corners=False
        )
        fused: Tensor = self.fuse(torch.cat([up, detail.to(up.dtype)], dim=1))
        return fused


class LightRoIHeads(RoIHeads):  # type: ignore[misc]
    """torchvision's heads with a bounded number of masks in training and two more losses.

    `mask_side` is the side of the masks that its predictor gives.
    """

    masks_per_image = 6
    mask_side = MASK_SIDE

    def forward(
        self,
        features: dict[str, Tensor],
        proposals: list[Tensor],
        image_shapes: list[tuple[int, int]],
        targets: list[dict[str, Tensor]] | None = None,
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        if not self.training:
            return self._detect(features, proposals, image_shapes), {}
        assert targets is not None
        proposals, matched, labels, regression = self.select_training_samples(proposals, targets)
        pooled = self.box_roi_pool(features, proposals, image_shapes)
        logits, deltas = self.box_predictor(self.box_head(pooled))
        class_loss, box_loss = fastrcnn_loss(logits.float(), deltas.float(), labels, regression)
        losses = {"class": class_loss, "box": box_loss}
        if "semantic" in features:
            losses |= semantic_losses(features["semantic"], targets)
        losses |= self._mask_losses(features, proposals, image_shapes, targets, matched, labels)
        return [], losses

    def _mask_losses(
        self,
        features: dict[str, Tensor],
        proposals: list[Tensor],
        image_shapes: list[tuple[int, int]],
        targets: list[dict[str, Tensor]],
        matched: list[Tensor],
        labels: list[Tensor],
    ) -> dict[str, Tensor]:
        """Cross-entropy and Dice against the area-averaged truth in each positive box."""
        boxes, truths, classes = [], [], []
        for proposal, match, label, target in zip(proposals, matched, labels, targets, strict=True):
            positive = torch.where(label > 0)[0]
            positive = positive[torch.randperm(len(positive))[: self.masks_per_image]]
            boxes.append(proposal[positive])
            classes.append(label[positive])
            truths.append(
                project_masks_on_boxes(
                    target["masks"], proposal[positive], match[positive], self.mask_side
                )
            )
        chosen = torch.cat(classes)
        if chosen.numel() == 0:
            zero = next(iter(features.values())).float().sum() * 0
            return {"mask": zero, "mask_dice": zero}
        pooled = self.mask_roi_pool(features, boxes, image_shapes)
        logits = self.mask_predictor(self.mask_head(pooled)).float()
        logits = logits[torch.arange(len(chosen)), chosen]
        truth = torch.cat(truths)
        return {
            "mask": F.binary_cross_entropy_with_logits(logits, truth),
            "mask_dice": dice_loss(logits.sigmoid(), truth, (1, 2)).mean(),
        }

    def _detect(
        self,
        features: dict[str, Tensor],
        proposals: list[Tensor],
        image_shapes: list[tuple[int, int]],
    ) -> list[dict[str, Tensor]]:
        pooled = self.box_roi_pool(features, proposals, image_shapes)
        logits, deltas = self.box_predictor(self.box_head(pooled))
        boxes, scores, labels = self.postprocess_detections(
            logits.float(), deltas.float(), proposals, image_shapes
        )
        pooled = self.mask_roi_pool(features, boxes, image_shapes)
        mask_logits = self.mask_predictor(self.mask_head(pooled)).float()
        masks = maskrcnn_inference(mask_logits, labels)
        results = [
            {"boxes": box, "labels": label, "scores": score, "masks": mask}
            for box, label, score, mask in zip(boxes, labels, scores, masks, strict=True)
        ]
        if torchvision._is_tracing():
            return results
        return [
            {name: value[result["scores"] > 0] for name, value in result.items()}
            for result in results
        ]

    def postprocess_detections(
        self,
        class_logits: Tensor,
        box_regression: Tensor,
        proposals: list[Tensor],
        image_shapes: list[tuple[int, int]],
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """torchvision's, and in each image one more candidate of score 0, which callers drop.

        Where an image has nothing, OpenVINO (2026.4) gives the previous image's best box again
        instead of an empty tensor: so the exported graph must never hold an empty one.
        """
        count = class_logits.shape[-1] - 1
        # Not len(): it would be traced as a constant, and images differ in their proposals.
        per_image = [boxes.shape[0] for boxes in proposals]
        decoded = torch.split(self.box_coder.decode(box_regression, proposals), per_image)
        probabilities = torch.split(F.softmax(class_logits, -1), per_image)
        results: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
        for boxes, chances, shape in zip(decoded, probabilities, image_shapes, strict=True):
            flat = clip_boxes_to_image(boxes, shape)[:, 1:].reshape(-1, 4)
            scores = chances[:, 1:].reshape(-1)
            labels = torch.arange(1, count + 1, device=scores.device).expand_as(chances[:, 1:])
            good = torch.where(scores > self.score_thresh)[0]
            flat = torch.cat([flat[good], flat.new_tensor([[0.0, 0.0, 8.0, 8.0]])])
            scores = torch.cat([scores[good], scores.new_zeros(1)])
            # Of a class by itself in the suppression, so that nothing suppresses it.
            labels = torch.cat([labels.reshape(-1)[good], labels.new_full((1,), count + 1)])
            large = remove_small_boxes(flat, min_size=1e-2)
            flat, scores, labels = flat[large], scores[large], labels[large]
            kept = batched_nms(flat, scores, labels, self.nms_thresh)[: self.detections_per_img]
            for all_images, one in zip(
                results, (flat[kept], scores[kept], labels[kept].clamp(max=count)), strict=True
            ):
                all_images.append(one)
        return results


def semantic_losses(logits: Tensor, targets: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Cross-entropy and Dice of the class map at stride 2 against the union of the masks."""
    logits = logits.float()
    truth = torch.zeros_like(logits)
    for place, target in enumerate(targets):
        small = F.avg_pool2d(target["masks"].float()[:, None], 2)[:, 0]
        for mask, label in zip(small, target["labels"], strict=True):
            torch.maximum(truth[place, label - 1], mask, out=truth[place, label - 1])
    cross = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    dice = dice_loss(logits.sigmoid(), truth, (0, 2, 3))
    present = truth.sum(dim=(0, 2, 3)) > 0
    return {
        "semantic": 3 * cross.mean(),
        "semantic_dice": 0.3 * (dice * present).sum() / present.sum().clamp(min=1),
    }


def dice_loss(predicted: Tensor, truth: Tensor, axes: tuple[int, ...]) -> Tensor:
    """1 - Dice with squared sums (Milletari et al. 2016): least where both are equal, so a
    half-covered cell is learnt as a half."""
    overlap = 2 * (predicted * truth).sum(dim=axes) + 1
    return 1 - overlap / ((predicted**2).sum(dim=axes) + (truth**2).sum(dim=axes) + 1)
