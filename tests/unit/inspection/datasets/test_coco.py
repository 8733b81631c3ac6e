"""COCO in the forms that the labelling tools write it, and what is wrong with broken ones."""

from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from inspection.datasets import DatasetError, open_dataset, read_mask
from tests.unit.inspection.datasets.drawn_sets import (
    PIXELS,
    RING,
    SIZE_WH,
    bits,
    coco_document,
    coco_folder,
    picture,
    turned_picture,
    write_json,
)

SQUARE = bits(PIXELS)
RUNS = coco_mask.encode(np.asfortranarray(SQUARE.astype(np.uint8)))["counts"].decode()
# The same by hand: 5 columns and 6 rows of nothing, then 10 columns of 14 set, 16 unset pixels.
COUNTS = [5 * 30 + 6, *([14, 16] * 9), 14, 10 + 25 * 30]


def frames(dataset) -> list[np.ndarray]:
    return [
        read_mask(a, f.size_wh).to_frame(f.size_wh) for f in dataset.files for a in f.annotations
    ]


@pytest.mark.parametrize(
    "segmentation",
    [
        [RING],
        RING,
        {"size": [30, 40], "counts": RUNS},
        {"size": [30, 40], "counts": COUNTS},
        [[*RING[:4], 15.0, 13.0, 5.0, 13.0], [5.0, 13.0, 15.0, 13.0, *RING[4:]]],
    ],
    ids=["polygon", "bare polygon", "compressed", "uncompressed", "two polygons"],
)
def test_every_form_of_a_segmentation_is_the_same_mask(tmp_path: Path, segmentation) -> None:
    picture(tmp_path / "images" / "a.jpg")
    document = coco_document(["images/a.jpg"])
    document["annotations"][0]["segmentation"] = segmentation
    write_json(tmp_path / "annotations.json", document)
    dataset = open_dataset(tmp_path)
    assert dataset.classes == ("spot", "crack")
    assert dataset.files[0].annotations[0].class_index == 1
    assert dataset.instances
    np.testing.assert_array_equal(frames(dataset)[0], SQUARE)


@pytest.mark.parametrize(
    ("annotations", "images", "named"),
    [
        ("annotations.json", "images/a.jpg", "images/a.jpg"),
        ("annotations/instances_default.json", "images/a.jpg", "a.jpg"),
        ("annotations/instances_default.json", "images/default/a.jpg", "a.jpg"),
        ("annotations/instances_train2017.json", "train2017/a.jpg", "a.jpg"),
        ("result.json", "images/a.jpg", "images\\a.jpg"),
        ("result.json", "images/5ab-a.jpg", "../../label-studio/data/media/upload/1/5ab-a.jpg"),
        ("result_coco.json", "images/a.jpg", "a.jpg"),
        ("labels.json", "data/a.jpg", "a.jpg"),
        ("labels.json", "data/a.jpg", "/home/somebody/photos/a.jpg"),
        ("_annotations.coco.json", "a.jpg", "a.jpg"),
        ("annotations.json", "images/left/a.jpg", "left/a.jpg"),
    ],
)
@pytest.mark.parametrize("by_file", [False, True])
def test_images_are_found_where_each_tool_leaves_them(
    tmp_path: Path, annotations: str, images: str, named: str, by_file: bool
) -> None:
    picture(tmp_path / images)
    file = write_json(tmp_path / annotations, coco_document([named]))
    dataset = open_dataset(file if by_file else tmp_path)
    assert [each.path for each in dataset.files] == [tmp_path / images]


def test_a_name_is_not_followed_out_of_the_set(tmp_path: Path) -> None:
    picture(tmp_path / "outside.jpg")
    inner = tmp_path / "set"
    write_json(inner / "annotations.json", coco_document(["../outside.jpg"]))
    with pytest.raises(DatasetError, match="missing-image"):
        open_dataset(inner)


def test_masks_that_cvat_marks_as_crowd_are_instances_and_true_crowds_are_kept_apart(
    tmp_path: Path,
) -> None:
    picture(tmp_path / "images" / "a.jpg")
    document = coco_document(["a.jpg"])
    row = document["annotations"][0] | {
        "iscrowd": 1,
        "segmentation": {"size": [30, 40], "counts": COUNTS},
    }
    document["annotations"] = [
        row | {"id": 1, "attributes": {"occluded": False}},
        row | {"id": 2},
        row | {"id": 3, "attributes": {"occluded": False, "is_crowd": True}},
    ]
    write_json(tmp_path / "annotations" / "instances_default.json", document)
    (file,) = open_dataset(tmp_path).files
    assert (len(file.annotations), len(file.crowd)) == (1, 2)


def test_parts_of_a_set_are_opened_together_and_keep_their_name(tmp_path: Path) -> None:
    coco_folder(tmp_path / "train", 2)
    coco_folder(tmp_path / "valid", 1)
    dataset = open_dataset(tmp_path)
    assert [file.part for file in dataset.files] == ["train", "train", "valid"]
    assert open_dataset(tmp_path / "valid").files[0].part == ""


