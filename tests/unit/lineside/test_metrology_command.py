import json
from pathlib import Path

import cv2
import numpy as np
from click.testing import CliRunner, Result

from lineside.cli import group


def run(*arguments: object) -> Result:
    return CliRunner().invoke(group, ["metrology", *(str(argument) for argument in arguments)])


def test_masks_of_a_set_are_compared(tmp_path: Path) -> None:
    """Dark bars on bright paper, which thresholding finds as they are."""
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for number in range(2):
        image = np.full((256, 256), 200, np.uint8)
        image[100:112, 30 + number : 200] = 40
        cv2.imwrite(str(tmp_path / "images" / f"{number}.png"), image)
        cv2.imwrite(str(tmp_path / "masks" / f"{number}.png"), np.where(image < 100, 255, 0))
    result = run("--model", "classical-threshold", "--data", tmp_path, "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout.splitlines()[-1])
    assert (figures["images"], figures["components"], figures["matched"]) == (2, 2, 2)
    assert figures["length"]["median_relative_error"] < 0.03
    assert abs(figures["mean_width"]["median_error_px"]) < 2
    told = run("--model", "classical-threshold", "--data", tmp_path)
    assert "2 of 2 true components found in 2 images" in told.stdout


def test_what_cannot_be_measured_is_named(tmp_path: Path) -> None:
    nothing = run("--model", "classical-threshold", "--data", tmp_path)
    assert nothing.exit_code == 2
    assert str(tmp_path.name) in nothing.output.replace("\n", "")
    unknown = run("--model", "classical-threshold", "--data", tmp_path, "--classes", "dent")
    assert unknown.exit_code == 2
    assert "the model has no class ['dent']" in unknown.output
