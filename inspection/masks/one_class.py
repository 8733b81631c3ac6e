"""One class for each thing, where a detector gives several."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from inspection.detections import Detections, InstanceMask

# Findings whose masks share this much of their union show one thing.
SAME_IOU = 0.6


def one_class_each(
    found: Detections, least_scores: npt.NDArray[np.float32] | None = None
) -> Detections:
    """Of findings of different classes on one thing the one with the best score.

    A Mask R-CNN suppresses findings class by class, so that a screw may be found twice, as a long
    and as a medium one. Findings of one class stay as they are.

    Args:
        found: the findings of an image.
        least_scores: float32 (classes,), the model's thresholds, where `found` has findings below
            them too, for the curves of an evaluation. Those never take the place of one that
            reaches its own, and what loses its place falls below its threshold instead of being
            gone (as in soft suppression, Bodla et al., ICCV 2017).
    """
    sure = np.ones(len(found), dtype=np.bool_)
    if least_scores is not None:
        sure = found.scores >= least_scores[found.class_ids]
    kept: list[int] = []
    lost = np.zeros(len(found), dtype=np.bool_)
    for place in np.lexsort((-found.scores, ~sure)):
        other = [k for k in kept if found.class_ids[k] != found.class_ids[place]]
        if all(mask_iou(found.masks[place], found.masks[k]) < SAME_IOU for k in other):
            kept.append(int(place))
        else:
            lost[place] = True
    if not lost.any():
        return found
    if least_scores is None:
        return found.select(~lost)
    below = np.float32(0.99) * found.scores * least_scores[found.class_ids]
    fallen = replace(found, scores=np.where(lost & sure, below, found.scores))
    return fallen.select(np.argsort(-fallen.scores, kind="stable"))


def mask_iou(one: InstanceMask, other: InstanceMask) -> float:
    """Shared pixels over all pixels of two masks of one image."""
    x0, y0 = max(one.x0, other.x0), max(one.y0, other.y0)
    (one_h, one_w), (other_h, other_w) = one.shape_hw, other.shape_hw
    x1 = min(one.x0 + one_w, other.x0 + other_w)
    y1 = min(one.y0 + one_h, other.y0 + other_h)
    if x0 >= x1 or y0 >= y1:
        return 0.0
    shared = np.count_nonzero(
        one.bits[y0 - one.y0 : y1 - one.y0, x0 - one.x0 : x1 - one.x0]
        & other.bits[y0 - other.y0 : y1 - other.y0, x0 - other.x0 : x1 - other.x0]
    )
    return shared / (one.area_px + other.area_px - shared)
