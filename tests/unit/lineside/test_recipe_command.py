from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from inspection.recipes.file import load_recipe, parse_recipe, shipped_recipes
from lineside.cli import group


def run(*arguments: object) -> Result:
    return CliRunner().invoke(group, ["recipe", *(str(argument) for argument in arguments)])


def test_list_names_every_shipped_recipe() -> None:
    words = [line.split()[0] for line in run("list").stdout.splitlines()]
    assert words == shipped_recipes()


def test_show_prints_what_reads_back_as_the_same() -> None:
    assert parse_recipe(run("show", "bottles").stdout, "x") == load_recipe("bottles")
    assert run("show", "bottle").exit_code == 2


def test_an_example_can_be_checked_and_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(run("example", "classical-threshold").stdout)
    result = run("check", path)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{path}: fine (my-recipe, model classical-threshold, 1 class")


def test_an_example_of_a_drawn_shelf_has_its_positions() -> None:
    result = run("example", "classical-threshold", "--scene", 3, "--name", "aisle-3")
    recipe = parse_recipe(result.stdout, "x")
    assert (recipe.name, recipe.model) == ("aisle-3", "classical-threshold")
    assert recipe.positions
    assert run("example", "classical-threshold", "--scene", 3, "--name", "/").exit_code == 2


def test_an_example_for_an_unknown_model_lists_the_known() -> None:
    result = run("example", "no-such-model")
    assert result.exit_code == 2
    assert "classical-threshold" in result.stderr


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("  defect:", "  defekt:", ":9: classes.defekt: got defekt, expected a class of the model"),
        ("classical-threshold", "no-such", ":4: model: got no-such, expected a model that is here"),
        ("fail:", "fial:", "got an unknown key, expected one of warn, fail; did you mean 'fail'?"),
    ],
)
def test_check_names_file_line_and_key(tmp_path: Path, old: str, new: str, where: str) -> None:
    path = tmp_path / "mine.yaml"
    text = "# mine\n\nname: mine\nmodel: classical-threshold\n\n\n\nclasses:\n"
    path.write_text((text + "  defect:\n    limits:\n      count: {fail: 0}\n").replace(old, new))
    result = run("check", "classical-threshold", path)
    assert result.exit_code == 1
    assert f"{path}:" in result.stderr
    assert where in result.stderr
    assert "classical-threshold (shipped): fine" in result.stdout
