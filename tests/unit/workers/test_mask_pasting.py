import numpy as np
import pytest

from inspection.decode import ReducedImage
from workers.mask_pasting import letterbox, paste, to_detections

THRESHOLDS = np.array([0.5], dtype=np.float32)


def test_a_wide_image_is_centred_between_grey_bars() -> None:
    square, fit = letterbox(np.full((100, 200, 3), 250, dtype=np.uint8), 64)
    assert square.shape == (64, 64, 3)
    assert (fit.left_px, fit.top_px, fit.scale) == (0, 16, 0.32)
    assert square[15, 30].tolist() == [114, 114, 114]
    assert square[16, 30].tolist() == [250, 250, 250]


def test_an_image_of_the_right_size_is_untouched() -> None:
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    assert np.array_equal(letterbox(image, 64)[0], image)


def test_a_full_mask_fills_its_box() -> None:
    mask = paste(np.ones((28, 28), dtype=np.float32), (10, 20, 40, 30), (100, 100), 0.5)
    assert (mask.x0, mask.y0, mask.bits.shape) == (10, 20, (10, 30))
    assert mask.bits.all()


def test_half_a_mask_fills_half_its_box() -> None:
    probability = np.zeros((112, 112), dtype=np.float32)
    probability[:, 56:] = 1
    mask = paste(probability, (0, 0, 80, 40), (100, 100), 0.5)
    assert (mask.x0, mask.y0, mask.bits.shape) == (40, 0, (40, 40))


def test_a_thin_line_survives_a_small_box() -> None:
    probability = np.zeros((112, 112), dtype=np.float32)
    probability[:, 50:62] = 1
    mask = paste(probability, (0, 0, 14, 60), (100, 100), 0.5)
    assert mask.bits.any(axis=1).all()


def test_nothing_over_the_threshold_is_an_empty_mask() -> None:
    mask = paste(np.full((28, 28), 0.4, dtype=np.float32), (0, 0, 9, 9), (10, 10), 0.5)
    assert mask.bits.shape == (0, 0)


def test_a_box_that_reaches_into_the_border_keeps_its_mask_in_place() -> None:
    # A line in the middle of a box of which the upper quarter lies in the letterbox border.
    _, fit = letterbox(np.zeros((100, 200, 3), dtype=np.uint8), 200)
    probability = np.zeros((1, 100, 100), dtype=np.float32)
    probability[0, 48:52] = 1
    found = to_detections(
        np.array([[40, 25, 140, 125]], dtype=np.float32),
        np.array([0.9], dtype=np.float32),
        np.array([0]),
        probability,
        fit,
        THRESHOLDS,
    )
    assert fit.top_px == 50
    assert found.boxes_xyxy[0].tolist() == [40, 0, 140, 75]
    rows = np.flatnonzero(found.masks[0].to_frame((200, 100)).any(axis=1))
    assert (rows[0], rows[-1]) == (23, 26)


def test_boxes_come_back_in_the_image_s_own_pixels() -> None:
    image = np.zeros((1080, 1920, 3), dtype=np.uint8)
    _, fit = letterbox(image, 512)
    truth = np.array([[192, 108, 960, 540]], dtype=np.float32)
    inside = truth * fit.scale + np.array([0, fit.top_px, 0, fit.top_px])
    found = to_detections(
        inside.astype(np.float32),
        np.array([0.9], dtype=np.float32),
        np.array([0]),
        np.ones((1, 112, 112), dtype=np.float32),
        fit,
        THRESHOLDS,
    )
    assert found.boxes_xyxy[0] == pytest.approx(truth[0], abs=0.01)
    assert found.masks[0].area_px == pytest.approx(768 * 432, rel=0.01)


def test_a_box_wholly_outside_the_image_is_dropped() -> None:
    _, fit = letterbox(np.zeros((100, 200, 3), dtype=np.uint8), 200)
    found = to_detections(
        np.array([[10, 5, 60, 45]], dtype=np.float32),
        np.array([0.9], dtype=np.float32),
        np.array([0]),
        np.ones((1, 28, 28), dtype=np.float32),
        fit,
        THRESHOLDS,
    )
    assert len(found) == 0


def test_a_reduced_image_is_fitted_like_the_whole_one() -> None:
    whole = np.zeros((200, 402, 3), dtype=np.uint8)
    whole[60:120, 100:300] = 200
    half = ReducedImage(whole[::2, ::2].copy(), (402, 200))
    square, fit = letterbox(whole, 128)
    reduced_square, reduced_fit = letterbox(half, 128)
    assert reduced_fit == fit
    assert np.abs(reduced_square.astype(int) - square).mean() < 3
