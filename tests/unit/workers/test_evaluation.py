import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from inspection.datasets import DatasetError
from inspection.detections import Detections, InstanceMask
from workers import labelled_images
from workers.engines.detector import RgbImage
from workers.engines.thresholds import Thresholds
from workers.evaluation import LabelledImage, evaluate

HALVES = Thresholds(np.array([0.5, 0.5], np.float32), np.array([0.5, 0.5], np.float32))


class RedIsCrack:
    """Finds each image's red pixels as one crack and its blue ones as one pit."""

    classes = ("crack", "pit")

    def __init__(self, score: float = 0.9) -> None:
        self.score = score

    def detect(self, images_rgb: Sequence[RgbImage]) -> list[Detections]:
        return [self._one(image) for image in images_rgb]

    def detect_stream(self, images_rgb: Iterable[RgbImage]) -> Iterator[Detections]:
        ahead = list(images_rgb)  # as far ahead as an engine may ever draw
        yield from self.detect(ahead)

    def close(self) -> None:
        pass

    def _one(self, image: RgbImage) -> Detections:
        masks, classes = [], []
        for class_id, channel in enumerate((0, 2)):
            bits = image[..., channel] > 200
            if bits.any():
                masks.append(InstanceMask.from_frame(bits))
                classes.append(class_id)
        boxes = [(m.x0, m.y0, m.x0 + m.bits.shape[1], m.y0 + m.bits.shape[0]) for m in masks]
        return Detections(
            (image.shape[1], image.shape[0]),
            np.array(boxes, dtype=np.float32).reshape(-1, 4),
            np.full(len(masks), self.score, dtype=np.float32),
            np.array(classes, dtype=np.int64),
            tuple(masks),
        )


def picture(red_rows: int = 0, blue_rows: int = 0) -> RgbImage:
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    image[:red_rows, :, 0] = 255
    image[40 - blue_rows :, :, 2] = 255
    return image


def mask_of_rows(count: int) -> np.ndarray:
    mask = np.zeros((40, 60), dtype=np.bool_)
    mask[:count] = True
    return mask


def write_pair(folder: Path, name: str, image: RgbImage, mask: np.ndarray) -> None:
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / "images" / f"{name}.png"), image[..., ::-1])
    bilevel = [cv2.IMWRITE_PNG_BILEVEL, 1]
    cv2.imwrite(str(folder / "masks" / f"{name}.png"), mask.astype(np.uint8) * 255, bilevel)


def test_pixels_of_the_chosen_classes_are_compared() -> None:
    images = [LabelledImage(picture(10, 10), None, mask_of_rows(20))]
    report = evaluate(RedIsCrack(), HALVES, images, ["crack"])
    assert report["pixel"]["precision"] == 1
    assert report["pixel"]["recall"] == pytest.approx(0.5)
    assert report["pixel"]["miou"] == pytest.approx(0.5)
    assert report["mask_ap"] is None
    both = evaluate(RedIsCrack(), HALVES, images)
    assert both["pixel"]["precision"] == pytest.approx(0.5)


def test_findings_below_the_model_s_threshold_do_not_count_as_pixels() -> None:
    images = [LabelledImage(picture(10), None, mask_of_rows(10))]
    report = evaluate(RedIsCrack(score=0.4), HALVES, images)
    assert report["pixel"]["recall"] == 0


def test_instances_give_average_precision() -> None:
    crack = InstanceMask.from_frame(mask_of_rows(10))
    images = [LabelledImage(picture(10), (("crack", crack),)), LabelledImage(picture(), ())]
    report = evaluate(RedIsCrack(), HALVES, images)
    assert report["images"] == 2
    assert report["mask_ap50"] == pytest.approx(1)
    assert report["per_class"]["crack"]["mask_ap50"] == pytest.approx(1)
    assert report["per_class"]["pit"]["mask_ap50"] is None
    assert report["pixel"]["f1"] == 1
    assert (report["pixel"]["clean_images"], report["pixel"]["clean_images_with_findings"]) == (
        1,
        0,
    )


def test_no_image_at_all_is_an_empty_report() -> None:
    assert evaluate(RedIsCrack(), HALVES, [])["images"] == 0


def test_a_class_that_the_model_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no class \['dent'\]"):
        evaluate(RedIsCrack(), HALVES, [], ["dent"])


def test_mask_pairs_are_found_by_stem_in_the_folder_itself(tmp_path: Path) -> None:
    write_pair(tmp_path, "a", picture(10), mask_of_rows(10))
    write_pair(tmp_path, "b", picture(4), mask_of_rows(8))
    report = evaluate(RedIsCrack(), HALVES, labelled_images.mask_pairs(tmp_path))
    assert report["images"] == 2
    assert report["pixel"]["recall"] == pytest.approx(14 / 18)
    assert report["per_class"] == {}


def test_folders_nested_by_class_are_averaged_and_good_images_count_apart(tmp_path: Path) -> None:
    write_pair(tmp_path / "crack", "a", picture(10), mask_of_rows(10))
    write_pair(tmp_path / "fray", "b", picture(4), mask_of_rows(8))
    write_pair(tmp_path / "free", "c", picture(2), mask_of_rows(0))
    report = evaluate(RedIsCrack(), HALVES, labelled_images.mask_pairs(tmp_path))
    assert report["per_class"]["crack"]["iou"] == 1
    assert report["per_class"]["fray"]["iou"] == pytest.approx(0.5)
    assert report["pixel"]["miou"] == pytest.approx(0.75)
    assert report["pixel"]["clean_images_with_findings"] == 1


def test_a_limit_spreads_over_the_class_folders(tmp_path: Path) -> None:
    for group in ("crack", "fray"):
        for number in range(4):
            write_pair(tmp_path / group, str(number), picture(10), mask_of_rows(10))
    groups = [image.group for image in labelled_images.mask_pairs(tmp_path, limit=4)]
    assert groups == ["crack", "crack", "fray", "fray"]


def test_a_folder_without_pairs_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no folders images/ and masks/"):
        labelled_images.mask_pairs(tmp_path)


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    write_pair(tmp_path, "a", picture(10), np.zeros((20, 60), dtype=np.bool_))
    with pytest.raises(DatasetError, match=r"a\.png: wrong-size: has 60×20 px, expected the 60×40"):
        labelled_images.mask_pairs(tmp_path)


def test_coco_polygons_and_rle_are_read(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), picture(10)[..., ::-1])
    ring = [0, 0, 60, 0, 60, 10, 0, 10]
    document = {
        "images": [{"id": 5, "file_name": "images/a.png", "width": 60, "height": 40}],
        "categories": [{"id": 3, "name": "crack"}],
        "annotations": [{"id": 1, "image_id": 5, "category_id": 3, "segmentation": [ring]}],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(document))
    (image,) = labelled_images.coco(tmp_path)
    assert image.instances is not None
    name, mask = image.instances[0]
    assert (name, mask.area_px) == ("crack", 600)


def test_drawn_images_are_the_same_every_time_and_not_those_of_training() -> None:
    one, same = (next(iter(labelled_images.drawn("surfaces", 1))) for _ in range(2))
    other = next(iter(labelled_images.drawn("surfaces", 1, seed=1)))
    assert np.array_equal(one.image_rgb, same.image_rgb)
    assert not np.array_equal(one.image_rgb, other.image_rgb)
    with pytest.raises(labelled_images.LabelledDataError, match="'walls'"):
        next(iter(labelled_images.drawn("walls", 1)))
