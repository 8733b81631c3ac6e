"""Clicks become masks: on drawn things of a known place, so that what is cut can be measured."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from inspection.classical.clicking import segment
from inspection.detections import InstanceMask

SIZE_WH = (400, 300)


def scene() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """A grey plate with noise, and two dark ellipses on it, with the mask of each."""
    rng = np.random.default_rng(3)
    plate = rng.normal(170, 6, (SIZE_WH[1], SIZE_WH[0], 3))
    masks = []
    for centre, axes in (((120, 150), (50, 28)), ((290, 150), (40, 40))):
        drawn = np.zeros((SIZE_WH[1], SIZE_WH[0]), dtype=np.uint8)
        cv2.ellipse(drawn, centre, axes, 20, 0, 360, 1, cv2.FILLED)
        masks.append(drawn.astype(np.bool_))
        plate[masks[-1]] -= 80
    return np.clip(plate, 0, 255).astype(np.uint8), masks[0], masks[1]


def iou(found: InstanceMask, truth: npt.NDArray[np.bool_]) -> float:
    frame = found.to_frame(SIZE_WH)
    return float((frame & truth).sum() / (frame | truth).sum())


def test_one_click_cuts_out_the_thing_under_it_and_not_its_neighbour() -> None:
    image, one, other = scene()
    assert iou(segment(image, [(120, 150)]), one) > 0.95
    assert iou(segment(image, [(290, 150)]), other) > 0.95


def test_two_clicks_are_two_pieces_of_one_thing() -> None:
    image, one, other = scene()
    assert iou(segment(image, [(120, 150), (290, 150)]), one | other) > 0.93


def test_a_click_beside_takes_something_away() -> None:
    image, one, _ = scene()
    # A bridge of the same colour leads from one ellipse to a square that is not wanted.
    image[146:154, 165:215] = image[150, 120]
    image[120:180, 205:235] = image[150, 120]
    whole = segment(image, [(120, 150)]).to_frame(SIZE_WH)
    less = segment(image, [(120, 150)], [(220, 150), (220, 130), (220, 170)]).to_frame(SIZE_WH)
    assert whole[150, 220]
    assert not less[150, 220]
    assert less[one].mean() > 0.9


def test_a_box_alone_and_a_box_with_a_click() -> None:
    image, one, _ = scene()
    box = (60, 100, 185, 200)
    assert iou(segment(image, [], box_xyxy=box), one) > 0.95
    cut = segment(image, [(120, 150)], box_xyxy=(60, 100, 130, 200)).to_frame(SIZE_WH)
    assert cut[150, 110]
    assert not cut[:, 131:].any()


def test_a_click_at_the_border_of_the_picture_stays_inside() -> None:
    image, _, _ = scene()
    image[:40, :40] = 30
    found = segment(image, [(0, 0)])
    found.check_inside(SIZE_WH)
    assert 1300 < found.area_px < 1900


@pytest.mark.parametrize(
    ("on", "beside", "box", "said"),
    [
        ([], [(1, 1)], None, "expected a click on the thing"),
        ([(400, 10)], [], None, "inside 400×300"),
        ([(10, 10)], [(-1, 0)], None, "inside 400×300"),
        ([], [], (500, 500, 600, 600), "box inside 400×300"),
        ([(5, 5)] * 51, [], None, "at most 50 clicks"),
    ],
)
def test_what_is_no_question_is_refused(on: list, beside: list, box: tuple, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        segment(scene()[0], on, beside, box)
