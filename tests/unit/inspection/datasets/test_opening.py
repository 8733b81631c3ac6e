"""Which form a folder is of, and what is read of its pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inspection.datasets import DatasetError, open_dataset, read_rgb
from tests.unit.inspection.datasets.drawn_sets import (
    coco_folder,
    labelme_file,
    picture,
    turned_picture,
)


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


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_size_and_pixels_are_upright_in_every_kind_of_file(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    corner = np.zeros((40, 30, 3), np.uint8)
    corner[:12, :12] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(corner).save(tmp_path / f"a{suffix}", exif=exif)
    size = [30, 40] if orientation in (1, 3) else [40, 30]
    labelme_file(tmp_path / f"a{suffix}", [], imageWidth=size[0], imageHeight=size[1])
    (file,) = open_dataset(tmp_path).files
    assert list(file.size_wh) == size
    pixels = read_rgb(file)[..., 0]
    # Where the first row and column of the file come to lie (Exif 2.32, tag 274).
    right, low = {1: (False, False), 3: (True, True), 6: (True, False), 8: (False, True)}[
        orientation
    ]
    assert pixels[-4 if low else 3, -4 if right else 3] > 200
    assert pixels[3 if low else -4, 3 if right else -4] < 50


def test_deep_and_transparent_images_are_read_as_the_line_reads_them(tmp_path: Path) -> None:
    deep = np.linspace(0, 65535, 1200).reshape(30, 40).astype(np.uint16)
    clear = np.zeros((30, 40, 4), np.uint8)
    clear[:15, :, 3] = 255
    read = {}
    for name, pixels in (("deep", deep), ("clear", clear)):
        for suffix in (".png", ".tif"):
            labelme_file(tmp_path / f"{name}{suffix}", [])
            Image.fromarray(pixels).save(tmp_path / f"{name}{suffix}")
            (file,) = [
                each for each in open_dataset(tmp_path).files if each.path.name == name + suffix
            ]
            read[name + suffix] = read_rgb(file)
            file.path.unlink()
            (tmp_path / f"{name}.json").unlink()
    for name in ("deep", "clear"):
        np.testing.assert_array_equal(read[f"{name}.png"], read[f"{name}.tif"])
    assert read["deep.tif"][0, 0].tolist() == [0, 0, 0]
    assert read["deep.tif"][-1, -1].tolist() == [255, 255, 255]
    assert read["clear.tif"][[0, -1], 0, 0].tolist() == [0, 255]
    Image.fromarray(deep.astype(np.float32)).save(tmp_path / "float.tif")
    labelme_file(tmp_path / "float.tif", [])
    with pytest.raises(DatasetError, match=r"float\.tif: unreadable-image: .*32 bits"):
        read_rgb(open_dataset(tmp_path).files[0])
