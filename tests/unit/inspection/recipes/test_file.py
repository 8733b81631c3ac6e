from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from inspection.drawing.shelves import ShelfScene
from inspection.recipe import Recipe
from inspection.recipes.example import as_yaml, example_for
from inspection.recipes.file import (
    RecipeError,
    RecipeFile,
    load_recipe,
    open_recipe,
    parse_recipe,
    read_recipe,
    shipped_recipes,
)
from inspection.shelves.planogram import positions_of, recipe_of_scene

GOOD = """\
name: weld
model: surface-starter
classes:
  crack:
    limits:
      length_mm: {warn: 1.5, fail: 3}
  pit:
    min_score: 0.6
regions:
  - name: seam
    polygon: [[0, 0.4], [1, 0.4], [1, 0.6]]
positions:
  - name: A1
    product: Cola
    box: [0, 0, 0.5, 1]
"""


def refused(text: str) -> RecipeError:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, "weld.yaml")
    return caught.value


def test_a_good_recipe_is_read() -> None:
    recipe = parse_recipe(GOOD, "weld.yaml")
    limit = recipe.classes["crack"].limit("length_mm")
    assert limit is not None
    assert (limit.warn, limit.fail) == (1.5, 3)
    assert recipe.regions[0].polygon[2] == (1, 0.6)
    assert recipe.positions[0].box == (0, 0, 0.5, 1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "    min_score: 0.6",
            "    min_scor: 0.6",
            "weld.yaml:8: classes.pit.min_scor: got an unknown key, expected one of min_score,"
            " limits; did you mean 'min_score'?",
        ),
        (
            "length_mm: {warn: 1.5, fail: 3}",
            "length_mm: {warn: 1.5, fail: -3}",
            "weld.yaml:6: classes.crack.limits.length_mm.fail: got -3, expected greater than or"
            " equal to 0",
        ),
        (
            "length_mm: {warn: 1.5, fail: 3}",
            "lenght_mm: {warn: 1.5, fail: 3}",
            "weld.yaml:6: classes.crack.limits.lenght_mm: got 'lenght_mm', expected one of count,"
            " area_px, area_mm2, length_px, length_mm, mean_width_px, mean_width_mm,"
            " max_width_px, max_width_mm, width_p95_px, width_p95_mm, branches;"
            " did you mean 'length_mm'?",
        ),
        (
            "warn: 1.5, fail: 3}",
            "warn: 5, fail: 3}",
            "weld.yaml:6: classes.crack.limits.length_mm: expected warn <= fail, got warn 5.0 and"
            " fail 3.0",
        ),
        (
            "min_score: 0.6",
            "min_score: high",
            "weld.yaml:8: classes.pit.min_score: got 'high', expected a valid number, unable to"
            " parse string as a number",
        ),
        (
            "min_score: 0.6",
            "min_score: yes",
            "weld.yaml:8: classes.pit.min_score: got yes, expected a number or a text; quote the"
            " words yes, no, on, off, true and false",
        ),
        (
            "fail: 3}",
            "fail: .inf}",
            "weld.yaml:6: classes.crack.limits.length_mm.fail: got inf, expected a finite number",
        ),
        (
            "    product: Cola\n",
            "",
            "weld.yaml:13: positions[0].product: got nothing, expected the key product",
        ),
        (
            "box: [0, 0, 0.5, 1]",
            "box: [0, 0, 1.5, 1]",
            "weld.yaml:15: positions[0].box[2]: got 1.5, expected less than or equal to 1",
        ),
        (
            "  pit:\n",
            "  crack:\n",
            "weld.yaml:7: classes.crack: got crack, expected each key once, it stands in line 4"
            " already",
        ),
        ("model: surface-starter\n", "", "weld.yaml:1: model: got nothing, expected the key model"),
    ],
)
def test_an_error_names_line_key_value_and_what_was_expected(
    old: str, new: str, message: str
) -> None:
    assert GOOD.count(old) == 1
    assert str(refused(GOOD.replace(old, new))) == message


def test_every_problem_is_told_at_once_in_the_order_of_lines() -> None:
    text = (
        GOOD.replace("warn: 1.5", "warn: -1.5").replace("0.6\n", "6\n").replace("name: A1", "x: 1")
    )
    error = refused(text)
    assert [problem.line for problem in error.problems] == [6, 8, 13, 13]
    assert error.line == 6
    assert error.key == "classes.crack.limits.length_mm.warn"
    assert error.value == "-1.5"
    assert len(str(error).splitlines()) == 4


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("", 1, "a mapping"),
        ("- a\n- b\n", 1, "a mapping"),
        ("just words", 1, "a mapping"),
        ("name: weld\n  model: x\n", 2, "well-formed YAML"),
        ("name: weld\nmodel: [x\n", 3, "well-formed YAML"),
        ("name: \x00", 1, "well-formed YAML"),
        ("name: a\nmodel: b\n---\nname: c\n", 3, "one document"),
        ("name: a\nmodel: b\n? [x, y]\n: c\n", 3, "a word as a key"),
        ("name: !!python/object/apply:os.system [ls]\nmodel: b\n", 1, "a valid string"),
        ("name: !shout b\nmodel: b\n", 1, "a plain number or text"),
        ("name: 2024-01-01\nmodel: b\n", 1, "a plain number or text"),
        ("name: !!binary aGk=\nmodel: b\n", 1, "a plain number or text"),
        ("name: " + "[" * 30 + "]" * 30, 1, "at most 20 levels"),
        ("name: a\nclasses: &c {}\nmodel: *c\n", 3, "without aliases"),
        ("name: " + "a" * 1_000_001, 1, "at most 1000000 bytes"),
    ],
)
def test_what_is_no_recipe_is_refused(text: str, line: int, expected: str) -> None:
    error = refused(text)
    assert error.line == line
    assert expected in error.expected


