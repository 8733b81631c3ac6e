"""The scan before: of each camera by itself, never a frame with itself, and not for ever."""

from datetime import UTC, datetime, timedelta

import numpy as np

from db.queries.results import InspectedFrame
from inspection.recipe import Recipe
from workers.inspecting.shelf_watch import ShelfWatch

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RECIPE = Recipe.model_validate(
    {
        "name": "shelf",
        "model": "m",
        "positions": [{"name": "A1", "product": "Milk", "box": [0.0, 0.0, 0.5, 1.0]}],
    }
)
PLACE = RECIPE.positions[0].box


def frame(number: int, camera_id: int = 1) -> InspectedFrame:
    at = START + timedelta(seconds=number)
    return InspectedFrame(number, 1, camera_id, number, at, 1, None)


def picture(hand_at: int | None = None) -> np.ndarray:
    rgb = np.full((90, 160, 3), 150, dtype=np.uint8)
    if hand_at is not None:
        rgb[:50, hand_at : hand_at + 20] = (60, 20, 20)
    return rgb


def test_a_hand_is_seen_to_come_and_to_go() -> None:
    watch = ShelfWatch()
    shares = []
    for number, hand_at in enumerate([None, None, 10, 40, None, None]):
        sight = watch.see(frame(number), picture(hand_at), RECIPE)
        assert sight is not None
        shares.append(sight.share_changed(PLACE) > RECIPE.shelf.motion)
    assert shares == [False, False, True, True, True, False]


def test_a_frame_that_is_judged_again_meets_the_scan_before_it() -> None:
    watch = ShelfWatch()
    watch.see(frame(1), picture(), RECIPE)
    first, again = (watch.see(frame(2), picture(10), RECIPE) for _ in range(2))
    assert first is not None
    assert again is not None
    assert first.share_changed(PLACE) == again.share_changed(PLACE) > 0
    late = watch.see(frame(0), picture(10), RECIPE)
    assert late is not None
    assert late.changed is None


def test_cameras_are_not_compared_with_each_other() -> None:
    watch = ShelfWatch()
    watch.see(frame(1, camera_id=1), picture(), RECIPE)
    other = watch.see(frame(2, camera_id=2), picture(10), RECIPE)
    assert other is not None
    assert other.changed is None


def test_what_moves_for_more_than_five_seconds_is_nobody_passing() -> None:
    watch = ShelfWatch()
    sights = [watch.see(frame(number), picture(10 * (number % 3)), RECIPE) for number in range(8)]
    restless = [sight is not None and "A1" in sight.restless for sight in sights]
    # It moves from the second scan on.
    assert restless == [False] * 6 + [True] * 2


def test_a_recipe_of_no_shelf_is_not_watched() -> None:
    plain = RECIPE.model_copy(update={"positions": []})
    assert ShelfWatch().see(frame(1), picture(), plain) is None
