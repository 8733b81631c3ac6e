import numpy as np
import pytest

from inspection.detections import Detections, InstanceMask
from workers.coco_metrics import mask_precision
from workers.pixel_metrics import PixelCounts


def box_mask(x0: int, y0: int, side: int = 20) -> InstanceMask:
    return InstanceMask(np.ones((side, side), dtype=np.bool_), x0, y0)


def found(masks: list[InstanceMask], scores: list[float], classes: list[int]) -> Detections:
    boxes = [(m.x0, m.y0, m.x0 + 20, m.y0 + 20) for m in masks]
    return Detections(
        (100, 100),
        np.array(boxes, dtype=np.float32).reshape(-1, 4),
        np.array(scores, dtype=np.float32),
        np.array(classes, dtype=np.int64),
        tuple(masks),
    )


def test_pixels_are_pooled_over_images() -> None:
    counts = PixelCounts()
    truth = np.zeros((10, 10), dtype=np.bool_)
    truth[:2] = True
    half = truth.copy()
    half[0] = False
    half[5] = True
    counts.add(half, truth)
    counts.add(truth, truth)
    assert counts.precision == pytest.approx(30 / 40)
    assert counts.recall == pytest.approx(30 / 40)
    assert counts.f1 == pytest.approx(0.75)
    assert counts.iou == pytest.approx(30 / 50)
    assert counts.background_iou == pytest.approx(150 / 170)


def test_pixels_of_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 2\), the truth is \(3, 3\)"):
        PixelCounts().add(np.zeros((2, 2), np.bool_), np.zeros((3, 3), np.bool_))


def test_nothing_found_and_nothing_true_is_zero_and_no_error() -> None:
    assert PixelCounts().f1 == 0


def test_perfect_masks_have_full_precision() -> None:
    masks = [box_mask(0, 0), box_mask(50, 50)]
    figures = mask_precision(
        [found(masks, [0.9, 0.8], [0, 1])], [[(0, masks[0]), (1, masks[1])]], ("a", "b")
    )
    assert figures.mask_ap == pytest.approx(1)
    assert figures.per_class["b"]["mask_ap50"] == pytest.approx(1)


def test_a_shifted_mask_counts_at_low_overlap_only() -> None:
    # 20 px squares, 4 px apart: IoU 16/24 = 0.67, good at 0.50 to 0.65 out of ten levels.
    figures = mask_precision([found([box_mask(4, 0)], [0.9], [0])], [[(0, box_mask(0, 0))]], ("a",))
    assert figures.mask_ap50 == pytest.approx(1)
    assert figures.mask_ap == pytest.approx(0.4)


def test_a_class_without_truth_has_no_figure() -> None:
    figures = mask_precision(
        [found([box_mask(0, 0)], [0.9], [0])], [[(0, box_mask(0, 0))]], ("a", "b")
    )
    assert figures.per_class["b"] == {"mask_ap": None, "mask_ap50": None}
    assert figures.mask_ap50 == pytest.approx(1)


def test_nothing_found_is_zero() -> None:
    figures = mask_precision([Detections.empty((100, 100))], [[(0, box_mask(0, 0))]], ("a",))
    assert figures.mask_ap == 0
