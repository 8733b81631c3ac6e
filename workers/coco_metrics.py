"""Mask average precision by pycocotools, from cropped masks."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from inspection import rle
from inspection.detections import Detections, InstanceMask

Truth = Sequence[tuple[int, InstanceMask]]


@dataclass(frozen=True, slots=True)
class MaskPrecision:
    """COCO mask AP (IoU 0.50 to 0.95) and AP50, over all classes and for each, 0 to 1.

    A class without a true instance has None.
    """

    mask_ap: float
    mask_ap50: float
    per_class: dict[str, dict[str, float | None]]


def mask_precision(
    found: Sequence[Detections], truth: Sequence[Truth], classes: tuple[str, ...]
) -> MaskPrecision:
    """COCO's own figures for images in the same order in both lists; at most 100 an image."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for number, (detections, instances) in enumerate(zip(found, truth, strict=True), start=1):
        width, height = detections.size_wh
        images.append({"id": number, "width": width, "height": height})
        for class_id, mask in instances:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": class_id + 1,
                    "area": mask.area_px,
                    "iscrowd": 0,
                    "bbox": [mask.x0, mask.y0, mask.bits.shape[1], mask.bits.shape[0]],
                    "segmentation": rle.encode(mask, detections.size_wh),
                }
            )
        for place, mask in enumerate(detections.masks):
            results.append(
                {
                    "image_id": number,
                    "category_id": int(detections.class_ids[place]) + 1,
                    "score": float(detections.scores[place]),
                    "segmentation": rle.encode(mask, detections.size_wh),
                }
            )
    categories = [{"id": place + 1, "name": name} for place, name in enumerate(classes)]
    if not annotations or not results:
        nothing: dict[str, dict[str, float | None]] = {
            name: {"mask_ap": 0.0, "mask_ap50": 0.0} for name in classes
        }
        return MaskPrecision(0.0, 0.0, nothing)
    # pycocotools talks to standard output, which belongs to the caller's JSON.
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": images,
            "annotations": annotations,
            "categories": categories,
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
    # precision: (IoU thresholds, recalls, classes, areas, limits), -1 where there is no truth.
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    return MaskPrecision(
        mask_ap=_mean(precision) or 0.0,
        mask_ap50=_mean(precision[0]) or 0.0,
        per_class={
            name: {
                "mask_ap": _mean(precision[:, :, place]),
                "mask_ap50": _mean(precision[0, :, place]),
            }
            for place, name in enumerate(classes)
        },
    )


def _mean(precision: np.ndarray) -> float | None:
    valid = precision[precision > -1]
    return float(valid.mean()) if valid.size else None
