"""Rows and facings of drawn shelves, recovered from the picture and the scene's own items."""

import numpy as np
import pytest

from inspection.drawing.shelves import ShelfScene
from inspection.shelves.planogram_learning import (
    Item,
    grid_positions,
    learn_positions,
    row_name,
    rows_of,
)

SEEDS = range(12)


def items_of(drawn) -> list[Item]:
    width, height = drawn.size_wh
    return [
        Item(
            (
                mask.x0 / width,
                mask.y0 / height,
                (mask.x0 + mask.bits.shape[1]) / width,
                (mask.y0 + mask.bits.shape[0]) / height,
            )
        )
        for _, mask in drawn.instances
    ]


def facings_by_row(positions) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for position in positions:
        rows.setdefault(position.name.rstrip("0123456789"), []).append(position.facings)
    return rows


def test_rows_and_facings_of_drawn_shelves_are_recovered() -> None:
    right = rows = 0
    for seed in SEEDS:
        scene = ShelfScene.from_seed(seed, (960, 540))
        drawn = scene.render(scene.full(), np.random.default_rng(1))
        learned = facings_by_row(learn_positions(drawn.image_rgb, items_of(drawn)))
        truth = facings_by_row(scene.positions)
        assert learned.keys() == truth.keys(), seed
        rows += len(truth)
        right += sum(learned[name] == truth[name] for name in truth)
    # Two products that look alike and stand side by side are one position to anybody.
    assert right >= 0.9 * rows, f"{right} of {rows}"


def test_positions_hold_their_items_and_leave_out_their_neighbours() -> None:
    scene = ShelfScene.from_seed(1)
    drawn = scene.render(scene.full(), np.random.default_rng(1))
    items = items_of(drawn)
    positions = learn_positions(drawn.image_rgb, items)
    for position in positions:
        x0, y0, x1, y1 = position.box
        centres = [((i.box[0] + i.box[2]) / 2, (i.box[1] + i.box[3]) / 2) for i in items]
        inside = sum(x0 <= x <= x1 and y0 <= y <= y1 for x, y in centres)
        assert inside == position.facings, position.name


def test_a_board_that_is_a_little_oblique_is_one_row() -> None:
    row = [Item((0.1 * n, 0.2 + 0.01 * n, 0.1 * n + 0.08, 0.4 + 0.01 * n)) for n in range(9)]
    below = [Item((0.1 * n, 0.6, 0.1 * n + 0.05, 0.7)) for n in range(9)]
    assert [len(each) for each in rows_of([*below, *row])] == [9, 9]
    assert rows_of([]) == []


@pytest.mark.parametrize(("row", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (27, "AB")])
def test_rows_have_letters(row: int, name: str) -> None:
    assert row_name(row) == name


def test_a_grid_covers_the_picture() -> None:
    positions = grid_positions(2, 3)
    assert [position.name for position in positions] == ["A1", "A2", "A3", "B1", "B2", "B3"]
    assert positions[-1].box == (0.6667, 0.5, 1.0, 1.0)
