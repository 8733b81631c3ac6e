"""COCO's matching of findings to true instances, one image at a time.

pycocotools keeps every mask of a set until the end, and its Python loops take seconds for a
shelf of 300 items. Here the masks of an image are gone when the next one comes; what stays is
which finding was right at which IoU, and that is all that average precision needs. A test holds
it against `COCOeval` itself. The overlaps are pycocotools' own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from inspection import rle
from inspection.detections import Detections, InstanceMask

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

# COCO's own: cocoeval.py, `Params.setDetParams`.
IOU_LEVELS = np.linspace(0.5, 0.95, 10)
SIZES = ("all", "small", "medium", "large")
_AREAS = np.array([[0, 1e10], [0, 32**2], [32**2, 96**2], [96**2, 1e10]])
MAX_FINDINGS = 100


@dataclass(frozen=True, slots=True, eq=False)
class ClassMatches:
    """One class in one image.

    Attributes:
        class_id: index of the class.
        scores: float64 (D,), best first, at most `max_findings` of them.
        matched: bool (4, 10, D), by `SIZES` and `IOU_LEVELS`.
        ignored: bool (4, 10, D): neither right nor wrong, being of another size.
        positives: int64 (4,), true instances of each size.
    """

    class_id: int
    scores: Floats
    matched: Bools
    ignored: Bools
    positives: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The true instances of one image.

    Attributes:
        class_ids: int64 (G,).
        masks: G cropped masks.
        crowd: bool (G,), COCO's crowd regions: what is found in them is neither right nor wrong.
    """

    class_ids: Ints
    masks: tuple[InstanceMask, ...]
    crowd: Bools

    @classmethod
    def of(
        cls,
        instances: Sequence[tuple[int, InstanceMask]],
        crowd: Sequence[tuple[int, InstanceMask]] = (),
    ) -> Truth:
        """From pairs of class id and mask."""
        both = [*instances, *crowd]
        return cls(
            np.array([class_id for class_id, _ in both], dtype=np.int64),
            tuple(mask for _, mask in both),
            np.arange(len(both)) >= len(instances),
        )


def overlaps(found: Detections, truth: Truth) -> tuple[Floats, Floats]:
    """IoU of masks and of boxes, float64 (D, G) each, of every finding with every instance."""
    shape = (len(found), len(truth.masks))
    if not all(shape):
        return np.zeros(shape), np.zeros(shape)
    given = [rle.encode(mask, found.size_wh) for mask in found.masks]
    true = [rle.encode(mask, found.size_wh) for mask in truth.masks]
    apart = truth.crowd.astype(np.uint8).tolist()
    boxes = found.boxes_xyxy.astype(np.float64)
    boxes[:, 2:] -= boxes[:, :2]
    true_boxes = np.array(
        [[m.x0, m.y0, m.bits.shape[1], m.bits.shape[0]] for m in truth.masks], dtype=np.float64
    )
    return (
        np.asarray(coco_mask.iou(given, true, apart), dtype=np.float64),
        np.asarray(coco_mask.iou(boxes, true_boxes, apart), dtype=np.float64),
    )


def match_image(
    found: Detections, truth: Truth, max_findings: int = MAX_FINDINGS
) -> tuple[tuple[ClassMatches, ...], tuple[ClassMatches, ...]]:
    """What of one image is right, by masks and by boxes, for each class that occurs in it."""
    mask_iou, box_iou = overlaps(found, truth)
    true_areas = np.array([mask.area_px for mask in truth.masks], dtype=np.float64)
    mask_areas = np.array([mask.area_px for mask in found.masks], dtype=np.float64)
    boxes = found.boxes_xyxy.astype(np.float64)
    box_areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    by_mask: list[ClassMatches] = []
    by_box: list[ClassMatches] = []
    for class_id in np.union1d(found.class_ids, truth.class_ids).tolist():
        mine = np.flatnonzero(found.class_ids == class_id)
        # A stable sort, as COCO's: of equal scores the first given stays first.
        mine = mine[np.argsort(-found.scores[mine], kind="mergesort")][:max_findings]
        true = np.flatnonzero(truth.class_ids == class_id)
        scores = found.scores[mine].astype(np.float64)
        for kept, iou, areas in ((by_mask, mask_iou, mask_areas), (by_box, box_iou, box_areas)):
            kept.append(
                match_class(
                    class_id,
                    iou[np.ix_(mine, true)],
                    scores,
                    areas[mine],
                    true_areas[true],
                    truth.crowd[true],
                )
            )
    return tuple(by_mask), tuple(by_box)


def match_class(
    class_id: int,
    iou: Floats,
    scores: Floats,
    found_areas: Floats,
    true_areas: Floats,
    crowd: Bools,
) -> ClassMatches:
    """COCO's greedy matching, for all IoU levels and sizes at once.

    Each finding in turn, best score first, takes the free instance that it overlaps most; one
    of another size only where no other will do, and is then ignored (cocoeval.py,
    `COCOeval.evaluateImg`).

    Args:
        class_id: goes into the result.
        iou: float64 (D, G), rows by descending score.
        scores: float64 (D,), descending.
        found_areas: float64 (D,), px.
        true_areas: float64 (G,), px.
        crowd: bool (G,); the overlap with a crowd is the share of the finding inside it.
    """
    count = len(scores)
    shape = (len(SIZES), len(IOU_LEVELS), count)
    matched, ignored = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    other_size = crowd | (true_areas < _AREAS[:, :1]) | (true_areas > _AREAS[:, 1:])  # (4, G)
    levels = np.minimum(IOU_LEVELS, 1 - 1e-10)[:, None]
    # Reversed, so that argmax gives the last of equal overlaps, as COCO's loop does.
    iou, outside = iou[:, ::-1], other_size[:, ::-1][:, None, :]
    many = crowd[::-1]
    free = np.ones((len(SIZES), len(IOU_LEVELS), len(true_areas)), dtype=np.bool_)
    sizes, rows = np.indices(shape[:2])
    for place in range(count):
        if not iou.shape[1] or iou[place].max() < IOU_LEVELS[0]:
            continue
        value = np.where(free & (iou[place] >= levels), iou[place], -1.0)
        inside = np.where(outside, -1.0, value)
        value = np.where(inside.max(axis=2, keepdims=True) >= 0, inside, value)
        best = value.argmax(axis=2)
        good = value.max(axis=2) >= 0
        matched[:, :, place] = good
        ignored[:, :, place] = good & outside[:, 0, :][sizes, best]
        free[sizes[good], rows[good], best[good]] = many[best[good]]
    small_or_large = (found_areas < _AREAS[:, :1]) | (found_areas > _AREAS[:, 1:])  # (4, D)
    ignored |= ~matched & small_or_large[:, None, :]
    return ClassMatches(class_id, scores, matched, ignored, (~other_size).sum(axis=1))
