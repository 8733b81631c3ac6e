"""`lineside inspect` on real photos and a real clip, as a new user would try it.

The images are not in the repository: `LINESIDE_REAL_DATA` names their folder (`make test-real`).
"""

import json
from pathlib import Path

import cv2
import pytest
from click.testing import CliRunner

from inspection.decode import decode_image, encode_png
from inspection.rle import decode
from lineside.cli import group

pytestmark = pytest.mark.real_data


def inspected(*arguments: object) -> list[dict]:
    words = ["inspect", *(str(argument) for argument in arguments), "--json"]
    result = CliRunner().invoke(group, words)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_most_photos_of_cracks_show_a_crack_where_it_is(real_data: Path) -> None:
    folder = real_data / "deepcrack" / "train"
    images = sorted((folder / "images").glob("*.jpg"))[::6]
    lines = inspected(*images, "--recipe", "surface-starter")
    hits = 0
    for path, line in zip(images, lines, strict=True):
        truth = cv2.imread(str(folder / "masks" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE) > 0
        masks = [decode(each["mask_rle"]) for each in line["findings"] if each["class"] == "crack"]
        hits += any((mask & truth).sum() > 0.3 * mask.sum() for mask in masks)
        assert line["size_wh"] == [truth.shape[1], truth.shape[0]]
    assert hits >= len(images) / 2, f"{hits} of {len(images)}"


def test_magnetic_tiles_of_any_size_are_inspected(real_data: Path) -> None:
    images = sorted((real_data / "magnetic-tile" / "train").glob("*/images/*.jpg"))[::8]
    lines = inspected(*images, "--recipe", "surface-starter")
    assert len(lines) == len(images) > 40
    free = [line for line in lines if "/free/" in line["image"]]
    # Tiles without a defect must not be rejected by the dozen.
    assert sum(line["verdict"] == "fail" for line in free) <= len(free) / 4


def test_the_classical_engine_answers_every_photo(real_data: Path) -> None:
    folder = real_data / "deepcrack" / "train" / "images"
    images = sorted(folder.glob("*.jpg"))[::10]
    lines = inspected(*images, "--recipe", "classical-threshold")
    assert [line["image"] for line in lines] == [str(path) for path in images]


@pytest.mark.parametrize(
    ("frame", "missing"),
    [(0, set()), (300, {"left"}), (600, {"left", "middle"}), (900, set()), (1000, {"right"})],
)
def test_bottles_that_were_taken_away_are_missed(
    real_data: Path, tmp_path: Path, frame: int, missing: set[str]
) -> None:
    clip = cv2.VideoCapture(str(real_data / "clips" / "bottle-detection.mp4"))
    for _ in range(frame + 1):
        assert clip.grab()
    _, bgr = clip.retrieve()
    path = tmp_path / "frame.png"
    path.write_bytes(encode_png(bgr[..., ::-1].copy()))
    assert decode_image(path.read_bytes()).shape == (360, 640, 3)
    (line,) = inspected(path, "--recipe", "bottles")
    seen = {each["place"]: each["value"] for each in line["measurements"]}
    assert {place for place, count in seen.items() if count == 0} == missing
    assert line["verdict"] == ("fail" if missing else "pass")
