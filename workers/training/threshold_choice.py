"""Choose each class's mask threshold and score threshold on validation images."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from pycocotools import mask as coco_mask

from inspection import rle
from inspection.detections import Detections, InstanceMask
from inspection.model_folder import ModelFolder
from inspection.model_manifest import Threshold
from workers.coco_metrics import mask_precision
from workers.engines.openvino import OpenVinoDetector
from workers.engines.thresholds import Thresholds
from workers.evaluation import LEAST_SCORE, LabelledImage

# A crack of 3 px in a cell of 3.6 px never fills half of it, so lower values belong here too.
MASK_LEVELS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55)
# Below this a finding on an image unlike the validation images is more often wrong than right.
SCORE_LEVELS = tuple(np.round(np.arange(0.35, 0.91, 0.05), 2).tolist())

# Of scores that are nearly as good as the best the lowest is taken: to miss a defect costs more
# than to show one too many, and real images score lower than drawn ones.
NEARLY_BEST = 0.96

Truth = list[tuple[int, InstanceMask]]


def choose_thresholds(
    folder: ModelFolder, images: Callable[[], Iterable[LabelledImage]]
) -> dict[str, Threshold]:
    """The mask level with the best AP of each class, then a score for it.

    The score is the lowest one with nearly the best F1 at IoU 0.5.

    Args:
        folder: the model.
        images: gives the validation images anew each time.
    """
    truth: list[Truth] = [
        [(folder.classes.index(name), mask) for name, mask in image.instances or ()]
        for image in images()
    ]
    detector = OpenVinoDetector(folder)
    found = {level: _detect(detector, level, images()) for level in MASK_LEVELS}
    detector.close()
    chosen = {}
    precision = {
        level: mask_precision(found[level], truth, folder.classes) for level in MASK_LEVELS
    }
    for index, name in enumerate(folder.classes):
        by_level = {
            level: figures.per_class[name]["mask_ap"] or 0.0 for level, figures in precision.items()
        }
        level = max(by_level, key=lambda level: (by_level[level], -abs(level - 0.45)))
        chosen[name] = Threshold(score=_best_score(found[level], truth, index), mask=level)
    return chosen


def _detect(
    detector: OpenVinoDetector, level: float, images: Iterable[LabelledImage]
) -> list[Detections]:
    count = len(detector.classes)
    scores, levels = np.full(count, LEAST_SCORE), np.full(count, level)
    detector.use(Thresholds(scores.astype(np.float32), levels.astype(np.float32)))
    return list(detector.detect_stream(image.image_rgb for image in images))


def _best_score(found: list[Detections], truth: list[Truth], index: int) -> float:
    """The lowest score level with nearly the best F1.

    A found mask is right if its IoU with a true one, which no better-scored one has taken, is
    at least 0.5. It is wrong if less than half of it lies on a true one. A second finding, or
    a fragment, on a true defect is neither: nobody would call it false.
    """
    scores: list[float] = []
    right: list[bool] = []
    wrong: list[bool] = []
    total = 0
    for detections, instances in zip(found, truth, strict=True):
        mine = detections.select(detections.class_ids == index)
        order = np.argsort(-mine.scores)
        true = [rle.encode(mask, detections.size_wh) for i, mask in instances if i == index]
        total += len(true)
        given = [rle.encode(mine.masks[place], detections.size_wh) for place in order]
        shape = (len(given), len(true))
        overlap, inside = (
            coco_mask.iou(given, true, [own_area] * len(true)) if all(shape) else np.zeros(shape)
            for own_area in (False, True)
        )
        taken: set[int] = set()
        for row, place in enumerate(order):
            scores.append(float(mine.scores[place]))
            best = -1
            for column in range(len(true)):
                good = overlap[row, column] >= 0.5 and column not in taken
                if good and (best < 0 or overlap[row, column] > overlap[row, best]):
                    best = column
            right.append(best >= 0)
            wrong.append(best < 0 and float(inside[row].max(initial=0)) < 0.5)
            taken.add(best)
    if not total or not scores:
        return 0.5
    ranked, hits, misses = np.array(scores), np.array(right), np.array(wrong)

    def f1(level: float) -> float:
        kept = ranked >= level
        hit, missed = np.count_nonzero(hits & kept), np.count_nonzero(misses & kept)
        return float(2 * hit / (hit + missed + total))

    highest = max(f1(level) for level in SCORE_LEVELS)
    return float(min(level for level in SCORE_LEVELS if f1(level) >= NEARLY_BEST * highest))
