import json
from pathlib import Path

import cv2
import numpy as np
from click.testing import CliRunner

from inspection.drawing.surfaces import CLASSES
from lineside.commands import draw, evaluate, models, train


def test_models_are_listed_as_json() -> None:
    result = CliRunner().invoke(models.command, ["list", "--json"])
    assert result.exit_code == 0
    rows = {row["name"]: row for row in json.loads(result.stdout)["models"]}
    assert rows["surface-starter"]["classes"] == list(CLASSES)
    assert rows["surface-starter"]["ok"]
    assert rows["shelf-starter"]["classes"] == ["item"]


def test_a_broken_model_is_listed_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.json").write_text("{}")
    result = CliRunner().invoke(models.command, ["list", "--dir", str(tmp_path)])
    assert result.exit_code == 0
    assert "broken  unusable: model.json" in result.stdout


def test_drawn_mask_pairs_can_be_evaluated(tmp_path: Path) -> None:
    out = tmp_path / "set"
    runner = CliRunner()
    arguments = ["surfaces", "--out", str(out), "--count", "2", "--seed", "5", "--masks"]
    assert runner.invoke(draw.command, arguments).exit_code == 0
    again = runner.invoke(draw.command, arguments)
    assert again.exit_code == 2
    assert "holds a data set already" in again.stderr
    for form in ("mask-pairs", "coco"):
        result = runner.invoke(
            evaluate.command,
            ["--model", "classical-threshold", "--data", str(out), "--format", form, "--json"]
            + (["--map", "*=defect"] if form == "coco" else []),
        )
        assert result.exit_code == 0, result.output
        report = json.loads(result.stdout)
        assert report["images"] == 2
        assert {"f1", "precision", "recall", "miou"} <= set(report["pixel"])


def test_evaluate_says_what_is_wrong(tmp_path: Path) -> None:
    runner = CliRunner()
    common = ["--data", str(tmp_path), "--format", "mask-pairs"]
    unknown = runner.invoke(evaluate.command, ["--model", "nothing", *common])
    assert unknown.exit_code == 2
    assert "classical-threshold" in unknown.stderr
    empty = runner.invoke(evaluate.command, ["--model", "classical-threshold", *common])
    assert empty.exit_code == 2
    assert "no folders images/ and masks/" in empty.stderr
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
        cv2.imwrite(str(tmp_path / part / "a.png"), np.zeros((20, 20, 3), dtype=np.uint8))
    wrong = runner.invoke(
        evaluate.command, ["--model", "classical-threshold", *common, "--classes", "dent"]
    )
    assert wrong.exit_code == 2
    assert "no class ['dent']" in wrong.stderr


def test_train_refuses_two_ends_and_odd_durations(tmp_path: Path) -> None:
    runner = CliRunner()
    common = ["--data", "drawn:surfaces", "--out", str(tmp_path / "m")]
    both = runner.invoke(train.command, [*common, "--steps", "5", "--time-budget", "1m"])
    assert both.exit_code == 2
    assert "exclude each other" in both.stderr
    odd = runner.invoke(train.command, [*common, "--time-budget", "soon"])
    assert odd.exit_code == 2
    assert "such as 90s, 45m or 1.5h" in odd.stderr
