"""Each thing that labellers get wrong is found, under its name and with its file."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from inspection.datasets import DatasetError, Problem
from inspection.datasets.checking import check_dataset
from inspection.datasets.polygons import crossing, overhang_px
from tests.unit.inspection.datasets.drawn_sets import (
    PIXELS,
    RING,
    bits,
    coco_document,
    coco_folder,
    labelme_file,
    mask_file,
    pairs,
    picture,
    shape,
    write_json,
)

BOW_TIE = [5.0, 5.0, 15.0, 15.0, 15.0, 5.0, 5.0, 15.0]
OUTSIDE = [30.0, 5.0, 44.0, 5.0, 44.0, 15.0, 30.0, 15.0]
GONE = [45.0, 5.0, 49.0, 5.0, 49.0, 9.0]
DOT = [5.0, 5.0, 7.0, 5.0, 7.0, 7.0, 5.0, 7.0]


def found(folder: Path, **options) -> list[tuple[str, str, str]]:
    """(file, kind, severity) of the problems, without those of unused classes."""
    return [
        (each.path.name, each.kind, each.severity)
        for each in check_dataset(folder, **options)[1]
        if each.kind != "unused-class"
    ]


def errors(folder: Path) -> list[Problem]:
    return [each for each in check_dataset(folder)[1] if each.severity == "error"]


def one_labelled(tmp_path: Path, *rings: list[float], classes: tuple[int, ...] = ()) -> Path:
    coco_folder(tmp_path, 1)
    document = coco_document(["images/0.jpg"])
    row = document["annotations"][0]
    document["annotations"] = [
        row | {"id": place, "segmentation": [ring], "category_id": (classes or (7,) * 9)[place]}
        for place, ring in enumerate(rings)
    ]
    write_json(tmp_path / "annotations.json", document)
    return tmp_path


def test_a_good_set_has_no_problem(tmp_path: Path) -> None:
    assert found(coco_folder(tmp_path, 3)) == []
    (unused,) = check_dataset(tmp_path)[1]
    assert (unused.kind, unused.severity) == ("unused-class", "warning")
    assert "'spot'" in unused.detail


@pytest.mark.parametrize(
    ("rings", "expected"),
    [
        ([BOW_TIE], [("0.jpg", "self-crossing", "error")]),
        ([OUTSIDE], [("0.jpg", "out-of-bounds", "error")]),
        ([GONE], [("0.jpg", "empty-annotation", "error"), ("0.jpg", "out-of-bounds", "error")]),
        ([DOT], [("0.jpg", "tiny-area", "warning")]),
        (
            [RING, DOT, RING],
            [("0.jpg", "equal-annotations", "error"), ("0.jpg", "tiny-area", "warning")],
        ),
    ],
)
def test_a_doubtful_annotation_is_found(
    tmp_path: Path, rings: list[list[float]], expected: list[tuple[str, str, str]]
) -> None:
    assert found(one_labelled(tmp_path, *rings)) == expected


def test_one_thing_of_two_classes_is_doubted(tmp_path: Path) -> None:
    folder = one_labelled(tmp_path, RING, RING, classes=(3, 7))
    assert found(folder) == [("0.jpg", "two-classes", "warning")]


def test_the_detail_says_which_annotation_and_where(tmp_path: Path) -> None:
    (problem,) = errors(one_labelled(tmp_path, RING, BOW_TIE))
    assert problem.detail == "crack 2 of 2 crosses itself at x=10.0, y=10.0"


def truncate(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])


def reduced(path: Path) -> None:
    picture(path, 0, (20, 15))


@pytest.mark.parametrize(
    ("spoil", "kind", "name"),
    [
        (truncate, "unreadable-image", "0.jpg"),
        (lambda path: path.write_bytes(b""), "unreadable-image", "0.jpg"),
        (Path.unlink, "missing-image", "annotations.json"),
        (reduced, "wrong-size", "0.jpg"),
    ],
)
def test_a_spoilt_image_is_found_and_the_others_are_checked(
    tmp_path: Path, spoil: Callable[[Path], object], kind: str, name: str
) -> None:
    spoil(coco_folder(tmp_path, 2) / "images" / "0.jpg")
    assert found(tmp_path) == [(name, kind, "error")]


def test_the_same_file_twice_is_found(tmp_path: Path) -> None:
    coco_folder(tmp_path, 2)
    shutil.copy(tmp_path / "images" / "0.jpg", tmp_path / "images" / "1.jpg")
    assert found(tmp_path) == [("1.jpg", "duplicate-image", "error")]
    document = coco_document(["images/0.jpg", "images/1.jpg"])
    document["annotations"].pop()
    write_json(tmp_path / "annotations.json", document)
    (problem,) = errors(tmp_path)
    assert problem.detail == "is the same file as 0.jpg, labelled otherwise"


def altered_copies(folder: Path, original: Path) -> list[str]:
    """What happens to copies of a picture on their way: other size, quality and light."""
    folder.mkdir(parents=True, exist_ok=True)
    with Image.open(original) as image:
        image.resize((160, 120)).save(folder / "half.png")
        image.save(folder / "worse.jpg", quality=40)
        ImageEnhance.Brightness(image).enhance(1.15).save(folder / "brighter.png")
    return ["brighter.png", "half.png", "worse.jpg"]


def test_copies_across_parts_are_found_and_within_one_they_are_not(tmp_path: Path) -> None:
    train, valid = tmp_path / "train", tmp_path / "valid"
    names = [f"images/{number}.jpg" for number in range(24)]
    for number, name in enumerate(names):
        picture(train / name, number, (320, 240))
    copies = altered_copies(valid / "images", train / "images" / "7.jpg")
    for folder, listed in ((train, names), (valid, [f"images/{name}" for name in copies])):
        document = coco_document(listed, annotations=[])
        for image in document["images"]:
            with Image.open(folder / image["file_name"]) as picture_:
                image["width"], image["height"] = picture_.size
        write_json(folder / "annotations.json", document)
    expected = [(name, "near-duplicate", "error") for name in copies]
    assert found(tmp_path) == expected
    assert found(train, against=[valid]) == expected
    assert found(train) == found(valid) == []
    detail = next(each for each in check_dataset(tmp_path)[1] if each.kind == "near-duplicate")
    assert "train/7.jpg" in detail.detail


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["crack"] * 12 + ["carck"], [("12.json", "class-typo", "error")]),
        (["crack"] * 2 + ["Crack "] * 3, [("0.json", "class-typo", "error")]),
        (["long screw"] * 6 + ["ling screw"] * 5, [("10.json", "class-typo", "warning")]),
        (["M4 bolt", "M5 bolt"] * 3, []),
        (["cat", "car", "dent", "scratch"], []),
        (["crack"] * 20 + ["dent"], [("20.json", "rare-class", "warning")]),
    ],
)
def test_a_misspelt_class_is_found(
    tmp_path: Path, labels: list[str], expected: list[tuple[str, str, str]]
) -> None:
    for number, label in enumerate(labels):
        labelme_file(picture(tmp_path / f"{number}.bmp", number), [shape(pairs(RING), label=label)])
    assert found(tmp_path) == expected


def test_an_empty_mask_in_the_folder_of_a_class_is_doubted(tmp_path: Path) -> None:
    for number, mask in enumerate((bits(PIXELS), bits())):
        picture(tmp_path / "crack" / "images" / f"{number}.jpg", number)
        mask_file(tmp_path / "crack" / "masks" / f"{number}.png", mask)
    picture(tmp_path / "free" / "images" / "9.jpg", 9)
    mask_file(tmp_path / "free" / "masks" / "9.png", bits())
    assert found(tmp_path) == [("1.png", "empty-mask", "warning")]


def test_labels_without_image_and_images_without_label_are_all_listed(tmp_path: Path) -> None:
    labelme_file(picture(tmp_path / "a.jpg"), [shape(pairs(RING)), shape([[1, 1]], "point")])
    picture(tmp_path / "b.jpg", 1)
    write_json(tmp_path / "c.json", {"shapes": [], "imagePath": "c.jpg"})
    assert found(tmp_path) == [
        ("a.json", "unsupported-shape", "error"),
        ("b.jpg", "image-without-label", "error"),
        ("c.json", "label-without-image", "error"),
    ]


def test_images_that_no_label_lists_are_told_once_a_folder(tmp_path: Path) -> None:
    coco_folder(tmp_path, 1)
    for number in (5, 6):
        picture(tmp_path / "images" / f"{number}.jpg", number)
    assert found(tmp_path) == [("images", "unlisted-images", "warning")]


def test_a_set_without_one_good_image_says_what_is_wrong_with_each(tmp_path: Path) -> None:
    (coco_folder(tmp_path, 1) / "images" / "0.jpg").write_bytes(b"")
    assert found(tmp_path) == [("0.jpg", "unreadable-image", "error")]


def test_what_is_no_data_set_is_not_checked(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no-dataset"):
        check_dataset(tmp_path)


def test_a_problem_without_a_severity_is_an_error() -> None:
    assert Problem(Path("a"), "b", "c").severity == "error"


@pytest.mark.parametrize(
    ("ring", "where"),
    [
        (BOW_TIE, (10, 10)),
        (RING, None),
        ([0, 0, 10, 0, 10, 10], None),
        ([0, 0, 5, 5, 10, 0, 10, 10, 5, 5, 0, 10], None),  # touches itself in one point
        ([0, 0, 10, 0, 10, 10, 0, 10, 0, 0], None),  # closed by its first point again
        ([0, 0, 10, 0, 10, 10, 5, -5, 0, 10], (6.666667, 0)),
    ],
)
def test_where_a_polygon_crosses_itself(ring: list[float], where) -> None:
    assert crossing(ring) == (where if where is None else pytest.approx(where))


def test_a_crossing_is_found_in_a_long_polygon() -> None:
    turn = np.linspace(0, 2 * np.pi, 700, endpoint=False)
    circle = np.stack([50 + 40 * np.cos(turn), 50 + 40 * np.sin(turn)], axis=1)
    assert crossing(circle.ravel().tolist()) is None
    circle[[600, 601]] = circle[[601, 600]]
    assert crossing(circle.ravel().tolist()) is not None


def test_how_far_a_polygon_reaches_outside() -> None:
    assert overhang_px(RING, (40, 30)) == 0
    assert overhang_px(RING, (12, 30)) == 3
    assert overhang_px([-2.5, 0, 5, 5, 5, 0], (40, 30)) == 2.5
