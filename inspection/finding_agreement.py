"""How far two models found the same things in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

LEAST_IOU = 0.5  # as COCO counts a match at its loosest


@dataclass(frozen=True)
class FoundThing:
    """A finding: its class, and its mask as COCO RLE of the upright image."""

    class_name: str
    mask_rle: dict[str, Any]


def agreement(one: Sequence[FoundThing], other: Sequence[FoundThing]) -> float:
    """F1 of the findings of one against those of the other, 0 to 1.

    Findings of one class match where their masks' IoU is 0.5 or more, the largest first, each
    once. It is the same seen from either side; where both found nothing they agree: 1.

    Raises:
        ValueError: the masks are of pictures of different sizes.
    """
    if not one and not other:
        return 1.0
    if not one or not other:
        return 0.0
    sizes = {tuple(each.mask_rle["size"]) for each in (*one, *other)}
    if len(sizes) > 1:
        raise ValueError(f"expected masks of one size, got {sorted(sizes)}")
    rows, columns = ([dict(each.mask_rle) for each in side] for side in (one, other))
    iou = np.asarray(coco_mask.iou(rows, columns, [0] * len(columns)), dtype=np.float64)
    names = [np.array([each.class_name for each in side]) for side in (one, other)]
    iou[names[0][:, None] != names[1][None, :]] = 0
    matched = 0
    while iou.size and iou.max() >= LEAST_IOU:
        row, column = np.unravel_index(int(iou.argmax()), iou.shape)
        iou[row, :], iou[:, column] = 0, 0
        matched += 1
    return round(2 * matched / (len(one) + len(other)), 4)
