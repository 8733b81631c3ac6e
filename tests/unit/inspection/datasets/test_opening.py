"""Which form a folder is of, and what is read of its pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inspection.datasets import DatasetError, open_dataset, read_rgb
from tests.unit.inspection.datasets.drawn_sets import coco_folder, picture, turned_picture


def test_what_is_no_data_set_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        open_dataset(tmp_path / "nothing")
    with pytest.raises(DatasetError, match=r"annotations\.json \(COCO\).*labelme"):
        open_dataset(tmp_path)
    picture(tmp_path / "images" / "a.jpg")
    with pytest.raises(DatasetError, match="no-dataset"):
        open_dataset(tmp_path)
    with pytest.raises(DatasetError, match="form 'voc', expected one of coco, labelme"):
        open_dataset(tmp_path, "voc")
    for form in ("coco", "labelme", "yolo-seg", "mask-pairs"):
        with pytest.raises(DatasetError, match="no-dataset"):
            open_dataset(tmp_path, form)
    with pytest.raises(DatasetError, match="no-dataset"):
        open_dataset(tmp_path / "images" / "a.jpg")


def test_pixels_are_read_upright_and_whole(tmp_path: Path) -> None:
    (file, *_) = open_dataset(coco_folder(tmp_path)).files
    pixels = read_rgb(file)
    assert pixels.shape == (30, 40, 3)
    assert pixels.dtype == np.uint8
    turned_picture(file.path)
    assert read_rgb(file).shape == (30, 40, 3)
    data = file.path.read_bytes()
    file.path.write_bytes(data[: len(data) * 3 // 4])
    with pytest.raises(DatasetError, match=r"0\.jpg: unreadable-image: .*cut off"):
        read_rgb(file)
    picture(file.path, size_wh=(41, 30))
    with pytest.raises(DatasetError, match=r"0\.jpg: wrong-size: has 41×30 px, expected 40×30"):
        read_rgb(file)
    file.path.unlink()
    with pytest.raises(DatasetError, match=r"0\.jpg: unreadable-image: is missing"):
        read_rgb(file)


@pytest.mark.parametrize("suffix", [".bmp", ".tif", ".webp", ".png"])
def test_other_kinds_of_image_are_read_too(tmp_path: Path, suffix: str) -> None:
    folder = coco_folder(tmp_path, 1)
    path = (folder / "images" / "0.jpg").with_suffix(suffix)
    with Image.open(folder / "images" / "0.jpg") as image:
        expected = np.asarray(image.convert("RGB"))
        image.save(path, **({"lossless": True} if suffix == ".webp" else {}))
    text = (folder / "annotations.json").read_text()
    (folder / "annotations.json").write_text(text.replace("0.jpg", path.name))
    np.testing.assert_array_equal(read_rgb(open_dataset(folder).files[0]), expected)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(DatasetError, match="unreadable-image"):
        read_rgb(open_dataset(folder).files[0])
