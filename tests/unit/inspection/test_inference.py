import pytest
from pydantic import ValidationError

from inspection.inference import Inference, Join, Tiling, split_inference, with_inference
from inspection.recipe import Recipe
from inspection.recipes.file import RecipeError, read_recipe

TILING = Tiling(tile_px=1024, overlap_px=128)


@pytest.mark.parametrize(
    ("inference", "text"),
    [
        (Inference(), "m"),
        (Inference(tiling=TILING), "m?tile=1024+128"),
        (Inference(join=Join(gap_px=6.5)), "m?join=6.5"),
        (Inference(tiling=TILING, flips="four"), "m?tile=1024+128&flips=four"),
        (Inference(flips="none"), "m?flips=none"),
        (
            Inference(tiling=TILING, join=Join(gap_px=0, classes=("crack", "hair-line"))),
            "m?tile=1024+128&join=0:crack,hair-line",
        ),
    ],
)
def test_a_model_and_how_it_is_run_are_one_string(inference: Inference, text: str) -> None:
    assert with_inference("m", inference) == text
    assert split_inference(text) == ("m", inference)


@pytest.mark.parametrize("name", ["m", "a/folder?", "what?ever=1", "m?tile=9", "a?b?c"])
def test_any_other_text_is_a_model_s_name(name: str) -> None:
    assert split_inference(name) == (name, Inference())


def test_what_is_left_open_is_taken_from_below() -> None:
    own = Inference(join=Join(gap_px=6))
    assert Inference(tiling=TILING).over(own) == Inference(tiling=TILING, join=Join(gap_px=6))
    off = Inference(join=Join(gap_px=0))
    assert off.over(own).join == Join(gap_px=0)
    assert Inference(flips="none").over(Inference(flips="four")).flips == "none"
    assert Inference().over(Inference(flips="four")).flips == "four"


def test_a_recipe_is_claimed_by_its_model_and_how_it_is_run() -> None:
    assert Recipe(name="r", model="m").engine_key == "m"
    assert Recipe(name="r", model="m", inference=Inference(tiling=TILING)).engine_key == (
        "m?tile=1024+128"
    )
    with pytest.raises(ValidationError, match="shorter model"):
        Recipe(name="r", model="m" * 295, inference=Inference(tiling=TILING))


@pytest.mark.parametrize(
    ("inference", "message"),
    [
        ("tiling: {tile_px: 1024}", r":5: inference\.tiling\.overlap_px: got nothing"),
        ("tiling: {tile_px: 512, overlap_px: 300}", r":5: inference\.tiling: .*at most half"),
        ("flips: 4", r":5: inference\.flips: got 4, expected .*four"),
        ("join: {gap: 5}", r":5: inference\.join\.gap: .*did you mean 'gap_px'"),
        ("join: {gap_px: 5, classes: [crak]}", r":5: inference\.join\.classes\[0\]: got crak, .*"),
    ],
)
def test_a_wrong_key_is_named_with_its_line(inference: str, message: str) -> None:
    text = f"name: r\nmodel: surface-starter\nclasses: {{}}\ninference:\n  {inference}\n"
    with pytest.raises(RecipeError, match=message):
        read_recipe(text, "r.yaml").check_against_model(("crack", "pit"))
