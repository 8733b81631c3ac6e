import cv2
import numpy as np
import pytest

from inspection.classical.segmenting import cut, cut_box, grow_from_point


def scene() -> tuple[np.ndarray, np.ndarray]:
    """A noisy grey wall, 300 × 200, with a red ellipse, and the ellipse's own pixels."""
    shape = cv2.ellipse(np.zeros((200, 300), np.uint8), (180, 90), (50, 25), 20, 0, 360, 1, -1) > 0
    image = np.full((200, 300, 3), 150.0)
    image[shape] = (170, 60, 50)
    image += np.random.default_rng(0).normal(0, 6, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8), shape


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("xy", [(180, 90), (150, 80), (215, 100)])
def test_a_click_takes_the_region_of_its_colour(xy: tuple[int, int]) -> None:
    image, shape = scene()
    assert iou(grow_from_point(image, xy).to_frame((300, 200)), shape) > 0.9


def test_a_click_on_the_wall_leaves_the_ellipse_out() -> None:
    image, shape = scene()
    image[:, :120] = (150, 150, 150)
    mask = grow_from_point(image, (20, 20), tolerance=2).to_frame((300, 200))
    assert mask[:, :115].all()
    assert not (mask & shape).any()


def test_a_click_gives_its_own_pixel_at_least_and_stays_in_its_window() -> None:
    image = np.full((1500, 2500, 3), 90, dtype=np.uint8)
    mask = grow_from_point(image, (2400, 30))
    assert (mask.bits.shape, mask.x0, mask.y0) == ((1024, 1024), 2500 - 1024, 0)
    image[30, 2400] = 255
    noise = np.random.default_rng(1).integers(0, 255, (50, 50, 3)).astype(np.uint8)
    assert grow_from_point(noise, (49, 0)).to_frame((50, 50))[0, 49]


def test_a_point_outside_is_refused() -> None:
    with pytest.raises(ValueError, match="inside 300×200"):
        grow_from_point(scene()[0], (300, 0))


def test_a_box_takes_what_stands_out_in_it() -> None:
    image, shape = scene()
    mask = cut_box(image, (120.5, 50, 240, 130))
    assert iou(mask.to_frame((300, 200)), shape) > 0.95
    again = cut_box(image, (120.5, 50, 240, 130))
    assert np.array_equal(mask.bits, again.bits)


def test_a_box_in_a_large_image_is_cut_on_a_smaller_copy() -> None:
    image, shape = scene()
    large = cv2.resize(image, (2400, 1600), interpolation=cv2.INTER_NEAREST)
    truth = cv2.resize(shape.astype(np.uint8), (2400, 1600), interpolation=cv2.INTER_NEAREST) > 0
    mask = cut_box(large, (960, 400, 1920, 1040))
    assert iou(mask.to_frame((2400, 1600)), truth) > 0.93


def test_a_box_may_reach_beyond_the_image_but_must_touch_it() -> None:
    image, _ = scene()
    assert cut_box(image, (-50, -50, 40, 40)).to_frame((300, 200)).shape == (200, 300)
    with pytest.raises(ValueError, match="a box inside"):
        cut_box(image, (400, 0, 500, 50))
    with pytest.raises(ValueError, match="rounds"):
        cut_box(image, (0, 0, 50, 50), rounds=0)


def test_where_nothing_is_in_doubt_there_is_nothing_to_cut() -> None:
    image, shape = scene()
    trimap = np.full(shape.shape, cv2.GC_PR_FGD, dtype=np.uint8)
    assert cut(image, trimap, 1).all()
