"""Measure a model against labelled images: pixels and COCO mask AP."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from inspection.detections import Detections, InstanceMask
from workers.coco_metrics import mask_precision
from workers.engines.detector import Detector, RgbImage
from workers.engines.thresholds import Thresholds
from workers.pixel_metrics import PixelCounts

# Average precision wants the whole ranking, so detectors are loaded with this for it.
LEAST_SCORE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImage:
    """One image and its truth.

    Attributes:
        image_rgb: uint8 (H, W, 3).
        instances: class name and mask of each instance; None where only `defect` is known.
        defect: bool (H, W), the union of all that is defect; None to take the instances'.
        group: the folder it came from, for sets that are sorted by class; else empty.
    """

    image_rgb: RgbImage
    instances: tuple[tuple[str, InstanceMask], ...] | None
    defect: npt.NDArray[np.bool_] | None = None
    group: str = ""


@dataclass(slots=True)
class _Tally:
    whole: PixelCounts = field(default_factory=PixelCounts)
    groups: dict[str, PixelCounts] = field(default_factory=dict)
    found: list[Detections] = field(default_factory=list)
    truth: list[list[tuple[int, InstanceMask]]] = field(default_factory=list)
    false_alarms: int = 0
    clean_images: int = 0


def evaluate(
    detector: Detector,
    thresholds: Thresholds,
    images: Iterable[LabelledImage],
    classes: Sequence[str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Run a detector over labelled images and compare.

    Pixel figures use the model's own thresholds, as an inspection would; average precision
    uses every score that the detector gives. `miou` leaves the background out: it is the IoU
    of the defect, averaged over the folders of a set that is sorted by class, and
    `miou_with_background` is the mean of the two classes, as DeepCrack's authors count.

    Args:
        detector: loaded with `LEAST_SCORE`.
        thresholds: the model's own.
        images: the labelled images.
        classes: which of the model's classes count; None takes all.
        progress: called with the number of images done.

    Raises:
        ValueError: a class that the model does not have.
    """
    names = detector.classes
    chosen = tuple(classes) if classes else names
    if unknown := sorted(set(chosen) - set(names)):
        raise ValueError(f"the model has no class {unknown}; it has {list(names)}")
    wanted = np.array([name in chosen for name in names])
    tally = _Tally()
    instances_known = True
    done = 0
    for done, (labelled, found) in enumerate(_pairs(detector, images), start=1):
        found = found.select(wanted[found.class_ids])
        kept = found.select(found.scores >= thresholds.scores[found.class_ids])
        _count_pixels(tally, labelled, kept, chosen)
        if labelled.instances is None:
            instances_known = False
        else:
            tally.found.append(found)
            tally.truth.append([(chosen.index(n), m) for n, m in labelled.instances if n in chosen])
        if progress is not None:
            progress(done)
    report: dict[str, Any] = {"images": done, "classes": list(chosen)}
    report["pixel"] = _pixel_report(tally)
    report["mask_ap"] = report["mask_ap50"] = None
    report["per_class"] = {name: _figures(counts) for name, counts in tally.groups.items()}
    if instances_known and tally.found:
        renumber = np.array([chosen.index(n) if n in chosen else -1 for n in names])
        figures = mask_precision(
            [_renumbered(found, renumber) for found in tally.found], tally.truth, chosen
        )
        report["mask_ap"], report["mask_ap50"] = figures.mask_ap, figures.mask_ap50
        for name, values in figures.per_class.items():
            report["per_class"].setdefault(name, {}).update(values)
    return report


def _pairs(
    detector: Detector, images: Iterable[LabelledImage]
) -> Iterator[tuple[LabelledImage, Detections]]:
    """Each image with what was found in it, while the engine works ahead."""
    waiting: list[LabelledImage] = []

    def feed() -> Iterator[RgbImage]:
        for labelled in images:
            waiting.append(labelled)
            yield labelled.image_rgb

    for found in detector.detect_stream(feed()):
        yield waiting.pop(0), found


def _count_pixels(
    tally: _Tally, labelled: LabelledImage, kept: Detections, chosen: tuple[str, ...]
) -> None:
    union = np.zeros(labelled.image_rgb.shape[:2], dtype=np.bool_)
    for mask in kept.masks:
        height, width = mask.bits.shape
        union[mask.y0 : mask.y0 + height, mask.x0 : mask.x0 + width] |= mask.bits
    truth = labelled.defect
    if truth is None:
        truth = np.zeros_like(union)
        for name, mask in labelled.instances or ():
            if name in chosen:
                height, width = mask.bits.shape
                truth[mask.y0 : mask.y0 + height, mask.x0 : mask.x0 + width] |= mask.bits
    tally.whole.add(union, truth)
    if not truth.any():
        tally.clean_images += 1
        tally.false_alarms += bool(len(kept))
    elif labelled.group:
        tally.groups.setdefault(labelled.group, PixelCounts()).add(union, truth)


def _pixel_report(tally: _Tally) -> dict[str, Any]:
    counts = tally.whole
    per_group = [group.iou for group in tally.groups.values()]
    return {
        "f1": counts.f1,
        "precision": counts.precision,
        "recall": counts.recall,
        "miou": float(np.mean(per_group)) if per_group else counts.iou,
        "miou_with_background": (counts.iou + counts.background_iou) / 2,
        "clean_images": tally.clean_images,
        "clean_images_with_findings": tally.false_alarms,
    }


def _figures(counts: PixelCounts) -> dict[str, float]:
    return {
        "f1": counts.f1,
        "precision": counts.precision,
        "recall": counts.recall,
        "iou": counts.iou,
    }


def _renumbered(found: Detections, renumber: npt.NDArray[np.int64]) -> Detections:
    return Detections(
        found.size_wh,
        found.boxes_xyxy,
        found.scores,
        renumber[found.class_ids].astype(np.int64),
        found.masks,
    )