def test_the_category_that_roboflow_puts_above_all_is_no_class(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    categories = [
        {"id": 0, "name": "parts", "supercategory": "none"},
        {"id": 7, "name": "crack", "supercategory": "parts"},
    ]
    write_json(tmp_path / "_annotations.coco.json", coco_document(["a.jpg"], categories=categories))
    assert open_dataset(tmp_path).classes == ("crack",)


def test_an_image_without_annotation_shows_nothing(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.jpg")
    write_json(tmp_path / "annotations.json", coco_document(["images/a.jpg"], annotations=[]))
    assert open_dataset(tmp_path).files[0].annotations == ()


def test_the_order_of_classes_can_be_asked_for(tmp_path: Path) -> None:
    dataset = open_dataset(coco_folder(tmp_path), classes=["crack", "dent"])
    assert dataset.classes == ("crack", "dent")
    assert dataset.files[0].annotations[0].class_index == 0
    with pytest.raises(DatasetError, match=r"annotations\.json: unknown-class: class 'crack'"):
        open_dataset(tmp_path, classes=["dent"])


def test_labels_are_of_the_upright_picture(tmp_path: Path) -> None:
    turned_picture(tmp_path / "images" / "a.jpg")
    write_json(tmp_path / "annotations.json", coco_document(["images/a.jpg"]))
    assert open_dataset(tmp_path).files[0].size_wh == SIZE_WH
    document = coco_document(["images/a.jpg"])
    document["images"][0] |= {"width": 30, "height": 40}
    write_json(tmp_path / "annotations.json", document)
    with pytest.raises(DatasetError, match="before its Exif rotation"):
        open_dataset(tmp_path)


def broken(tmp_path: Path, **annotation) -> Path:
    coco_folder(tmp_path, 1)
    document = coco_document(["images/0.jpg"])
    document["annotations"][0] |= annotation
    write_json(tmp_path / "annotations.json", document)
    return tmp_path


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ({"segmentation": []}, r"0\.jpg: box-only: .*annotation 100 has no segmentation"),
        ({"segmentation": None}, r"0\.jpg: box-only"),
        ({"segmentation": [[1, 2, 3, 4]]}, r"0\.jpg: broken-mask: .*4 coordinates"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, r"0\.jpg: broken-mask: .*7 coordinates"),
        ({"segmentation": [[1, 2, 3, 4, 5, float("nan")]]}, r"0\.jpg: broken-mask: .*no number"),
        ({"segmentation": [[1, 2, 3, 4, 1e9, 6]]}, r"0\.jpg: broken-mask: .*far outside"),
        ({"segmentation": [["a", 2, 3, 4, 5, 6]]}, r"0\.jpg: broken-mask"),
        ({"segmentation": {"size": [30, 40], "counts": "!!"}}, r"0\.jpg: broken-mask"),
        ({"segmentation": {"size": [30, 40], "counts": [5, 5]}}, r"0\.jpg: broken-mask: .*10 px"),
        ({"segmentation": {"size": [20, 40], "counts": [800]}}, r"0\.jpg: broken-mask: .*40×20"),
        ({"segmentation": {"size": [30, 40]}}, r"0\.jpg: broken-mask"),
        ({"segmentation": {"size": [10**9, 10**9], "counts": [10**18]}}, r"0\.jpg: broken-mask"),
        ({"segmentation": {"size": [30, 40], "counts": "o" * 30 + "0"}}, r"0\.jpg: broken-mask"),
        ({"segmentation": [[]]}, r"0\.jpg: broken-mask: .*0 coordinates"),
        ({"segmentation": "x"}, r"0\.jpg: box-only"),
        ({"category_id": [5]}, r"0\.jpg: unknown-class: .*category \[5\]"),
        ({"image_id": None}, r"annotations\.json: no-dataset: .*`annotations`.*`image_id`"),
        ({"category_id": 5}, r"0\.jpg: unknown-class: .*category 5"),
        ({"image_id": 99}, r"annotations\.json: label-without-image: .*image 99"),
    ],
)
def test_a_broken_annotation_is_named(tmp_path: Path, annotation, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        open_dataset(broken(tmp_path, **annotation))


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    coco_folder(tmp_path)
    size = coco_document(["images/0.jpg", "images/1.jpg"])
    size["images"][1] |= {"width": 41}
    same = coco_document(["images/0.jpg", "0.jpg"])
    missing = coco_document(["images/0.jpg", "images/9.jpg"])
    long = coco_document(["images/0.jpg", f"images/{'9' * 300}.jpg"])
    for document, message in (
        (size, r"1\.jpg: wrong-size: has 40×30 px, its labels say 41×30"),
        (same, r"0\.jpg: twice"),
        (missing, r"annotations\.json: missing-image: .*9\.jpg"),
        (long, r"annotations\.json: missing-image: .*99\.jpg"),
        ({"images": []}, r"annotations\.json: no-dataset"),
        ({"images": [1], "annotations": [], "categories": []}, r"annotations\.json: no-dataset"),
        ([], r"annotations\.json: unreadable-labels: holds a JSON list"),
    ):
        write_json(tmp_path / "annotations.json", document)
        with pytest.raises(DatasetError, match=message):
            open_dataset(tmp_path)
    (tmp_path / "annotations.json").write_text('{"images": [')
    with pytest.raises(DatasetError, match=r"annotations\.json: unreadable-labels: is no JSON"):
        open_dataset(tmp_path)


def test_what_is_wrong_can_be_collected_instead(tmp_path: Path) -> None:
    coco_folder(tmp_path, 3)
    document = coco_document([f"images/{number}.jpg" for number in range(3)])
    document["annotations"][0]["segmentation"] = []
    write_json(tmp_path / "annotations.json", document)
    (tmp_path / "images" / "1.jpg").write_bytes(b"no image")
    problems = []
    dataset = open_dataset(tmp_path, report=problems.append)
    assert [(each.path.name, each.kind) for each in problems] == [
        ("0.jpg", "box-only"),
        ("1.jpg", "unreadable-image"),
    ]
    assert [len(file.annotations) for file in dataset.files] == [0, 1]
