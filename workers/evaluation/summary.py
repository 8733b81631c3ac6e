"""From the results of single images to the report: JSON keys as docs/evaluation.md lists them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from workers.evaluation.detection_probability import DetectionCurve, detection_curve
from workers.evaluation.image_result import ImageResult
from workers.evaluation.matching import SIZES
from workers.evaluation.options import Evaluation
from workers.evaluation.precision import AveragePrecision, Ranking, average_precision, rank
from workers.evaluation.rates import image_rates
from workers.evaluation.reliability import reliability, scored
from workers.pixel_metrics import PixelCounts

Ints = npt.NDArray[np.int64]


def summarise(evaluation: Evaluation) -> dict[str, Any]:
    """Every figure of a pass. Rates and shares are 0 to 1; what cannot be known is None."""
    results, classes = evaluation.results, evaluation.classes
    report: dict[str, Any] = {
        "images": len(results),
        "classes": list(classes),
        "compared": "by class" if _by_class(results) else "union",
        "mask_ap": None,
        "mask_ap50": None,
        "box_ap": None,
        "box_ap50": None,
        "per_class": {},
        "per_size": None,
        "pixel": _pixels(evaluation),
        "instances": None,
        "count": None,
        "image": image_rates(results, evaluation.options.fail_on),
        "detection": detection(results, evaluation.options.mm_per_px)[0],
        "reliability": None,
    }
    per_class: dict[str, Any] = report["per_class"]
    for name, counts, contour in _pixels_by_class(results, classes):
        per_class[name] = _class_pixels(counts, contour)
    if evaluation.instances_known:
        report |= _instances(evaluation, per_class)
    return report


def _by_class(results: Sequence[ImageResult]) -> bool:
    return bool(results) and all(each.by_class is not None for each in results)


def _pixels(evaluation: Evaluation) -> dict[str, Any]:
    results, classes = evaluation.results, evaluation.classes
    counts = PixelCounts(*(int(n) for n in _total([each.union for each in results], 4)))
    contour = _total([each.contour for each in results], 2)
    known = [
        (PixelCounts(*(int(n) for n in own)), own_contour)
        for _, own, own_contour in _pixels_by_class(results, classes)
        if own[0] + own[2]  # a class that never occurs is in no mean
    ]
    best = evaluation.sweep.best()
    clean = [each for each in results if each.clean]
    return {
        "f1": counts.f1,
        "precision": counts.precision,
        "recall": counts.recall,
        "iou": counts.iou,
        "miou": _mean([each.iou for each, _ in known], counts.iou),
        "miou_with_background": counts.iou_with_background,
        "dice": _mean([each.f1 for each, _ in known], counts.f1),
        "accuracy": counts.accuracy,
        "best_threshold": best[1] if best else None,
        "best_f1": best[0].f1 if best else None,
        "best_precision": best[0].precision if best else None,
        "best_recall": best[0].recall if best else None,
        "best_iou": best[0].iou if best else None,
        "best_miou_with_background": best[0].iou_with_background if best else None,
        "boundary_iou": _ratio(*contour),
        "boundary_miou": _mean([_ratio(*own) or 0.0 for _, own in known], _ratio(*contour)),
        "clean_images": len(clean),
        "clean_images_with_findings": sum(bool(each.found.sum()) for each in clean),
    }


def _pixels_by_class(
    results: Sequence[ImageResult], classes: tuple[str, ...]
) -> list[tuple[str, Ints, Ints]]:
    """Name, pooled pixels (right, wrong, missed) and contours of each class.

    Where the truth's classes are the model's: class against class over all images. Where they
    are not and the set is sorted by class: any finding against the truth, over the images of
    each class.
    """
    if _by_class(results):
        pixels = _total([each.by_class for each in results], (len(classes), 3))
        contours = _total([each.contour_by_class for each in results], (len(classes), 2))
        return list(zip(classes, pixels, contours, strict=True))
    groups: dict[str, list[ImageResult]] = {}
    for each in results:
        if each.group and each.union[0] + each.union[2]:
            groups.setdefault(each.group, []).append(each)
    return [
        (
            name,
            _total([each.union for each in members], 4)[:3],
            _total([each.contour for each in members], 2),
        )
        for name, members in groups.items()
    ]


def _class_pixels(pixels: Ints, contour: Ints) -> dict[str, float | None]:
    counts = PixelCounts(*(int(n) for n in pixels))
    occurs = bool(pixels[0] + pixels[2])
    return {
        "f1": counts.f1 if occurs else None,
        "precision": counts.precision if occurs else None,
        "recall": counts.recall if occurs else None,
        "iou": counts.iou if occurs else None,
        "boundary_iou": _ratio(*contour) if occurs else None,
    }


def rankings(evaluation: Evaluation, boxes: bool = False, size: str = "all") -> list[Ranking]:
    """One ranking a class, in the order of the classes; only where instances are known."""
    images = [(each.boxes if boxes else each.masks) or () for each in evaluation.results]
    return [rank(images, index, size) for index in range(len(evaluation.classes))]


def _instances(evaluation: Evaluation, per_class: dict[str, Any]) -> dict[str, Any]:
    results, classes = evaluation.results, evaluation.classes
    by_mask, by_box = rankings(evaluation), rankings(evaluation, boxes=True)
    mask, box = average_precision(by_mask), average_precision(by_box)
    confusion = _total([each.confusion for each in results], (len(classes) + 1, len(classes) + 1))
    for index, name in enumerate(classes):
        own, own_box = average_precision([by_mask[index]]), average_precision([by_box[index]])
        count = _count([int(each.found[index] - _true(each)[index]) for each in results])
        per_class.setdefault(name, {}).update(
            _precisions(own, own_box)
            | {
                "instances": int(confusion[index].sum()),
                "findings": int(confusion[:, index].sum()),
                "count_mae": count["mae"],
                "count_rmse": count["rmse"],
            }
        )
    per_size = {}
    for size in SIZES[1:]:
        own_masks = rankings(evaluation, size=size)
        own_boxes = rankings(evaluation, boxes=True, size=size)
        per_size[size] = _precisions(average_precision(own_masks), average_precision(own_boxes)) | {
            "instances": int(sum(ranking.positives.sum() for ranking in own_masks))
        }
    right = int(np.trace(confusion[:-1, :-1]))
    true, found = int(confusion[:-1].sum()), int(confusion[:, :-1].sum())
    bins = reliability(*scored(results))
    most = evaluation.options.max_findings
    return _precisions(mask, box) | {
        "per_size": per_size,
        "instances": {
            "true": true,
            "found": found,
            "precision": right / found if found else None,
            "recall": right / true if true else None,
            "f1": 2 * right / (found + true) if found + true else None,
            "confusion": confusion.tolist(),
            "max_findings": most,
            "images_with_more_findings": sum(each.findings > most for each in results),
        },
        "count": _count([int(each.found.sum() - _true(each).sum()) for each in results]),
        "reliability": {
            "ece": bins.ece,
            "findings": bins.findings.tolist(),
            "confidence": _listed(bins.confidence),
            "right": _listed(bins.right),
        },
    }


def _precisions(mask: AveragePrecision, box: AveragePrecision) -> dict[str, float | None]:
    return {"mask_ap": mask.ap, "mask_ap50": mask.ap50, "box_ap": box.ap, "box_ap50": box.ap50}


def _count(errors: Sequence[int]) -> dict[str, Any]:
    """Found minus true, an image at a time."""
    if not errors:
        return {"mae": None, "rmse": None, "bias": None}
    values = np.array(errors, dtype=np.float64)
    return {
        "mae": float(np.abs(values).mean()),
        "rmse": float(np.sqrt((values**2).mean())),
        "bias": float(values.mean()),
    }


def detection(
    results: Sequence[ImageResult], mm_per_px: float | None
) -> tuple[dict[str, Any], DetectionCurve, npt.NDArray[np.float64]]:
    """The part `detection` of a report, the curve behind it and the defects (size, hit)."""
    parts = [each.defects for each in results]
    defects = np.concatenate(parts) if parts else np.zeros((0, 2))
    defects = defects * np.array([mm_per_px or 1.0, 1.0])
    curve = detection_curve(defects[:, 0], defects[:, 1] > 0)
    return (
        {
            "a90": curve.a90,
            "a90_95": curve.a90_95,
            "unit": "mm" if mm_per_px else "px",
            "defects": len(defects),
            "hits": int(defects[:, 1].sum()),
            "reason": curve.reason or None,
        },
        curve,
        defects,
    )


def _true(result: ImageResult) -> Ints:
    assert result.true is not None
    return result.true


def _total(parts: Sequence[Ints | None], shape: int | tuple[int, ...]) -> Ints:
    total = np.zeros(shape, dtype=np.int64)
    for part in parts:
        assert part is not None
        total += part
    return total


def _mean(values: Sequence[float], otherwise: float | None) -> float | None:
    return float(np.mean(values)) if values else otherwise


def _ratio(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def _listed(values: npt.NDArray[np.float64]) -> list[float | None]:
    return [None if math.isnan(value) else float(value) for value in values]
