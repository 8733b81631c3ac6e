"""A first planogram from a picture of the full shelf: its rows, and what stands side by side there.

Rows are what stands on one line. In a row, neighbours of like size and look are the facings of
one position; a new product, or room for another item, begins the next. What comes out is meant
to be read and put right by somebody who knows the products.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from inspection.recipe import Position
from inspection.shelves.sight import Box

Image = npt.NDArray[np.uint8]
_Signature = npt.NDArray[np.float32]

# Baselines that are further apart than this share of an item's height are of two boards.
_ROW_GAP = 0.3
# Neighbours of one product differ less: in height, in width, in look.
_HEIGHTS = 0.15
_WIDTHS = 0.4
_LOOKS = 8.0  # mean difference of Lab, see `_signature`
_ROOM = 0.75  # of an item's width; where there is more between two, somebody left it free
_PROFILE = 24
# Centres are what is counted, and items are put back a little beside their place.
_ASIDE = 0.12


@dataclass(frozen=True, slots=True)
class Item:
    """An item in the picture; box in fractions of its width and height."""

    box: Box
    class_name: str = "item"

    @property
    def width(self) -> float:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        return self.box[3] - self.box[1]


def learn_positions(image_rgb: Image, items: Sequence[Item]) -> list[Position]:
    """Positions of a picture of the full shelf, uint8 (H, W, 3), from the items found in it."""
    positions: list[Position] = []
    for row, standing in enumerate(rows_of(items)):
        groups = groups_of(image_rgb, standing)
        positions += _as_positions(row_name(row), groups)
    return positions


def grid_positions(rows: int, columns: int, class_name: str = "item") -> list[Position]:
    """Positions of equal size that fill the picture, to be moved by hand."""
    positions = []
    for row in range(rows):
        for column in range(columns):
            box = (column / columns, row / rows, (column + 1) / columns, (row + 1) / rows)
            positions.append(_position(row_name(row), column + 1, box, 1, class_name))
    return positions


def row_name(row: int) -> str:
    """A to Z from the top, then AA, AB …"""
    letters = ""
    row += 1
    while row:
        row, rest = divmod(row - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def rows_of(items: Sequence[Item]) -> list[list[Item]]:
    """Items by the line that they stand on, from the top, each row from the left.

    The lines are the groups between the wide gaps of the sorted baselines, so a few items that
    stand further back, or a board that is a little oblique, stay in their row.
    """
    if not items:
        return []
    height = float(np.median([item.height for item in items]))
    ordered = sorted(items, key=lambda item: item.box[3])
    rows = [[ordered[0]]]
    for above, item in pairwise(ordered):
        # As tall as the smaller of both: bottles stand over a board of small tins.
        least = min(height, above.height, item.height)
        if item.box[3] - above.box[3] > _ROW_GAP * least:
            rows.append([])
        rows[-1].append(item)
    return [sorted(row, key=lambda item: item.box[0] + item.box[2]) for row in rows]


def groups_of(image_rgb: Image, row: Sequence[Item]) -> list[list[Item]]:
    """Neighbours of one row, from the left, that look like facings of one product."""
    if not row:
        return []
    groups = [[row[0]]]
    looks = [_signature(image_rgb, item.box) for item in row]
    for number, (left, right) in enumerate(pairwise(row)):
        if not _alike(left, right, looks[number], looks[number + 1]):
            groups.append([])
        groups[-1].append(right)
    return groups


def _alike(left: Item, right: Item, one: _Signature, other: _Signature) -> bool:
    if left.class_name != right.class_name:
        return False
    between = right.box[0] - left.box[2]
    if between > _ROOM * min(left.width, right.width):
        return False
    if abs(left.height - right.height) > _HEIGHTS * max(left.height, right.height):
        return False
    if abs(left.width - right.width) > _WIDTHS * max(left.width, right.width):
        return False
    return float(np.abs(one - other).mean()) <= _LOOKS


def _signature(image_rgb: Image, box: Box) -> _Signature:
    """What an item looks like from its top to its foot: Lab, averaged over the middle of it.

    The lightness is taken relative to the item's own, which the lights above it decide.
    """
    height, width = image_rgb.shape[:2]
    x0, y0, x1, y1 = box
    aside = 0.2 * (x1 - x0)
    left, right = int((x0 + aside) * width), int(np.ceil((x1 - aside) * width))
    upper, lower = int(y0 * height), int(np.ceil(y1 * height))
    crop = image_rgb[max(0, upper) : max(1, lower), max(0, left) : max(1, right)]
    if crop.size == 0:
        return np.zeros((_PROFILE, 3), dtype=np.float32)
    scaled = crop.astype(np.float32) / np.float32(255)
    lab = np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2Lab), dtype=np.float32)
    lab[..., 0] *= np.float32(60.0 / max(float(lab[..., 0].mean()), 5.0))
    profile = cv2.resize(
        lab.mean(axis=1, keepdims=True), (1, _PROFILE), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.blur(profile.reshape(_PROFILE, 1, 3), (1, 3)), np.float32).reshape(-1, 3)


def _as_positions(fixture: str, groups: Sequence[Sequence[Item]]) -> list[Position]:
    extents = [
        (
            min(item.box[0] for item in group),
            min(item.box[1] for item in group),
            max(item.box[2] for item in group),
            max(item.box[3] for item in group),
        )
        for group in groups
    ]
    positions = []
    for number, (group, (x0, y0, x1, y1)) in enumerate(zip(groups, extents, strict=True)):
        room = _ASIDE * (x1 - x0) / len(group)
        before = extents[number - 1][2] if number else 0.0
        after = extents[number + 1][0] if number + 1 < len(extents) else 1.0
        box = (
            max(x0 - room, min((before + x0) / 2, x0)) if number else max(x0 - room, 0.0),
            max(y0 - 0.15 * (y1 - y0), 0.0),
            min(x1 + room, max((x1 + after) / 2, x1)),
            min(y1 + 0.02 * (y1 - y0), 1.0),
        )
        positions.append(_position(fixture, number + 1, box, len(group), group[0].class_name))
    return positions


def _position(fixture: str, number: int, box: Box, facings: int, class_name: str) -> Position:
    name = f"{fixture}{number}"
    x0, y0, x1, y1 = (round(min(max(edge, 0.0), 1.0), 4) for edge in box)
    return Position(
        name=name,
        fixture=f"board {fixture}",
        product=f"Product {name}",
        class_name=class_name,
        box=(x0, y0, x1, y1),
        facings=facings,
        min_facings=(facings + 1) // 2,
    )
