"""`lineside planogram`: files that recipes can name, and what is said where that does not work."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result

from inspection.drawing.shelves import ShelfScene
from inspection.recipes.file import RecipeError, load_recipe
from lineside.cli import group

BOXES = "10,20,50,90;60,20,100,90;150,20,190,90"


def run(*words: object) -> Result:
    return CliRunner().invoke(group, ["planogram", *(str(word) for word in words)])


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scene = ShelfScene.from_seed(1, (640, 360))
    drawn = scene.render(scene.full(), np.random.default_rng(1))
    path = tmp_path_factory.mktemp("shelf") / "full.png"
    cv2.imwrite(str(path), drawn.image_rgb[..., ::-1])
    return path


@pytest.fixture
def learned(picture: Path, tmp_path: Path) -> Path:
    out = tmp_path / "bay.yaml"
    words = ("--boxes", BOXES, "--registration", "shift", "--fixture", "bay 3", "--out", out)
    result = run("learn", picture, *words)
    assert result.exit_code == 0, result.output
    return out


def write_recipe(folder: Path, *lines: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text("\n".join(["name: bay", "model: shelf-starter", *lines]) + "\n")
    return path


def test_what_is_learned_is_what_a_recipe_takes(learned: Path) -> None:
    recipe = load_recipe(write_recipe(learned.parent, "planogram: bay.yaml"))
    assert [each.name for each in recipe.positions] == ["A1", "A2"]
    assert [each.facings for each in recipe.positions] == [2, 1]
    assert recipe.shelf.registration == "shift"
    assert recipe.shelf.reference == (learned.parent / "bay.keypoints").read_text().strip()
    # A recipe's own word goes over that of the file.
    still = write_recipe(learned.parent, "planogram: bay.yaml", "shelf: {registration: none}")
    assert load_recipe(still).shelf.registration == "none"
    assert run("check", learned).exit_code == 0


def test_a_grid_needs_no_model_and_goes_to_the_screen(picture: Path) -> None:
    result = run("learn", picture, "--grid", "2x3")
    assert result.exit_code == 0
    assert len(yaml.safe_load(result.stdout)["positions"]) == 6


def test_a_model_finds_the_items(picture: Path) -> None:
    result = run("learn", picture, "--min-score", 0.3)
    assert result.exit_code == 0, result.output
    positions = yaml.safe_load(result.stdout)["positions"]
    # The rows are the scene's; of 38 items at this size a few may be missed.
    assert {each["fixture"] for each in positions} == {"board A", "board B", "board C"}
    assert sum(each["facings"] for each in positions) >= 30


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("facings: 2", "facings: 0"), "bay.yaml:8: positions[0].facings: got 0"),
        (("fixture: bay 3", "fixtur: bay 3"), "did you mean 'fixture'?"),
        (("bay.keypoints", "gone.keypoints"), "bay.yaml:6: keypoints: got gone.keypoints"),
        (("bay.keypoints", "../bay.keypoints"), "the name of a file beside this one"),
        (("name: A2", "name: A1"), "got 'A1' twice"),
    ],
)
def test_what_is_wrong_is_said_with_file_line_and_key(
    learned: Path, change: tuple[str, str], said: str
) -> None:
    text = learned.read_text()
    assert text.count(change[0]) == 1
    learned.write_text(text.replace(*change))
    result = run("check", learned)
    assert result.exit_code == 1
    assert said in result.stderr
    with pytest.raises(RecipeError, match=r"bay\.yaml"):
        load_recipe(write_recipe(learned.parent, "planogram: bay.yaml"))


def test_a_recipe_says_where_its_planogram_is_wrong(learned: Path) -> None:
    for lines, said in (
        (["planogram: gone.yaml"], "gone.yaml: No such file"),
        (["planogram: bay.yaml", "positions: []"], "expected planogram or positions, not both"),
        (["planogram: 3"], "expected the path of a planogram file"),
        (["shelf: {registration: shift}"], "expected a reference to go with registration shift"),
        (["shelf: {occluder: [hand]}"], "did you mean 'occluders'?"),
    ):
        with pytest.raises(RecipeError, match=r".") as raised:
            load_recipe(write_recipe(learned.parent, *lines))
        assert said in str(raised.value)


def test_bad_input_is_refused(picture: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.png"
    text.write_text("no picture")
    for words, said in (
        ((tmp_path / "gone.png", "--grid", "2x2"), "No such file"),
        ((text, "--grid", "2x2"), "text.png"),
        ((picture, "--grid", "0x2"), "expected such as 4x6"),
        ((picture, "--boxes", "1,2,3"), "expected x0,y0,x1,y1"),
        ((picture, "--boxes", "9,2,3,4"), "expected x0 < x1"),
        ((picture, "--grid", "2x2", "--boxes", BOXES), "got both"),
        ((picture, "--model", "gone"), "unknown; the models here are"),
        ((picture, "--class", "tea"), "has no class 'tea'"),
        ((picture, "--grid", "2x2", "--registration", "shift"), "needs --out"),
    ):
        result = run("learn", *words)
        assert result.exit_code == 2, words
        assert said in result.output
