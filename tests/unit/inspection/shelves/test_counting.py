"""Items on positions: whose they are, what hides them, and what a moving hand leaves unsaid."""

import numpy as np
import pytest

from inspection.detections import Detections, InstanceMask
from inspection.judge import judge
from inspection.recipe import Recipe
from inspection.shelves.sight import Sight, changed_between, look_of
from inspection.verdicts import Reason, Verdict

SIZE = (200, 100)
CLASSES = ("milk", "tea", "hand")
LEFT, RIGHT = [0.0, 0.2, 0.5, 1.0], [0.5, 0.2, 1.0, 1.0]
RECIPE = Recipe.model_validate(
    {
        "name": "shelf",
        "model": "m",
        "positions": [
            {"name": "A1", "product": "Milk", "class_name": "milk", "box": LEFT, "facings": 2},
            {"name": "A2", "product": "Tea", "class_name": "tea", "box": RIGHT},
        ],
    }
)


def found(*items: tuple[str, tuple[int, int, int, int]], score: float = 0.9) -> Detections:
    boxes = np.array([box for _, box in items], dtype=np.float32).reshape(-1, 4)
    masks = tuple(
        InstanceMask(np.ones((y1 - y0, x1 - x0), dtype=np.bool_), x0, y0)
        for _, (x0, y0, x1, y1) in items
    )
    ids = np.array([CLASSES.index(name) for name, _ in items], dtype=np.int64)
    return Detections(SIZE, boxes, np.full(len(items), score, np.float32), ids, masks)


MILK, SECOND_MILK = ("milk", (10, 40, 30, 90)), ("milk", (50, 40, 70, 90))
TEA = ("tea", (140, 40, 160, 90))


def places(judgement) -> dict[str, float]:
    return {each.place: each.value for each in judgement.measurements}


def moving(x0: int, x1: int) -> np.ndarray:
    changed = np.zeros((48, 96), dtype=np.bool_)
    changed[10:40, x0:x1] = True
    return changed


def test_an_item_of_another_product_is_misplaced_and_fills_nothing() -> None:
    judgement = judge(found(MILK, ("milk", (130, 40, 150, 90))), CLASSES, RECIPE)
    assert places(judgement) == {"A1": 1, "A2": 0}
    kinds = {(each.kind, each.place): each.severity for each in judgement.deviations}
    assert kinds == {("out_of_stock", "A2"): Verdict.FAIL, ("misplaced", "A2"): Verdict.WARN}
    assert "milk misplaced at Tea" in judgement.detail


def test_an_item_found_twice_counts_once_and_more_than_belongs_is_no_gap() -> None:
    twice = found(MILK, ("milk", (11, 42, 29, 88)), TEA)
    assert places(judge(twice, CLASSES, RECIPE))["A1"] == 1
    three = found(MILK, SECOND_MILK, ("milk", (72, 40, 92, 90)), TEA)
    judgement = judge(three, CLASSES, RECIPE)
    assert places(judgement)["A1"] == 3
    assert judgement.verdict is Verdict.PASS


def test_an_item_between_two_positions_belongs_to_its_own_products() -> None:
    overlapping = RECIPE.model_copy(
        update={
            "positions": [
                RECIPE.positions[0].model_copy(update={"box": (0.0, 0.2, 0.7, 1.0)}),
                RECIPE.positions[1],
            ]
        }
    )
    between = found(MILK, ("tea", (110, 40, 130, 90)), ("milk", (112, 40, 132, 90)))
    judgement = judge(between, CLASSES, overlapping)
    assert places(judgement) == {"A1": 2, "A2": 1}
    # What stands at no position is no facing.
    assert places(judge(found(MILK, TEA, ("milk", (50, 0, 60, 10))), CLASSES, RECIPE))["A1"] == 1


def test_a_hand_that_the_model_sees_hides_a_gap_and_not_the_other_positions() -> None:
    hand = ("hand", (120, 0, 150, 50))
    judgement = judge(found(MILK, hand), CLASSES, RECIPE)
    assert places(judgement) == {"A1": 1}
    assert judgement.unsettled == {"A2"}
    assert judgement.verdict is Verdict.PASS
    assert "1 not seen" in judgement.detail
    # With its tea in sight it is counted, but a gap would not be closed yet.
    seen = judge(found(MILK, TEA, hand), CLASSES, RECIPE)
    assert places(seen) == {"A1": 1, "A2": 1}
    assert seen.unsettled == {"A2"}


def test_what_moves_beside_the_items_hides_a_gap() -> None:
    sight = Sight(changed=moving(60, 80))
    assert places(judge(found(MILK), CLASSES, RECIPE, None, sight)) == {"A1": 1}
    quiet = RECIPE.model_copy(update={"shelf": RECIPE.shelf.model_copy(update={"motion": 0})})
    assert places(judge(found(MILK), CLASSES, quiet, None, sight)) == {"A1": 1, "A2": 0}


def test_items_that_move_are_seen_but_close_no_gap_unless_they_never_rest() -> None:
    sight = Sight(changed=moving(60, 80))
    judgement = judge(found(MILK, TEA), CLASSES, RECIPE, None, sight)
    assert (places(judgement), judgement.unsettled) == ({"A1": 1, "A2": 1}, {"A2"})
    flicker = Sight(changed=moving(60, 80), restless=frozenset({"A2"}))
    assert not judge(found(MILK, TEA), CLASSES, RECIPE, None, flicker).unsettled
    # A gap is not believed for that.
    assert places(judge(found(MILK), CLASSES, RECIPE, None, flicker)) == {"A1": 1}


def test_a_shelf_that_is_hidden_or_not_found_is_not_inspected() -> None:
    hidden = judge(found(), CLASSES, RECIPE, None, Sight(changed=moving(0, 96)))
    assert hidden.reason is Reason.OCCLUDED
    lost = judge(found(MILK), CLASSES, RECIPE, None, Sight(problem="the camera fell"))
    assert (lost.reason, lost.detail) == (Reason.NOT_REGISTERED, "the camera fell")


def test_items_are_counted_where_the_shelf_lies_in_the_picture() -> None:
    # The camera looks 40 px further to the left: what stands at A2 appears 40 px further right.
    shift = np.array([[1, 0, 0.2], [0, 1, 0], [0, 0, 1]])
    tea = ("tea", (150, 40, 170, 90))
    milk = ("milk", (110, 40, 130, 90))  # seen in the right half, standing in the left one
    judgement = judge(found(tea, milk), CLASSES, RECIPE, None, Sight(shift))
    assert places(judgement) == {"A1": 1, "A2": 1}


def test_light_and_noise_are_no_motion_and_a_hand_is() -> None:
    rng = np.random.default_rng(0)
    shelf = np.full((360, 640, 3), 150, dtype=np.uint8)
    shelf[100:300, 200:260] = (60, 90, 140)
    noisy = np.clip(shelf * 0.8 + rng.normal(0, 6, shelf.shape), 0, 255).astype(np.uint8)
    hand = noisy.copy()
    hand[40:160, 400:470] = (200, 150, 120)
    before, dimmed, held = look_of(shelf), look_of(noisy), look_of(hand)
    assert not changed_between(before, dimmed).any()
    share = Sight(changed=changed_between(dimmed, held)).share_changed
    assert share((0.6, 0.1, 0.8, 0.5)) == pytest.approx(120 * 70 / (128 * 144), abs=0.1)
    assert share((0.0, 0.0, 0.5, 1.0)) == 0
    # The item that hides it is left out.
    assert share((0.6, 0.1, 0.8, 0.5), [(0.6, 0.1, 0.75, 0.46)]) == 0
