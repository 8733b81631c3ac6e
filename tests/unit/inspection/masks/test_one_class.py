"""One class for each thing."""

import numpy as np

from inspection.detections import Detections, InstanceMask
from inspection.masks.one_class import mask_iou, one_class_each

LONG, MEDIUM = 0, 1


def bar(x0: int, width: int, y0: int = 10) -> InstanceMask:
    return InstanceMask(np.ones((4, width), dtype=np.bool_), x0, y0)


def found(*rows: tuple[int, float, InstanceMask]) -> Detections:
    boxes = [(m.x0, m.y0, m.x0 + m.bits.shape[1], m.y0 + m.bits.shape[0]) for _, _, m in rows]
    return Detections(
        (100, 60),
        np.array(boxes, dtype=np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in rows], dtype=np.float32),
        np.array([index for index, _, _ in rows], dtype=np.int64),
        tuple(mask for _, _, mask in rows),
    )


def test_a_screw_that_was_found_as_long_and_as_medium_is_what_scores_better() -> None:
    given = found((LONG, 0.9, bar(10, 40)), (MEDIUM, 0.6, bar(12, 40)), (MEDIUM, 0.5, bar(60, 30)))
    kept = one_class_each(given)
    assert kept.class_ids.tolist() == [LONG, MEDIUM]
    assert kept.masks[1].x0 == 60


def test_things_that_only_touch_and_findings_of_one_class_stay() -> None:
    given = found((LONG, 0.9, bar(10, 40)), (MEDIUM, 0.6, bar(40, 40)), (LONG, 0.5, bar(11, 40)))
    assert one_class_each(given) is given


def test_a_finding_below_its_threshold_takes_nothing_away() -> None:
    given = found((LONG, 0.7, bar(10, 40)), (MEDIUM, 0.5, bar(11, 40)))
    kept = one_class_each(given, np.array([0.8, 0.4], dtype=np.float32))
    assert kept.scores.tolist() == given.scores.tolist()


def test_for_curves_what_loses_its_place_falls_below_its_threshold() -> None:
    given = found((LONG, 0.7, bar(10, 40)), (MEDIUM, 0.5, bar(11, 40)), (MEDIUM, 0.3, bar(70, 9)))
    least = np.array([0.4, 0.4], dtype=np.float32)
    kept = one_class_each(given, least)
    assert len(kept) == 3
    assert kept.select(kept.scores >= least[kept.class_ids]).class_ids.tolist() == [LONG]
    assert kept.scores.tolist() == sorted(kept.scores.tolist(), reverse=True)


def test_nothing_found_is_nothing() -> None:
    assert len(one_class_each(Detections.empty((100, 60)))) == 0


def test_iou_of_masks_is_that_of_their_pixels() -> None:
    assert mask_iou(bar(10, 40), bar(20, 40)) == 30 / 50
    assert mask_iou(bar(10, 40), bar(10, 40, y0=14)) == 0
