"""Labelme's JSON files."""

import base64
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inspection.datasets import DatasetError, open_dataset, read_mask
from tests.unit.inspection.datasets.drawn_sets import (
    PIXELS,
    RING,
    bits,
    labelme_file,
    pairs,
    picture,
    shape,
)


def masks(folder: Path) -> list[np.ndarray]:
    (file,) = open_dataset(folder, "labelme").files
    return [read_mask(each, file.size_wh).to_frame(file.size_wh) for each in file.annotations]


def png(mask: np.ndarray) -> str:
    buffer = BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize(
    "given",
    [
        shape(pairs(RING)),
        shape([[5, 6], [15, 20]], "rectangle"),
        shape([[15, 20], [5, 6]], "rectangle"),
        shape([[5, 6], [15, 20]], "mask", mask=png(np.ones((14, 10), bool))),
    ],
    ids=["polygon", "rectangle", "rectangle backwards", "mask"],
)
def test_shapes_are_masks(tmp_path: Path, given: dict) -> None:
    labelme_file(picture(tmp_path / "a.jpg"), [given])
    (mask,) = masks(tmp_path)
    np.testing.assert_array_equal(mask, bits(PIXELS))


def test_a_circle_has_the_area_of_a_circle(tmp_path: Path) -> None:
    labelme_file(picture(tmp_path / "a.jpg"), [shape([[20, 15], [20, 25]], "circle")])
    (mask,) = masks(tmp_path)
    assert mask.sum() == pytest.approx(np.pi * 100, rel=0.02)
    assert mask[15, 20]


def test_shapes_of_one_group_are_one_instance(tmp_path: Path) -> None:
    left, right = shape(pairs(RING), group_id=1), shape([[25, 6], [30, 9]], "rectangle", group_id=1)
    other = shape([[25, 16], [30, 19]], "rectangle", group_id=2)
    labelme_file(picture(tmp_path / "a.jpg"), [left, other, right])
    one, two = masks(tmp_path)
    np.testing.assert_array_equal(one, bits(PIXELS, (slice(6, 9), slice(25, 30))))
    np.testing.assert_array_equal(two, bits((slice(16, 19), slice(25, 30))))


def test_classes_are_sorted_and_images_without_shapes_show_nothing(tmp_path: Path) -> None:
    labelme_file(picture(tmp_path / "a.jpg", 1), [shape(pairs(RING), label="rust")])
    labelme_file(picture(tmp_path / "b.jpg", 2), [shape(pairs(RING), label="pit")])
    labelme_file(picture(tmp_path / "deep" / "c.png", 3), [])
    dataset = open_dataset(tmp_path)
    assert dataset.classes == ("pit", "rust")
    assert [[a.class_index for a in f.annotations] for f in dataset.files] == [[1], [0], []]


def test_the_image_is_found_whatever_the_path_says(tmp_path: Path) -> None:
    labelme_file(picture(tmp_path / "a.jpg"), [], imagePath="..\\photos\\a.jpg", imageData="AAAA")
    assert open_dataset(tmp_path).files[0].path == tmp_path / "a.jpg"
    labelme_file(tmp_path / "a.jpg", [], imagePath="renamed.jpg")
    assert open_dataset(tmp_path).files[0].path == tmp_path / "a.jpg"


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([shape([[1, 1], [5, 5]], "line")], r"a\.json: unsupported-shape: shape 0 .*a line has"),
        ([shape([[1, 1], [5, 5], [6, 6]], "linestrip")], r"a\.json: unsupported-shape"),
        ([shape([[1, 1]], "point")], r"a\.json: unsupported-shape"),
        ([shape([[1, 1], [5, 5]])], r"a\.json: broken-mask: .*4 coordinates"),
        ([shape([[1, 1]], "rectangle")], r"a\.json: broken-mask: .*1 points, expected 2"),
        ([shape([[35, 25]], "mask", mask=png(np.ones((9, 9), bool)))], r"beyond the image"),
        (["shape"], r"a\.json: broken-mask"),
        ([shape([[5, 6], [9, 9]], "mask", mask="AAAA")], r"a\.json: broken-mask"),
        ([{"points": pairs(RING)}], r"a\.json: broken-mask"),
        ([shape([["x", 1], [5, 5], [6, 1]])], r"a\.json: broken-mask"),
    ],
)
def test_a_broken_shape_is_named(tmp_path: Path, shapes: list, message: str) -> None:
    labelme_file(picture(tmp_path / "a.jpg"), shapes)
    with pytest.raises(DatasetError, match=message):
        open_dataset(tmp_path)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    labelme_file(picture(tmp_path / "a.jpg"), [], imageWidth=41)
    with pytest.raises(DatasetError, match=r"a\.jpg: wrong-size: has 40×30 px, a\.json says 41×30"):
        open_dataset(tmp_path)
    labelme_file(tmp_path / "a.jpg", [])
    picture(tmp_path / "b.jpg")
    with pytest.raises(DatasetError, match=r"b\.jpg: image-without-label"):
        open_dataset(tmp_path)
    (tmp_path / "b.jpg").rename(tmp_path / "a.jpg")
    (tmp_path / "c.json").write_text((tmp_path / "a.json").read_text().replace("a.jpg", "c.jpg"))
    with pytest.raises(DatasetError, match=r"c\.json: label-without-image: .*'c\.jpg'"):
        open_dataset(tmp_path)
    (tmp_path / "c.json").write_text("{}")
    with pytest.raises(DatasetError, match=r"c\.json: unreadable-labels: has no list `shapes`"):
        open_dataset(tmp_path)
