from typing import Any

from inspection.recipe import Recipe
from inspection.recipes.differences import Change, changes

BODY: dict[str, Any] = {
    "name": "tile",
    "model": "m",
    "classes": {"crack": {"limits": {"length_mm": {"fail": 3.0}}}},
    "regions": [{"name": "left", "polygon": [[0, 0], [0.5, 0], [0.5, 1]]}],
}


def recipe(**values: Any) -> Recipe:
    return Recipe.model_validate(BODY | values)


def test_nothing_differs_from_itself() -> None:
    assert changes(recipe(), recipe()) == []


def test_each_key_is_told_with_both_values_in_the_order_of_the_recipe() -> None:
    after = recipe(
        discrepancies={"open_after": 2},
        classes={"crack": {"limits": {"length_mm": {"warn": 1.0, "fail": 2.5}}}, "pit": {}},
    )
    assert changes(recipe(), after)[:2] == [
        Change("classes.crack.limits.length_mm.warn", None, "1"),
        Change("classes.crack.limits.length_mm.fail", "3", "2.5"),
    ]
    assert changes(recipe(), after)[-1] == Change("discrepancies.open_after", "1", "2")


def test_regions_are_told_apart_by_their_names_wherever_they_stand() -> None:
    right = {"name": "right", "polygon": [[0.5, 0], [1, 0], [1, 1]]}
    (change,) = changes(recipe(), recipe(regions=[right, *BODY["regions"]]))
    assert change == Change("regions[right].polygon", None, "3 corners: 0.5,0 1,0 1,1")
    (moved,) = changes(
        recipe(), recipe(regions=[{"name": "left", "polygon": [[0, 0], [0.6, 0], [0.6, 1]]}])
    )
    assert moved.before != moved.after


def test_long_values_that_begin_alike_look_different() -> None:
    one, other = recipe(description="x" * 300 + "a"), recipe(description="x" * 300 + "b")
    (change,) = changes(one, other)
    assert change.before != change.after


def test_an_empty_class_that_is_added_is_a_change() -> None:
    assert changes(recipe(), recipe(classes=BODY["classes"] | {"pit": {}}))
