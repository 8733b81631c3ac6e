"""Mask R-CNN as Detectron2 computes it, from torchvision's operators and without Detectron2.

It reads Detectron2's checkpoints by their own names and gives the same boxes, scores and masks
(record 0135). It is for inference; Detectron2 itself trains (`detectron2_network`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workers.networks.aligned_backbone import Pyramid
from workers.networks.aligned_config import AlignedConfig
from workers.networks.aligned_heads import Heads
from workers.networks.aligned_proposals import Proposals

STRIDE = 32


class AlignedMaskRcnn(nn.Module):
    """RGB images to what was found in them.

    Takes a list of float (3, H, W) of 0 to 255, of any sizes. Gives for each a dictionary of
    boxes (N, 4) xyxy in its px, scores (N,), labels int64 (N,) from 1, masks (N, 1, M, M),
    probabilities over each box; best first.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: AlignedConfig) -> None:
        super().__init__()
        self._bgr = config.colour_order == "BGR"
        for name, values in (("mean", config.pixel_mean), ("deviation", config.pixel_deviation)):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)
        self.backbone = Pyramid(config)
        self.proposal_generator = Proposals(config)
        self.roi_heads = Heads(config)

    def forward(self, images: list[Tensor]) -> list[dict[str, Tensor]]:
        sizes = [(int(image.shape[-2]), int(image.shape[-1])) for image in images]
        maps = self.backbone(self._batch(images, sizes))
        found: list[dict[str, Tensor]] = self.roi_heads(
            maps, self.proposal_generator(maps, sizes), sizes
        )
        return found

    def _batch(self, images: list[Tensor], sizes: list[tuple[int, int]]) -> Tensor:
        """All images in one, the smaller ones with zeros to their right and below."""
        height, width = (-(-max(side) // STRIDE) * STRIDE for side in zip(*sizes, strict=True))
        batch = []
        for image, (h, w) in zip(images, sizes, strict=True):
            ordered = image[[2, 1, 0]] if self._bgr else image
            level = (ordered - self.mean) / self.deviation
            batch.append(F.pad(level, (0, width - w, 0, height - h)))
        return torch.stack(batch)


def build_aligned(config: AlignedConfig) -> AlignedMaskRcnn:
    """The network of a configuration, with fresh weights."""
    return AlignedMaskRcnn(config)
