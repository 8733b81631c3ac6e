"""The way along a shelf: which position one comes by first.

Aisles and bays are walked in the order of their names, in which numbers count as numbers (bay 2
before bay 10). Before a bay one looks from the top shelf down, and along each from left to right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from inspection.recipe import Position

# Items of one shelf stand on one line; their lower edges differ by less than this share of the
# height of a position.
_SAME_ROW = 0.5


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """Where on the way a position is. `row` counts from the top, `column` from the left, from 1."""

    row: int
    column: int


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts names as people number things: `Bay 2` before `Bay 10`."""
    pieces = re.findall(r"[0-9]{1,18}|[^0-9]+", name.casefold())
    return tuple((0, int(piece), "") if piece[0].isdigit() else (1, 0, piece) for piece in pieces)


def steps(positions: Sequence[Position]) -> Mapping[str, Step]:
    """The step of each position of one bay, by its name.

    A row is what stands on one board: what the planogram calls a fixture, and where it names none,
    positions whose lower edges lie on a line.
    """
    found: dict[str, Step] = {}
    for number, row in enumerate(_rows(positions), 1):
        along = sorted(row, key=lambda each: (each.box[0] + each.box[2], natural(each.name)))
        for column, position in enumerate(along, 1):
            found[position.name] = Step(number, column)
    return found


def _rows(positions: Sequence[Position]) -> list[list[Position]]:
    if positions and all(position.fixture for position in positions):
        by_fixture: dict[str, list[Position]] = {}
        for position in positions:
            by_fixture.setdefault(position.fixture, []).append(position)
        return sorted(
            by_fixture.values(),
            key=lambda row: (fmean(each.box[3] for each in row), natural(row[0].fixture)),
        )
    if not positions:
        return []
    height = median(position.box[3] - position.box[1] for position in positions)
    rows: list[list[Position]] = []
    for position in sorted(positions, key=lambda each: each.box[3]):
        if rows and position.box[3] - rows[-1][0].box[3] <= _SAME_ROW * height:
            rows[-1].append(position)
        else:
            rows.append([position])
    return rows
