"""Where in an image something is, in words: a region of the recipe, else one cell of nine."""

from collections.abc import Sequence

import cv2
import numpy as np

from inspection.recipe import Position, Region

_ROWS = ("upper", "", "lower")
_COLUMNS = ("left", "centre", "right")


def cell_of(x: float, y: float) -> str:
    """The cell of a 3 × 3 grid that a place, in fractions of width and height, lies in.

    "upper left", "upper centre" …, "left", "centre", "right" …, "lower right".
    """
    row = _ROWS[min(int(max(y, 0.0) * 3), 2)]
    column = _COLUMNS[min(int(max(x, 0.0) * 3), 2)]
    return f"{row} {column}".strip()


def region_of(x: float, y: float, regions: Sequence[Region]) -> Region | None:
    """The first region that the place lies in or on the edge of, None if there is none."""
    for region in regions:
        corners = np.array(region.polygon, dtype=np.float32)
        if cv2.pointPolygonTest(corners, (x, y), False) >= 0:
            return region
    return None


def position_of(x: float, y: float, positions: Sequence[Position]) -> Position | None:
    """The position whose box the place lies in; of several the one with the nearest middle."""

    def away(position: Position) -> float:
        x0, y0, x1, y1 = position.box
        return float(np.hypot(x - (x0 + x1) / 2, y - (y0 + y1) / 2))

    holding = [
        position
        for position in positions
        if position.box[0] <= x <= position.box[2] and position.box[1] <= y <= position.box[3]
    ]
    return min(holding, key=away, default=None)
