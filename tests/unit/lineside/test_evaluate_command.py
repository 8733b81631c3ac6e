"""`lineside evaluate` and `lineside compare` as a user meets them: figures, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from inspection.decode import encode_jpeg
from lineside.commands import compare, dataset, evaluate

MODEL = ["--model", "classical-threshold"]
SIZE = 96
KEYS = """
mask_ap mask_ap50 box_ap box_ap50 per_class.defect.mask_ap50 per_class.defect.iou
per_size.small.mask_ap50 per_size.medium.box_ap pixel.f1 pixel.precision pixel.recall pixel.miou
pixel.miou_with_background pixel.dice pixel.accuracy pixel.best_f1 pixel.best_threshold
pixel.boundary_iou count.mae count.rmse image.escape_rate image.escape_ci95 image.false_call_rate
image.false_call_ci95 detection.a90 detection.a90_95 detection.reason reliability.ece
dataset.sha256 instances.confusion
"""


def evaluated(*arguments: object) -> Result:
    words = [*MODEL, *(str(argument) for argument in arguments)]
    return CliRunner().invoke(evaluate.command, words)


def coco_set(folder: Path, name: str = "defect", images: int = 2) -> Path:
    """A dark square on light ground in each image but the last."""
    folder.mkdir(exist_ok=True)
    rows, annotations = [], []
    for number in range(images):
        pixels = np.full((SIZE, SIZE, 3), 200, dtype=np.uint8)
        if number < images - 1:
            pixels[30:60, 30:60] = 20
            ring = [30, 30, 60, 30, 60, 60, 30, 60]
            annotations.append(
                {"id": number, "image_id": number, "category_id": 1, "segmentation": [ring]}
                | {"area": 900, "bbox": [30, 30, 30, 30], "iscrowd": 0}
            )
        (folder / f"{number}.jpg").write_bytes(encode_jpeg(pixels, 95))
        rows.append({"id": number, "file_name": f"{number}.jpg", "width": SIZE, "height": SIZE})
    document = {
        "images": rows,
        "annotations": annotations,
        "categories": [{"id": 1, "name": name}],
    }
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


def changed(folder: Path, change: Callable[[dict], None]) -> None:
    path = folder / "annotations.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_every_documented_key_is_there(tmp_path: Path) -> None:
    result = evaluated("--data", coco_set(tmp_path / "set"), "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    for path in KEYS.split():
        value = report
        for key in path.split("."):
            assert key in value, path
            value = value[key]
    assert report["pixel"]["recall"] > 0.9
    assert (report["image"]["defective"], report["image"]["clean"]) == (1, 1)
    assert report["format"] == "coco"


def test_the_documentation_names_every_key(tmp_path: Path) -> None:
    said = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    report = json.loads(evaluated("--data", coco_set(tmp_path / "set"), "--json").stdout)
    del report["per_class"], report["per_size"]
    inside = {"verdicts", "dataset"}
    for name, value in report.items():
        assert f"`{name}" in said, name
        if isinstance(value, dict) and name not in inside:
            for key in value:
                assert f"`{name}.{key}`" in said, f"{name}.{key}"


@pytest.mark.parametrize("name", ["Dark spot", "defekt"])
def test_a_class_that_the_model_lacks_is_named_and_can_be_mapped(tmp_path: Path, name: str) -> None:
    data = coco_set(tmp_path / "set", name)
    refused = evaluated("--data", data)
    assert refused.exit_code == 2
    assert "unknown-class" in refused.stderr
    assert name in refused.stderr
    mapped = json.loads(evaluated("--data", data, "--map", f"{name}=defect", "--json").stdout)
    same = json.loads(evaluated("--data", coco_set(tmp_path / "own"), "--json").stdout)
    assert mapped["mask_ap"] == same["mask_ap"]
    left_out = json.loads(evaluated("--data", data, "--map", f"{name}=", "--json").stdout)
    assert left_out["instances"]["true"] == 0
    assert (left_out["image"]["false_calls"], left_out["image"]["unclear"]) == (0, 1)
    assert left_out["count"]["mae"] == 0
    union = json.loads(evaluated("--data", data, "--union", "--json").stdout)
    assert union["mask_ap"] is None
    assert union["pixel"]["f1"] == same["pixel"]["f1"]


def test_labels_of_pixels_have_no_counts_after_a_split_either(tmp_path: Path) -> None:
    pair = tmp_path / "pair"
    for number in range(4):
        rng = np.random.default_rng(number)
        pixels = cv2.resize(rng.integers(150, 250, (6, 6, 3), dtype=np.uint8), (SIZE, SIZE))
        spots = np.zeros((SIZE, SIZE), dtype=np.uint8)
        spots[8:20, 8:30] = spots[60:75, 50:80] = 255
        pixels[spots > 0] = 10
        for folder, image in (("images", pixels), ("masks", spots)):
            (pair / folder).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(pair / folder / f"{number}.png"), image)
    words = ["split", str(pair), "--out", str(tmp_path / "parts"), "--parts", "one=0.5,other=0.5"]
    divided = CliRunner().invoke(dataset.command, words)
    assert divided.exit_code == 0, divided.output
    report = json.loads(evaluated("--data", tmp_path / "parts" / "one", "--json").stdout)
    # Both spots of an image are one annotation, which is no thing to be counted.
    assert report["count"] is None
    assert report["instances"] is None
    assert report["mask_ap"] is None
    assert report["pixel"]["recall"] > 0.9


@pytest.mark.parametrize("given", ["defect", "=defect", "hole=defect", "defect=dent"])
def test_a_map_of_what_is_not_there_is_refused(tmp_path: Path, given: str) -> None:
    result = evaluated("--data", coco_set(tmp_path / "set"), "--map", given)
    assert result.exit_code == 2
    assert "Error" in result.stderr


def cut_off(folder: Path) -> None:
    path = folder / "1.jpg"
    path.write_bytes(path.read_bytes()[:-200])


def of_another_size(folder: Path) -> None:
    (folder / "1.jpg").write_bytes(encode_jpeg(np.full((50, 60, 3), 9, dtype=np.uint8), 95))


def without_its_image(folder: Path) -> None:
    (folder / "0.jpg").unlink()


def of_no_image(folder: Path) -> None:
    changed(folder, lambda document: document["annotations"][0].update(image_id=77))


def with_a_mask_of_another_size(folder: Path) -> None:
    mask = {"size": [4, 4], "counts": "04L0"}
    changed(folder, lambda document: document["annotations"][0].update(segmentation=mask))


@pytest.mark.parametrize(
    ("spoil", "file"),
    [
        (cut_off, "1.jpg"),
        (of_another_size, "1.jpg"),
        (without_its_image, "0.jpg"),
        (of_no_image, "annotations.json"),
        (with_a_mask_of_another_size, "annotations.json"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_ends_in_2(
    tmp_path: Path, spoil: Callable[[Path], None], file: str
) -> None:
    data = coco_set(tmp_path / "set")
    spoil(data)
    result = evaluated("--data", data, "--json")
    assert result.exit_code == 2, result.output
    assert file in result.stderr
    assert result.stdout == ""


def test_masks_of_another_size_and_unpaired_files_end_in_2(tmp_path: Path) -> None:
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
        cv2.imwrite(str(tmp_path / part / "a.png"), np.zeros((20, 20), dtype=np.uint8))
    assert evaluated("--data", tmp_path).exit_code == 0
    cv2.imwrite(str(tmp_path / "masks" / "a.png"), np.zeros((20, 21), dtype=np.uint8))
    wrong = evaluated("--data", tmp_path)
    assert wrong.exit_code == 2
    assert "wrong-size" in wrong.stderr
    (tmp_path / "images" / "a.png").unlink()
    alone = evaluated("--data", tmp_path)
    assert alone.exit_code == 2
    assert "label-without-image" in alone.stderr


def test_values_of_masks_are_mapped_to_classes(tmp_path: Path) -> None:
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    pixels, mask = np.full((SIZE, SIZE), 200, np.uint8), np.zeros((SIZE, SIZE), np.uint8)
    pixels[30:60, 30:60], mask[30:60, 30:60], mask[:9] = 20, 1, 2
    cv2.imwrite(str(tmp_path / "images" / "a.png"), pixels)
    cv2.imwrite(str(tmp_path / "masks" / "a.png"), mask)
    unknown = evaluated("--data", tmp_path)
    assert unknown.exit_code == 2
    assert "a.png" in unknown.stderr
    result = evaluated("--data", tmp_path, "--map", "1=defect", "--map", "2=", "--json")
    report = json.loads(result.stdout)
    assert report["compared"] == "by class"
    assert report["pixel"]["recall"] > 0.9
    both = evaluated("--data", tmp_path, "--map", "1-2=defect", "--json")
    assert json.loads(both.stdout)["pixel"]["recall"] < 0.6


def test_a_folder_that_is_no_data_set_ends_in_2(tmp_path: Path) -> None:
    result = evaluated("--data", tmp_path)
    assert result.exit_code == 2
    assert "no-dataset" in result.stderr
    assert evaluated("--data", tmp_path / "missing").exit_code == 2
    assert evaluated("--data", "drawn:walls").exit_code == 2


def test_a_report_is_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "out"
    result = evaluated("--data", coco_set(tmp_path / "set"), "--report", out)
    assert result.exit_code == 0, result.output
    assert "mask AP" in result.stdout
    page = (out / "index.html").read_text(encoding="utf-8")
    assert page.count("<img") >= 1
    assert json.loads((out / "report.json").read_text())["images"] == 2


def test_a_model_is_compared_with_itself(tmp_path: Path) -> None:
    data = coco_set(tmp_path / "set", images=4)
    words = ["classical-threshold", "classical-threshold", "--data", str(data)]
    result = CliRunner().invoke(compare.command, [*words, "--resamples", "100", "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["flips"] == []
    assert report["differences"]["mask_ap50"]["difference"] == 0
    shown = CliRunner().invoke(compare.command, [*words, "--resamples", "100"])
    assert "verdicts that flip: 0" in shown.stdout
    wrong = CliRunner().invoke(compare.command, [words[0], "nothing", "--data", str(data)])
    assert wrong.exit_code == 2


def test_a_comparison_runs_the_models_as_the_recipe_does(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: mirrors\nmodel: classical-threshold\nclasses: {defect: {}}\n"
        "inference: {flips: four}\n"
    )
    data = coco_set(tmp_path / "set")
    words = ["classical-threshold", "classical-threshold", "--data", str(data)]
    refused = CliRunner().invoke(compare.command, [*words, "--recipe", str(recipe)])
    assert refused.exit_code == 2
    assert "flips are for semantic models" in refused.stderr
    assert evaluated("--data", data, "--flips").exit_code == 2
    assert evaluated("--data", data, "--no-flips").exit_code == 0
