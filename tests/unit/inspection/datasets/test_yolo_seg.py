"""YOLO segmentation labels."""

from pathlib import Path

import numpy as np
import pytest

from inspection.datasets import DatasetError, open_dataset, read_mask
from tests.unit.inspection.datasets.drawn_sets import (
    PIXELS,
    RING,
    bits,
    picture,
    yolo_folder,
    yolo_row,
)


@pytest.mark.parametrize("names", ["names: [bolt, nut]", "names:\n  0: bolt\n  1: nut"])
def test_a_set_and_its_parts(tmp_path: Path, names: str) -> None:
    folder = yolo_folder(tmp_path, names)
    whole = open_dataset(folder)
    assert whole.classes == ("bolt", "nut")
    assert [(file.part, file.path.name) for file in whole.files] == [
        ("train", "train0.jpg"),
        ("valid", "valid0.jpg"),
    ]
    for file in whole.files:
        (annotation,) = file.annotations
        assert annotation.class_index == 1
        mask = read_mask(annotation, file.size_wh).to_frame(file.size_wh)
        np.testing.assert_array_equal(mask, bits(PIXELS))
    assert open_dataset(folder / "data.yaml").files == whole.files
    assert [file.path for file in open_dataset(folder / "valid").files] == [whole.files[1].path]


def test_images_in_folders_named_by_part(tmp_path: Path) -> None:
    for part in ("train", "val"):
        picture(tmp_path / "images" / part / f"{part}.png")
        (tmp_path / "labels" / part).mkdir(parents=True)
        (tmp_path / "labels" / part / f"{part}.txt").write_text("")
    (tmp_path / "data.yaml").write_text("names: [bolt]")
    dataset = open_dataset(tmp_path)
    assert [(file.part, file.annotations) for file in dataset.files] == [("train", ()), ("val", ())]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0 0.5 0.5 0.2 0.2", r"train0\.txt: box-only: line 1 is a box"),
        ("0 0.1 0.1 0.2", r"train0\.txt: broken-mask: line 1"),
        ("0 0.1 0.1 0.2 0.2 0.3", r"train0\.txt: broken-mask: line 1: .*5 coordinates"),
        (yolo_row(2, RING), r"train0\.txt: unknown-class: line 1: class 2, expected 0 to 1"),
        (yolo_row(0, RING) + "\n\nbolt 0.1", r"train0\.txt: broken-mask: line 3: 'bolt 0\.1'"),
        ("0 5 6 15 6 15 20", r"train0\.txt: broken-mask: line 1: .*far outside"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, row: str, message: str) -> None:
    folder = yolo_folder(tmp_path)
    (folder / "train" / "labels" / "train0.txt").write_text(row)
    with pytest.raises(DatasetError, match=message):
        open_dataset(folder)


def test_a_broken_set_is_named(tmp_path: Path) -> None:
    folder = yolo_folder(tmp_path)
    text = folder / "train" / "labels" / "train0.txt"
    (folder / "train" / "labels" / "other.txt").write_text("")
    with pytest.raises(DatasetError, match=r"other\.txt: label-without-image"):
        open_dataset(folder)
    text.unlink()
    with pytest.raises(DatasetError, match=r"train0\.jpg: image-without-label: .*train0\.txt"):
        open_dataset(folder)
    (folder / "data.yaml").write_text("nc: 2")
    with pytest.raises(DatasetError, match=r"data\.yaml: no-dataset: names no classes"):
        open_dataset(folder)
    (folder / "data.yaml").write_text("names: [")
    with pytest.raises(DatasetError, match=r"data\.yaml: unreadable-labels: is no YAML"):
        open_dataset(folder)
