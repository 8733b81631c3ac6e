"""A drawn shelf is found again after its camera was nudged, with items gone; else it is said."""

import cv2
import numpy as np
import pytest

from inspection.drawing.shelves import ShelfScene
from inspection.shelves.registration import Reference, describe, moved, register

SIZE = (1280, 720)
SCENE = ShelfScene.from_seed(4)
CORNERS = np.array([(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)])


def drawn(share: float, seed: int) -> np.ndarray:
    present = {name: round(share * count) for name, count in SCENE.full().items()}
    return SCENE.render(present, np.random.default_rng(seed)).image_rgb


REFERENCE = describe(drawn(1.0, 1))


@pytest.mark.parametrize(
    ("kind", "nudge"),
    [
        ("shift", [[1, 0, 31], [0, 1, -17], [0, 0, 1]]),
        ("homography", [[1.02, 0.02, 25], [-0.02, 1.02, -17], [0, 0, 1]]),
        ("homography", [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    ],
)
def test_a_nudged_camera_finds_the_shelf(kind, nudge) -> None:
    nudge = np.array(nudge, dtype=np.float64)
    picture = cv2.warpPerspective(drawn(0.6, 2), nudge, SIZE, borderMode=cv2.BORDER_REPLICATE)
    found = register(picture, Reference.from_text(REFERENCE.to_text()), kind)
    assert found.problem == ""
    scale = np.diag([*SIZE, 1.0])
    truth = moved(np.linalg.inv(scale) @ nudge @ scale, CORNERS)
    assert np.abs((moved(found.matrix, CORNERS) - truth) * SIZE).max() < 8


def test_another_resolution_of_the_same_shelf_is_no_move() -> None:
    half = cv2.resize(drawn(0.8, 3), (640, 360), interpolation=cv2.INTER_AREA)
    found = register(half, REFERENCE, "shift")
    assert found.problem == ""
    assert np.abs(moved(found.matrix, CORNERS) - CORNERS).max() < 0.01


@pytest.mark.parametrize("kind", ["shift", "homography"])
def test_another_shelf_a_dark_picture_and_another_shape_are_not_the_shelf(kind) -> None:
    other = ShelfScene.from_seed(9)
    stranger = other.render(other.full(), np.random.default_rng(1)).image_rgb
    dark = np.zeros((720, 1280, 3), dtype=np.uint8)
    for picture in (stranger, dark, drawn(1.0, 1)[:, :700].copy()):
        assert "not where the planogram saw it" in register(picture, REFERENCE, kind).problem


def test_keypoints_are_small_and_read_back_and_bad_ones_are_refused() -> None:
    text = REFERENCE.to_text()
    assert len(text) < 20_000
    again = Reference.from_text(text)
    assert np.array_equal(again.descriptors, REFERENCE.descriptors)
    assert np.abs(again.points - REFERENCE.points).max() <= 1 / 16
    for bad in ("", "???", text[:40], "aGVsbG8="):
        with pytest.raises(ValueError, match="no keypoints"):
            Reference.from_text(bad)
