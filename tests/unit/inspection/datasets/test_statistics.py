"""What a set holds, counted."""

from pathlib import Path

import numpy as np
import pytest

from inspection.datasets import open_dataset
from inspection.datasets.statistics import describe, length_px
from inspection.detections import InstanceMask
from tests.unit.inspection.datasets.drawn_sets import (
    PIXELS,
    bits,
    coco_folder,
    mask_file,
    picture,
)


def test_instances_are_counted_and_measured(tmp_path: Path) -> None:
    report = describe(open_dataset(coco_folder(tmp_path, 2)))
    assert report["images"] == 2
    assert report["instances"] == 2
    assert report["instances_are"] == "annotations"
    spot, crack = report["classes"]
    assert spot == {"name": "spot", "images": 0, "instances": 0, "area_px": None, "length_px": None}
    assert crack["area_px"] == {"least": 140, "median": 140, "most": 140}
    assert crack["length_px"]["median"] == pytest.approx(14)
    assert report["sizes"] == [{"width": 40, "height": 30, "images": 2}]
    assert report["area_px"]["edges"] == [64, 256]
    assert report["area_px"]["counts"] == {"spot": [0], "crack": [2]}
    assert len(report["sha256"]) == 64


def test_masks_are_counted_by_their_pieces(tmp_path: Path) -> None:
    other = (slice(24, 28), slice(20, 30))
    for number, mask in enumerate((bits(PIXELS, other), bits())):
        picture(tmp_path / "crack" / "images" / f"{number}.jpg", number)
        mask_file(tmp_path / "crack" / "masks" / f"{number}.png", mask)
    report = describe(open_dataset(tmp_path))
    assert report["instances_are"] == "connected pieces of masks"
    (crack,) = report["classes"]
    assert (crack["images"], crack["instances"]) == (1, 2)
    assert crack["area_px"] == {"least": 40, "median": 90, "most": 140}
    (group,) = report["groups"]
    assert group == {
        "part": "",
        "group": "crack",
        "images": 2,
        "instances": 2,
        "images_without_labels": 1,
    }


@pytest.mark.parametrize("angle", [0, 30, 45, 90])
def test_a_bar_has_its_length_at_any_angle(angle: int) -> None:
    rows, columns = np.indices((200, 200)) - 100
    turn = np.deg2rad(angle)
    along = columns * np.cos(turn) + rows * np.sin(turn)
    across = -columns * np.sin(turn) + rows * np.cos(turn)
    bar = (np.abs(along) <= 60) & (np.abs(across) <= 4)
    assert length_px(InstanceMask.from_frame(bar)) == pytest.approx(121, abs=2)
    assert length_px(InstanceMask.from_frame(bar & False)) == 0
