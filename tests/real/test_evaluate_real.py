"""`lineside evaluate` on real labelled sets of every form, as they come.

The images are not in the repository: `LINESIDE_REAL_DATA` names their folder (`make test-real`).
"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lineside.commands import evaluate

pytestmark = pytest.mark.real_data


def evaluated(data: Path, *arguments: str, images: int = 24) -> dict:
    words = ["--data", str(data), "--limit", str(images), "--json", *arguments]
    result = CliRunner().invoke(evaluate.command, words)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["images"] == images
    return report


def test_cracks_as_mask_pairs(real_data: Path) -> None:
    report = evaluated(
        real_data / "deepcrack" / "train", "--model", "surface-starter", "--classes", "crack"
    )
    assert (report["format"], report["compared"]) == ("mask-pairs", "union")
    assert report["pixel"]["f1"] > 0.3
    assert report["pixel"]["best_f1"] >= report["pixel"]["f1"] - 1e-9
    assert report["image"]["defective"] == 24


def test_tiles_sorted_by_class(real_data: Path) -> None:
    report = evaluated(
        real_data / "magnetic-tile" / "train", "--model", "surface-starter", images=40
    )
    assert set(report["per_class"]) == {"blowhole", "break", "crack", "fray", "uneven"}
    assert report["image"]["clean"] > 5
    assert report["pixel"]["miou"] > 0.05


def test_pitting_as_labelme(real_data: Path) -> None:
    data = real_data / "ball-screw-pitting" / "train"
    report = evaluated(data, "--model", "surface-starter", "--map", "Pitting=pit")
    assert report["format"] == "labelme"
    assert report["instances"]["true"] >= 24
    assert report["mask_ap"] is not None


def test_screws_as_yolo(real_data: Path) -> None:
    report = evaluated(real_data / "screws", "--model", "classical-threshold", "--map", "*=defect")
    assert report["format"] == "yolo-seg"
    assert report["count"]["mae"] is not None
