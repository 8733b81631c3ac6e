"""Anchors that are not rounded, box deltas, and the proposals of each image, as in Detectron2.

Ren et al. 2015; where torchvision differs: anchors are rounded to whole px there and centred on
cells' corners only, and the same number of proposals is taken from all levels together.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import batched_nms

from workers.networks.aligned_backbone import STRIDES, ConvNorm
from workers.networks.aligned_config import AlignedConfig, Weights

# Boxes grow by a factor of 1000 / 16 at most.
LARGEST_GROWTH = math.log(1000.0 / 16)
Size = tuple[int, int]


def cell_anchors(sizes_px: Sequence[float], ratios: Sequence[float]) -> Tensor:
    """Anchors around a point, float32 (sizes × ratios, 4) xyxy in px; a ratio is height / width."""
    boxes = []
    for size in sizes_px:
        for ratio in ratios:
            width = math.sqrt(size**2.0 / ratio)
            height = ratio * width
            boxes.append([-width / 2, -height / 2, width / 2, height / 2])
    return torch.tensor(boxes)


def apply_deltas(deltas: Tensor, boxes: Tensor, weights: Weights) -> Tensor:
    """Boxes moved and scaled (Girshick et al. 2014, appendix C).

    Args:
        deltas: (N, K, 4): dx, dy of the centre in sides, log of the growth of width and height.
        boxes: (N, 4) xyxy.
        weights: deltas are divided by them.

    Returns:
        (N, K, 4) xyxy, fp32.
    """
    deltas = deltas.float() / deltas.new_tensor(weights).float()
    sides = (boxes[:, 2:] - boxes[:, :2])[:, None]
    centres = boxes[:, None, :2] + 0.5 * sides
    moved = deltas[..., :2] * sides + centres
    half = 0.5 * torch.exp(deltas[..., 2:].clamp(max=LARGEST_GROWTH)) * sides
    return torch.cat([moved - half, moved + half], dim=-1)


def clip(boxes: Tensor, size_hw: Size) -> Tensor:
    """Boxes (..., 4) inside an image."""
    height, width = size_hw
    x, y = boxes[..., 0::2].clamp(0, width), boxes[..., 1::2].clamp(0, height)
    return torch.stack([x[..., 0], y[..., 0], x[..., 1], y[..., 1]], dim=-1)


class ProposalHead(nn.Module):
    """Convolutions shared by all levels, then an objectness and four deltas an anchor."""

    def __init__(self, config: AlignedConfig, anchors: int) -> None:
        super().__init__()
        channels = config.pyramid_channels
        layers: dict[str, nn.Module] = {}
        for number, wanted in enumerate(config.rpn_channels):
            outputs = channels if wanted == -1 else wanted
            layers[f"conv{number}"] = ConvNorm(channels, outputs, 3)
            layers[f"relu{number}"] = nn.ReLU()
            channels = outputs
        # One alone has no number in its name.
        alone = len(config.rpn_channels) == 1
        self.conv = layers["conv0"] if alone else nn.Sequential(OrderedDict(layers))
        self.objectness_logits = nn.Conv2d(channels, anchors, 1)
        self.anchor_deltas = nn.Conv2d(channels, 4 * anchors, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        # After several ReLUs one more changes nothing.
        x = F.relu(self.conv(x))
        return self.objectness_logits(x).float(), self.anchor_deltas(x).float()


class Proposals(nn.Module):
    """Maps p2 to p6 to the boxes of each image that may hold something, best first."""

    def __init__(self, config: AlignedConfig) -> None:
        super().__init__()
        sizes, ratios = config.anchor_sizes_px, config.anchor_ratios
        sizes = sizes * len(STRIDES) if len(sizes) == 1 else sizes
        ratios = ratios * len(STRIDES) if len(ratios) == 1 else ratios
        self._cells = [cell_anchors(s, r) for s, r in zip(sizes, ratios, strict=True)]
        self._config = config
        self.rpn_head = ProposalHead(config, len(self._cells[0]))

    def forward(self, maps: list[Tensor], sizes_hw: list[Size]) -> list[Tensor]:
        chosen: list[tuple[Tensor, Tensor]] = []
        for level, x in enumerate(maps):
            logits, deltas = self.rpn_head(x)
            chosen.append(self._best(logits, deltas, self._anchors(level, x)))
        scores, boxes = (torch.cat(parts, dim=1) for parts in zip(*chosen, strict=True))
        levels = torch.cat(
            [
                torch.full((int(part.shape[1]),), level, dtype=torch.int64, device=scores.device)
                for level, (part, _) in enumerate(chosen)
            ]
        )
        return [
            self._apart(scores[image], boxes[image], levels, size)
            for image, size in enumerate(sizes_hw)
        ]

    def _anchors(self, level: int, x: Tensor) -> Tensor:
        """Anchors of a map, (H × W × A, 4)."""
        stride, offset = STRIDES[level], self._config.anchor_offset * STRIDES[level]
        height, width = int(x.shape[-2]), int(x.shape[-1])
        columns = torch.arange(offset, width * stride, stride, dtype=torch.float32)
        rows = torch.arange(offset, height * stride, stride, dtype=torch.float32)
        y, x_ = torch.meshgrid(rows, columns, indexing="ij")
        centres = torch.stack([x_, y, x_, y], dim=-1).reshape(-1, 1, 4)
        return (centres + self._cells[level]).reshape(-1, 4).to(x.device)

    def _best(self, logits: Tensor, deltas: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor]:
        """The best of a level: logits (B, k) and boxes (B, k, 4)."""
        batch, count, height, width = (int(side) for side in logits.shape)
        flat = logits.permute(0, 2, 3, 1).reshape(batch, -1)
        moves = deltas.view(batch, count, 4, height, width).permute(0, 3, 4, 1, 2)
        moves = moves.reshape(batch, -1, 4)
        best, places = flat.topk(min(count * height * width, self._config.before_nms), dim=1)
        boxes = [
            apply_deltas(moves[image][places[image], None], anchors[places[image]], self._weights)
            for image in range(batch)
        ]
        return best, torch.stack(boxes)[:, :, 0]

    @property
    def _weights(self) -> Weights:
        return self._config.rpn_weights

    def _apart(self, scores: Tensor, boxes: Tensor, levels: Tensor, size_hw: Size) -> Tensor:
        """One image's proposals, without those that overlap a better one of their level."""
        boxes = clip(boxes, size_hw)
        sides = boxes[:, 2:] - boxes[:, :2]
        large = (sides > self._config.least_side_px).all(dim=1)
        boxes, scores, levels = boxes[large], scores[large], levels[large]
        kept = batched_nms(boxes, scores, levels, self._config.rpn_nms_iou)
        return boxes[kept[: self._config.after_nms]]
