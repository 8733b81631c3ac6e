from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from inspection.classical.settings import ThresholdSettings
from inspection.model_folder import load_model_folder
from lineside.commands import train
from workers import engines
from workers.training.classical import Example, fit

CHOICES = {"light": (False, True), "contrast": (0.1, 0.3, 0.5), "least_area_px": (20, 60)}


def wall(number: int) -> Example:
    """A noisy wall with a light spot to be found and a dark one that is none."""
    rng = np.random.default_rng(number)
    image = rng.normal(110, 6, (96, 128)).clip(0, 255)
    defect = np.zeros(image.shape, np.uint8)
    at = (int(rng.integers(30, 60)), int(rng.integers(30, 60)))
    cv2.circle(defect, at, 7, 1, cv2.FILLED)
    image[defect > 0] += 60
    cv2.circle(image, (100, 60), 6, 40, cv2.FILLED)
    rgb = np.repeat(image[..., None], 3, axis=2).astype(np.uint8)
    return Example(rgb, defect.astype(np.bool_))


def test_light_defects_are_found_and_dark_ones_left_out() -> None:
    told: list[tuple[int, int]] = []
    walls = [wall(number) for number in range(6)]
    fitted = fit("threshold", walls, lambda *at: told.append(at), CHOICES)
    assert isinstance(fitted.settings, ThresholdSettings)
    assert fitted.settings.light
    assert fitted.f1 > 0.9
    assert fitted.validation is not None
    assert fitted.validation["images"] == 1
    assert fitted.validation["f1"] > 0.9
    assert told[-1] == (14, 14)


def test_settings_that_exclude_each_other_are_passed_over() -> None:
    grid = {"strength": (0.1, 0.9), "look_for": ("lines", "outlines")}
    assert fit("edges", [wall(0)], grid=grid).settings.model_dump()["strength"] < 0.9


def test_what_cannot_be_chosen_by_is_refused() -> None:
    with pytest.raises(ValueError, match="'canny'; expected one of threshold, edges"):
        fit("canny", [wall(0)])
    good = Example(wall(0).image_rgb, np.zeros((96, 128), dtype=np.bool_))
    with pytest.raises(ValueError, match="no labelled defect"):
        fit("threshold", [good])
    with pytest.raises(ValueError, match="no labelled defect"):
        fit("threshold", [])


def test_the_command_writes_a_folder_that_runs(tmp_path: Path) -> None:
    for part in ("images", "masks"):
        (tmp_path / "spot" / part).mkdir(parents=True)
    for number in range(5):
        one = wall(number)
        cv2.imwrite(str(tmp_path / f"spot/images/{number}.png"), one.image_rgb)
        cv2.imwrite(str(tmp_path / f"spot/masks/{number}.png"), one.defect.astype(np.uint8) * 255)
    out = tmp_path / "models" / "spots"
    common = ["--data", str(tmp_path / "spot"), "--out", str(out)]
    result = CliRunner().invoke(train.command, [*common, "--network", "classical:threshold"])
    assert result.exit_code == 0, result.output
    folder = load_model_folder(out)
    assert folder.manifest.training is not None
    assert folder.manifest.training.data[0].images == 5
    (found,) = engines.load(folder).detect([wall(9).image_rgb])
    assert len(found) == 1
    unknown = CliRunner().invoke(train.command, [*common, "--network", "classical:canny"])
    assert unknown.exit_code == 2
    assert "expected one of threshold, edges" in unknown.stderr
    nothing = CliRunner().invoke(
        train.command,
        ["--data", str(tmp_path / "no"), "--out", str(out), "--network", "classical:edges"],
    )
    assert nothing.exit_code == 2
