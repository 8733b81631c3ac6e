"""Shelves as a supermarket fills them: some three hundred items in one picture, hardly a gap."""

from __future__ import annotations

import numpy as np

from inspection.drawing import noise, shelf_parts
from inspection.drawing.drawn import Drawn, as_float32
from inspection.drawing.products import SHAPES, Sprite, draw_product
from inspection.drawing.shelves import Stage

SIZE_WH = (1920, 1080)
_ROWS = (8, 13)  # from, and up to but not
_ITEMS = (300, 320)


def draw_dense_shelf(rng: np.random.Generator, size_wh: tuple[int, int] | None = None) -> Drawn:
    """A random full shelf of eight to twelve boards, with 300 items or a few more.

    Args:
        rng: the source of everything random.
        size_wh: width and height, px; None takes 1920×1080.
    """
    width, height = size_wh = size_wh or SIZE_WH
    rows = int(rng.integers(*_ROWS))
    in_row = -(-int(rng.integers(*_ITEMS)) // rows)
    image = shelf_parts.back_wall(rng, size_wh)
    bay, pitch = height / rows, 0.97 * width / in_row
    colour = as_float32(rng.uniform(0.4, 0.9) * (1 + rng.normal(0, 0.05, 3)))
    places: list[tuple[Sprite, float, float]] = []
    for row in range(rows):
        foot = round(bay * (row + 0.86))
        shelf_parts.board(rng, image, foot, max(4, round(0.1 * bay)), colour, labels=True)
        number = 0
        while number < in_row:
            sprite = _fitting(rng, bay, pitch)
            facings = min(int(rng.integers(2, 7)), in_row - number)
            for facing in range(facings):
                left = 0.01 * width + (number + facing) * pitch
                places.append((sprite, left + (pitch - sprite.outline.shape[1]) / 2, foot))
            number += facings
    stage = Stage(image)
    for sprite, left, below in places:
        aside = float(rng.normal(0, 0.01)) * pitch
        tilt_deg = float(rng.normal(0, 0.8))
        stage.paste(sprite, left + aside, below, rng.uniform(0.93, 1.06), tilt_deg)
    grain = as_float32(rng.uniform(0.003, 0.01)) * noise.white(rng, size_wh)[..., None]
    return stage.finish(np.clip((stage.image + grain) * 255 + 0.5, 0, 255).astype(np.uint8))


def _fitting(rng: np.random.Generator, bay: float, pitch: float) -> Sprite:
    """A product that is as wide as its facing, and lower than the board above it."""
    sprite = draw_product(rng, round(bay * rng.uniform(0.5, 0.72)), str(rng.choice(SHAPES)))
    height, width = sprite.outline.shape
    return sprite.resized((max(6, round(min(0.94 * pitch, 1.6 * width))), height))
