import cv2
import numpy as np
import pytest

from inspection.detections import Detections, InstanceMask
from workers.evaluation.pixels import (
    Sweep,
    boundary,
    boundary_counts,
    counts,
    level_of,
    probability_levels,
    score_levels,
)
from workers.pixel_metrics import PixelCounts


def blob(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).random((120, 90)).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 5) > 0.5


def test_counts_are_right_wrong_missed_and_left() -> None:
    found, truth = np.zeros((4, 5), bool), np.zeros((4, 5), bool)
    found[0, :4] = truth[0, 1:] = True
    assert counts(found, truth).tolist() == [3, 1, 1, 15]


@pytest.mark.parametrize("distance", [1, 3, 7])
def test_a_boundary_is_what_erosion_takes_away(distance: int) -> None:
    # The authors' own `mask_to_boundary`: pad, erode so often, subtract.
    mask = blob().astype(np.uint8)
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    eroded = cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=distance)[1:-1, 1:-1]
    assert np.array_equal(boundary(mask.astype(bool), distance), (mask - eroded) > 0)


def test_boundary_iou_of_a_square_by_hand() -> None:
    # Diagonal of 30×40 is 50 px, 2 % of it 1 px: the boundary is the outermost ring.
    truth, found = np.zeros((30, 40), bool), np.zeros((30, 40), bool)
    truth[5:15, 5:15] = True
    found[5:15, 6:16] = True
    # Rings of 36 px; the shifted ones share 9 px of the upper and of the lower side.
    assert boundary_counts(found, truth).tolist() == [18, 54]
    assert boundary_counts(truth, truth).tolist() == [36, 36]
    assert boundary_counts(~truth & False, ~truth & False).tolist() == [0, 0]


def test_boundaries_in_a_corner_of_a_large_image_are_those_of_the_whole_image() -> None:
    truth, found = np.zeros((400, 300), bool), np.zeros((400, 300), bool)
    truth[:120, :90], found[3:123, 2:92] = blob(1), blob(2)
    ours, true = boundary(found, 10), boundary(truth, 10)  # 2 % of a diagonal of 500 px
    expected = [np.count_nonzero(ours & true), np.count_nonzero(ours | true)]
    assert boundary_counts(found, truth).tolist() == expected


def test_a_wrong_contour_costs_more_at_the_boundary_than_inside() -> None:
    truth = np.zeros((200, 200), bool)
    truth[20:180, 20:180] = True
    found = cv2.erode(truth.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
    both, union = boundary_counts(found, truth)
    right, wrong, missed, _ = counts(found, truth)
    assert both / union < right / (right + wrong + missed) - 0.3


def detections(scores: list[float]) -> Detections:
    masks = tuple(InstanceMask(np.ones((10, 10), bool), 5 * n, 0) for n in range(len(scores)))
    boxes = np.array([(m.x0, 0, m.x0 + 10, 10) for m in masks], np.float32)
    ids = np.zeros(len(scores), np.int64)
    return Detections((40, 10), boxes, np.array(scores, np.float32), ids, masks)


def test_each_pixel_has_its_best_score() -> None:
    levels = score_levels(detections([0.9, 0.3]))
    assert levels[0].tolist() == [90] * 10 + [30] * 5 + [0] * 25


@pytest.mark.parametrize("score", [0.05, 0.29, 0.57, 0.58, 1.0])
def test_a_score_reaches_its_own_threshold(score: float) -> None:
    assert level_of(float(np.float32(score))) == round(score * 100)
    assert probability_levels(np.array([[score]], np.float32)).item() == round(score * 100)


def test_the_sweep_finds_what_trying_every_threshold_finds() -> None:
    rng = np.random.default_rng(5)
    truth = blob(1)
    probability = np.clip(truth * 0.4 + rng.random(truth.shape) * 0.6, 0, 1).astype(np.float32)
    sweep = Sweep()
    for part in (slice(0, 60), slice(60, 120)):
        sweep.add(probability_levels(probability[part]), truth[part])
    best = sweep.best()
    assert best is not None
    tried = {}
    for threshold in np.arange(1, 101) / 100:
        found = probability_levels(probability) >= threshold * 100
        tried[float(threshold)] = PixelCounts(*(int(n) for n in counts(found, truth)))
    assert best[0].f1 == pytest.approx(max(each.f1 for each in tried.values()))
    assert tried[best[1]] == best[0]
    precision, recall = sweep.curves()
    assert recall[0] == 1
    assert precision[0] == pytest.approx(truth.mean())


def test_without_truth_no_threshold_is_best() -> None:
    sweep = Sweep()
    sweep.add(np.zeros((3, 3), np.uint8), np.zeros((3, 3), bool))
    assert sweep.best() is None
