"""What is kept of one image: some hundred numbers, from which every figure is computed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inspection.detections import Detections, InstanceMask
from inspection.verdicts import Verdict
from workers.evaluation.matching import MAX_FINDINGS, ClassMatches, Truth, match_image, overlaps
from workers.evaluation.pixels import Bits, boundary_counts, counts, frame_of

Ints = npt.NDArray[np.int64]

# A defect counts as detected if findings cover this share of it. An IoU of 0.5 is too much to
# ask: a crack of which a third is marked is a part that somebody looks at.
HIT_SHARE = 0.2
# Two masks are of the same thing from this IoU on, for counts of right, wrong and confused.
SAME_IOU = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class ImageResult:
    """One image. C is the number of classes that count.

    Attributes:
        name: of the image.
        group: its class in sets that tell no instances apart.
        union: int64 (4,), pixels of any class: right, wrong, missed, rightly left.
        contour: int64 (2,), intersection and union of the contours of any class.
        by_class: int64 (C, 3), right, wrong and missed pixels of each class; None where the
            classes of the truth are not the model's.
        contour_by_class: int64 (C, 2), or None as above.
        found: int64 (C,), findings at the operating thresholds, without those in crowds.
        true: int64 (C,), true instances; None where instances are not told apart.
        masks, boxes: COCO's matches of all findings; None as `true`.
        confusion: int64 (C + 1, C + 1), truth by finding, the last one nothing; or None.
        defects: float64 (defects, 2), length in px and whether it was hit.
        verdict: of the recipe; else `fail` where anything was found at the operating threshold.
        top_score: of the best finding of all, 0 without any.
        findings: how many of one class the model gave, at any score.
        unclear: nothing is labelled but what is left out, so that it is neither defective nor
            clean.
    """

    name: str
    group: str
    union: Ints
    contour: Ints
    by_class: Ints | None
    contour_by_class: Ints | None
    found: Ints
    true: Ints | None
    masks: tuple[ClassMatches, ...] | None
    boxes: tuple[ClassMatches, ...] | None
    confusion: Ints | None
    defects: npt.NDArray[np.float64]
    verdict: Verdict
    top_score: float
    findings: int
    unclear: bool = False

    @property
    def defective(self) -> bool:
        """Whether any pixel is labelled as a defect."""
        return bool(self.union[0] + self.union[2]) or len(self.defects) > 0

    @property
    def clean(self) -> bool:
        """Whether it is known that there is nothing to find."""
        return not self.defective and not self.unclear


@dataclass(frozen=True, slots=True, eq=False)
class PixelTruth:
    """True pixels of an image.

    Attributes:
        defect: bool (H, W), of any class.
        left_out: bool (H, W), pixels that do not count (crowds); None without any.
        by_class: the mask of each class that occurs, by index; None where unknown.
    """

    defect: Bits
    left_out: Bits | None
    by_class: dict[int, Bits] | None


def instance_part(
    found: Detections, kept: Detections, truth: Truth, classes: int, most: int = MAX_FINDINGS
) -> tuple[tuple[ClassMatches, ...], tuple[ClassMatches, ...], Ints, Ints]:
    """Mask and box matches, true instances of each class, and the confusion of the kept ones."""
    masks, boxes = match_image(found, truth, most)
    single = np.flatnonzero(~truth.crowd)
    alone = Truth(
        truth.class_ids[single],
        tuple(truth.masks[place] for place in single),
        truth.crowd[single],
    )
    in_crowd = crowded(kept, truth)
    iou = overlaps(kept, alone)[0]
    table = np.zeros((classes + 1, classes + 1), dtype=np.int64)
    free_found = np.ones(len(kept), dtype=np.bool_)
    free_true = np.ones(len(single), dtype=np.bool_)
    # The best overlap first, whatever the class, so that what was mistaken is seen as such.
    for flat in np.argsort(-iou, axis=None, kind="stable"):
        row, column = divmod(int(flat), max(1, iou.shape[1]))
        if iou[row, column] < SAME_IOU:
            break
        if free_found[row] and free_true[column]:
            free_found[row] = free_true[column] = False
            table[alone.class_ids[column], kept.class_ids[row]] += 1
    table[:classes, classes] = np.bincount(alone.class_ids[free_true], minlength=classes)
    wrong = kept.class_ids[free_found & ~in_crowd]
    table[classes, :classes] = np.bincount(wrong, minlength=classes)
    return masks, boxes, np.bincount(alone.class_ids, minlength=classes), table


def crowded(kept: Detections, truth: Truth) -> npt.NDArray[np.bool_]:
    """Which findings lie in a crowd for the better part, bool (N,)."""
    inside = overlaps(kept, truth)[0][:, truth.crowd]
    return np.asarray(inside.max(axis=1, initial=0.0) >= SAME_IOU, dtype=np.bool_)


def pixel_part(
    kept: Detections, truth: PixelTruth, classes: int
) -> tuple[Ints, Ints, Ints | None, Ints | None]:
    """Counts and contour counts of any class, and of each class where the truth knows it."""
    found = frame_of(kept.masks, kept.size_wh)
    counting = None if truth.left_out is None else ~truth.left_out
    if counting is not None:
        found &= counting
    union, contour = counts(found, truth.defect), boundary_counts(found, truth.defect)
    if counting is not None:
        union[3] -= kept.size_wh[0] * kept.size_wh[1] - int(np.count_nonzero(counting))
    if truth.by_class is None:
        return union, contour, None, None
    by_class = np.zeros((classes, 3), dtype=np.int64)
    contours = np.zeros((classes, 2), dtype=np.int64)
    nothing = np.zeros_like(found)
    for class_id in {*truth.by_class, *kept.class_ids.tolist()}:
        mine = [kept.masks[place] for place in np.flatnonzero(kept.class_ids == class_id)]
        ours = frame_of(mine, kept.size_wh)
        if counting is not None:
            ours &= counting
        true = truth.by_class.get(class_id, nothing)
        by_class[class_id] = counts(ours, true)[:3]
        contours[class_id] = boundary_counts(ours, true)
    return union, contour, by_class, contours


def defects_of(
    kept: Detections, instances: tuple[InstanceMask, ...] | None, defect: Bits
) -> npt.NDArray[np.float64]:
    """Length and hit (1 or 0) of each true defect, float64 (defects, 2).

    Where instances are not told apart, a defect is an 8-connected region of true pixels.
    """
    masks = instances if instances is not None else tuple(_regions(defect))
    found = frame_of(kept.masks, kept.size_wh)
    rows = []
    for mask in masks:
        height, width = mask.bits.shape
        area = mask.area_px
        if area:
            window = found[mask.y0 : mask.y0 + height, mask.x0 : mask.x0 + width]
            covered = np.count_nonzero(window & mask.bits)
            rows.append((length_px(mask), float(covered >= HIT_SHARE * area)))
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def length_px(mask: InstanceMask) -> float:
    """The longer side of the smallest rectangle around a mask, px, any angle."""
    contours, _ = cv2.findContours(
        np.pad(mask.bits, 1).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    # Contours run through pixel centres: half a pixel is missing at either end.
    return float(max(cv2.minAreaRect(np.concatenate(contours))[1])) + 1.0


def _regions(defect: Bits) -> list[InstanceMask]:
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(
        defect.astype(np.uint8), connectivity=8
    )
    regions = []
    for label in range(1, count):
        x0, y0, width, height = (int(value) for value in boxes[label, :4])
        bits = labels[y0 : y0 + height, x0 : x0 + width] == label
        regions.append(InstanceMask(np.ascontiguousarray(bits), x0, y0))
    return regions