def test_an_alias_bomb_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "without aliases" in refused("\n".join(lines)).expected


CLASSES = ("crack", "scratch", "pit", "item")


def read(text: str) -> RecipeFile:
    return read_recipe(text, "weld.yaml")


def test_classes_are_checked_against_the_model() -> None:
    read(GOOD).check_against_model(CLASSES)
    with pytest.raises(RecipeError) as caught:
        read(GOOD.replace("  pit:", "  pits:")).check_against_model(CLASSES)
    assert str(caught.value) == (
        "weld.yaml:7: classes.pits: got pits, expected a class of the model surface-starter:"
        " crack, scratch, pit, item; did you mean 'pit'?"
    )


def test_positions_count_a_class_of_the_model() -> None:
    with pytest.raises(RecipeError) as caught:
        read(GOOD).check_against_model(("crack", "pit"))
    assert caught.value.line == 13
    assert caught.value.key == "positions[0]"
    assert caught.value.value == "item"


def test_the_model_has_to_be_there() -> None:
    with pytest.raises(RecipeError) as caught:
        read(GOOD.replace("model: surface-starter", "model: no-such-model")).check_model()
    assert str(caught.value).startswith(
        "weld.yaml:2: model: got no-such-model, expected a model that is here (unknown; the models"
        " here are: "
    )


def test_a_file_is_read_with_its_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "weld.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load_recipe(path) == parse_recipe(GOOD, "x")
    assert open_recipe(str(path)).source == str(path)


def test_other_bytes_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "weld.yaml"
    path.write_bytes(b"name: a\nmodel: \xff\n")
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert caught.value.line == 2


def test_an_unknown_name_lists_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe("surface-startr")
    assert "shelf-sample" in str(caught.value)
    assert "did you mean 'surface-starter'?" in str(caught.value)
    with pytest.raises(RecipeError):
        load_recipe(tmp_path)


@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipes_are_named_as_their_files(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.classes or recipe.positions
    assert recipe.description


def test_what_is_shipped() -> None:
    assert set(shipped_recipes()) >= {
        "bottles",
        "classical-threshold",
        "shelf-sample",
        "surface-sample",
        "surface-starter",
    }
    assert load_recipe("surface-sample").needs_mm
    assert not load_recipe("surface-starter").needs_mm
    open_recipe("classical-threshold").check_model()


def test_the_sample_shelf_is_the_scene_that_its_camera_draws() -> None:
    scene = ShelfScene.from_seed(1, (1280, 720))
    # `lineside recipe example shelf-starter --scene 1 --name shelf-sample` writes it anew.
    assert load_recipe("shelf-sample") == recipe_of_scene(
        scene, "shelf-sample", "shelf-starter", "The drawn shelf of seed 1."
    )


def test_positions_hold_the_places_of_their_scene() -> None:
    scene = ShelfScene.from_seed(5, (640, 480))
    for place, position in zip(scene.positions, positions_of(scene), strict=True):
        x0, y0, x1, y1 = place.region_xyxy
        assert position.box[0] * 640 <= x0 + 1
        assert position.box[2] * 640 >= x1 - 1
        assert position.box[1] * 480 == pytest.approx(y0, abs=1)
        assert position.box[3] * 480 == pytest.approx(y1, abs=1)
        assert position.facings == place.facings


@pytest.mark.parametrize("name", shipped_recipes())
def test_yaml_of_a_recipe_reads_back_as_the_same(name: str) -> None:
    recipe = load_recipe(name)
    assert parse_recipe(as_yaml(recipe, "two\nlines"), "x") == recipe


@pytest.mark.parametrize("classes", [("crack", "pit"), ("item",), ("item", "crack")])
def test_an_example_is_a_recipe_for_its_model(classes: tuple[str, ...]) -> None:
    file = read_recipe(example_for("some-model", classes), "example")
    file.check_against_model(classes)
    assert set(file.recipe.classes) == set(classes) - {"item"}
    assert bool(file.recipe.positions) == ("item" in classes)


texts = st.text(max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
keys = st.sampled_from([*Recipe.model_fields, "crack", "limits", "warn", "box"]) | texts
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4)
)


@given(st.one_of(trees.map(lambda tree: yaml.safe_dump(tree)), st.text(max_size=200)))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_recipe_or_an_error_with_a_line(text: str) -> None:
    try:
        recipe = parse_recipe(text, "fuzz")
    except RecipeError as error:
        problem = error
    else:
        assert isinstance(recipe, Recipe)
        return
    assert problem.line >= 1
    assert problem.expected


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.characters()), max_size=4))
@settings(max_examples=300, deadline=None)
def test_a_recipe_with_typing_errors_never_crashes(changes: list[tuple[int, str]]) -> None:
    text = GOOD
    for place, letter in changes:
        text = text[:place] + letter + text[place + 1 :]
    try:
        parse_recipe(text, "fuzz")
    except RecipeError as error:
        problem = error
    else:
        return
    assert problem.line >= 1
