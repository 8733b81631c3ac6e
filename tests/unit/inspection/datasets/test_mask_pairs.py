"""Pairs of images and masks."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inspection.datasets import DatasetError, open_dataset, read_mask
from tests.unit.inspection.datasets.drawn_sets import PIXELS, bits, mask_file, picture

SQUARE = bits(PIXELS)
LINE = bits((slice(25, 27), slice(0, 40)))


def pair(folder: Path, name: str, mask: np.ndarray, value: int = 255) -> None:
    picture(folder / "images" / f"{name}.jpg", len(name))
    mask_file(folder / "masks" / f"{name}.png", mask, value)


def labels(dataset) -> list[list[tuple[str, int]]]:
    return [
        [
            (dataset.classes[a.class_index], read_mask(a, file.size_wh).area_px)
            for a in file.annotations
        ]
        for file in dataset.files
    ]


@pytest.mark.parametrize("value", [1, 255])
def test_binary_masks_are_one_class(tmp_path: Path, value: int) -> None:
    pair(tmp_path, "a", SQUARE | LINE, value)
    pair(tmp_path, "empty", bits(), value)
    Image.fromarray(SQUARE).save(tmp_path / "masks" / "a1.png")  # one bit a pixel
    picture(tmp_path / "images" / "a1.jpg")
    dataset = open_dataset(tmp_path)
    assert not dataset.instances
    assert labels(dataset) == [[("defect", 220)], [("defect", 140)], []]
    assert open_dataset(tmp_path, classes=["crack"]).classes == ("crack",)


def test_folders_are_classes_and_what_has_none_is_no_class(tmp_path: Path) -> None:
    pair(tmp_path / "train" / "spot", "a", SQUARE)
    pair(tmp_path / "train" / "crack", "a", LINE)
    pair(tmp_path / "train" / "free", "a", bits())
    dataset = open_dataset(tmp_path / "train")
    assert dataset.classes == ("crack", "spot")
    assert [file.group for file in dataset.files] == ["crack", "free", "spot"]
    assert labels(dataset) == [[("crack", 80)], [], [("spot", 140)]]
    whole = open_dataset(tmp_path)
    assert next((file.part, file.group) for file in whole.files) == ("train", "crack")
    assert open_dataset(tmp_path, classes=["spot", "crack"]).classes == ("spot", "crack")
    with pytest.raises(DatasetError, match=r"a\.png: unknown-class: class 'spot'"):
        open_dataset(tmp_path, classes=["crack"])


def test_values_are_classes(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.jpg")
    mask_file(tmp_path / "masks" / "a.png", SQUARE * 1 + LINE * 7, 1)
    dataset = open_dataset(tmp_path, classes=["7=line", "1-3=square"])
    assert dataset.classes == ("line", "square")
    assert labels(dataset) == [[("line", 80), ("square", 140)]]
    (tmp_path / "classes.txt").write_text("# value=name\n1=square\n7=line\n")
    assert labels(open_dataset(tmp_path)) == [[("square", 140), ("line", 80)]]
    with pytest.raises(DatasetError, match=r"a\.png: unknown-value: .*values 7, expected 0 or 1"):
        open_dataset(tmp_path, classes=["1=square"])
    (tmp_path / "classes.txt").unlink()
    with pytest.raises(DatasetError, match=r"a\.png: unknown-value: .*values 0, 1, 7"):
        open_dataset(tmp_path)
    with pytest.raises(DatasetError, match="unknown-class: classes: 'x=line'"):
        open_dataset(tmp_path, classes=["1=square", "x=line"])


@pytest.mark.parametrize("kind", ["palette", "16 bits", "grey in RGB"])
def test_values_are_read_whatever_holds_them(tmp_path: Path, kind: str) -> None:
    picture(tmp_path / "images" / "a.jpg")
    (tmp_path / "masks").mkdir()
    values = (SQUARE * 2).astype(np.uint8)
    if kind == "palette":
        image = Image.fromarray(values, "P")
        image.putpalette([0, 0, 0, 9, 9, 9, 200, 0, 0])
    elif kind == "16 bits":
        image = Image.fromarray(values.astype(np.uint16))
    else:
        image = Image.fromarray(np.dstack([values] * 3))
    image.save(tmp_path / "masks" / "a.png")
    assert labels(open_dataset(tmp_path, classes=["2=square"])) == [[("square", 140)]]


def test_a_smeared_mask_is_refused_and_taken_by_a_range(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.jpg")
    mask_file(tmp_path / "masks" / "a.png", SQUARE * 200 + LINE * 90, 1)
    with pytest.raises(DatasetError, match=r"a\.png: unknown-value: .*0, 90, 200"):
        open_dataset(tmp_path)
    dataset = open_dataset(tmp_path, classes=["128-255=crack", "0-127=ground"])
    assert dict(labels(dataset)[0])["crack"] == 140


def test_a_broken_pair_is_named(tmp_path: Path) -> None:
    pair(tmp_path, "a", SQUARE)
    picture(tmp_path / "images" / "b.jpg")
    with pytest.raises(DatasetError, match=r"b\.jpg: image-without-label: has no masks/b\.png"):
        open_dataset(tmp_path)
    (tmp_path / "images" / "b.jpg").unlink()
    mask_file(tmp_path / "masks" / "c.png", SQUARE)
    with pytest.raises(DatasetError, match=r"c\.png: label-without-image"):
        open_dataset(tmp_path)
    mask_file(tmp_path / "masks" / "a.png", SQUARE[:20])
    (tmp_path / "masks" / "c.png").unlink()
    with pytest.raises(DatasetError, match=r"a\.png: wrong-size: has 40×20 px, .*40×30 of a\.jpg"):
        open_dataset(tmp_path)
    whole = mask_file(tmp_path / "masks" / "a.png", SQUARE).read_bytes()
    (tmp_path / "masks" / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match=r"a\.png: unreadable-image"):
        open_dataset(tmp_path)
    Image.fromarray(np.dstack([SQUARE * 255, SQUARE, SQUARE]).astype(np.uint8)).save(
        tmp_path / "masks" / "a.png"
    )
    with pytest.raises(DatasetError, match=r"a\.png: unknown-value: is a mask in colours"):
        open_dataset(tmp_path)
