"""Shelves with items: a scene that a seed fixes, whose items can be taken away and put back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from inspection.detections import InstanceMask
from inspection.drawing import noise, shelf_parts
from inspection.drawing.camera import photograph
from inspection.drawing.drawn import Drawn, Float3D, UInt8Image, as_float32, scale_for
from inspection.drawing.products import SHAPES, Sprite, draw_product

CLASSES = ("item",)
LEAST_VISIBLE = 0.3
NAMES = (
    "cola",
    "lemonade",
    "orange-juice",
    "oat-milk",
    "water",
    "tea",
    "coffee",
    "cocoa",
    "muesli",
    "rice",
    "pasta",
    "beans",
    "tomatoes",
    "honey",
    "jam",
    "olive-oil",
    "vinegar",
    "crisps",
    "crackers",
    "soap",
    "shampoo",
    "yoghurt",
    "butter",
    "flour",
    "sugar",
    "salt",
)


@dataclass(frozen=True, slots=True)
class ShelfPosition:
    """One product's place on a shelf.

    Attributes:
        name: unique in the scene, such as `A2`: board A from the top, second from the left.
        product: name of the product that belongs there.
        region_xyxy: the place in image px, from the tallest item's top to the board.
        facings: how many items stand side by side when it is full.
    """

    name: str
    product: str
    region_xyxy: tuple[float, float, float, float]
    facings: int


@dataclass(frozen=True, slots=True, eq=False)
class ShelfScene:
    """A shelf as one camera sees it; make one with `ShelfScene.from_seed`."""

    size_wh: tuple[int, int]
    positions: tuple[ShelfPosition, ...]
    sprites: Mapping[str, Sprite]
    empty_rgb: Float3D

    @classmethod
    def from_seed(
        cls, seed: int, size_wh: tuple[int, int] = (1280, 720), rows: int | None = None
    ) -> ShelfScene:
        """The scene of a seed: its planogram, products, boards and walls never change."""
        return build_scene(np.random.default_rng([seed, 20]), size_wh, rows)

    def full(self) -> dict[str, int]:
        """Every position at all its facings, as `render` takes it."""
        return {position.name: position.facings for position in self.positions}

    def render(
        self, present: Mapping[str, int], rng: np.random.Generator, occluder: bool = False
    ) -> Drawn:
        """Draw the scene with so many items at each position; missing positions are empty.

        Args:
            present: items by position name, the leftmost facings first, 0 to facings.
            rng: small movements of the items and the sensor's noise.
            occluder: a person's arm or body stands in front.

        Raises:
            KeyError: an unknown position.
            ValueError: more items than facings, or fewer than none.
        """
        self._check(present)
        stage = Stage(self.empty_rgb.copy())
        for position in self.positions:
            for slot in range(present.get(position.name, 0)):
                self.place(stage, position, slot, rng)
        if occluder:
            stage.cover(*shelf_parts.occluder(rng, self.size_wh))
        grain = as_float32(rng.uniform(0.003, 0.01)) * noise.white(rng, self.size_wh)[..., None]
        pixels = np.clip((stage.image + grain) * 255 + 0.5, 0, 255).astype(np.uint8)
        return stage.finish(pixels)

    def place(
        self,
        stage: Stage,
        position: ShelfPosition,
        slot: int,
        rng: np.random.Generator,
        behind: float = 0.0,
    ) -> None:
        """Stand one item at a facing; behind is how far it stands back, 0 (front) to 1."""
        sprite = self.sprites[position.product]
        x0, _, x1, y1 = position.region_xyxy
        pitch = (x1 - x0) / position.facings
        height, width = sprite.outline.shape
        left = x0 + pitch * (slot + 0.5) - width / 2 + rng.normal(0, 0.025) * width
        foot = y1 + rng.normal(0, 0.006) * height
        if behind:
            small = 1 - 0.12 * behind
            sprite = sprite.resized((max(6, round(width * small)), max(8, round(height * small))))
            left += (width - sprite.outline.shape[1]) / 2 + rng.normal(0, 0.1) * width
            foot -= 0.1 * behind * height
        gain = (1 - 0.35 * behind) * rng.uniform(0.93, 1.06)
        stage.paste(sprite, left, foot, gain, tilt_deg=float(rng.normal(0, 0.8)))

    def _check(self, present: Mapping[str, int]) -> None:
        facings = self.full()
        for name, count in present.items():
            if name not in facings:
                raise KeyError(f"no position {name!r}; the scene has {sorted(facings)}")
            if not 0 <= count <= facings[name]:
                raise ValueError(f"{name} takes 0 to {facings[name]} items, got {count}")


class Stage:
    """A picture under way: its pixels, and which item each pixel shows."""

    def __init__(self, image: Float3D) -> None:
        self.image = image
        self.owner = np.zeros(image.shape[:2], dtype=np.int16)
        self.areas: list[int] = []

    def paste(
        self, sprite: Sprite, left: float, foot: float, gain: float, tilt_deg: float = 0.0
    ) -> None:
        """Put a sprite in front of all that is there, standing at row foot."""
        height, width = sprite.outline.shape
        pad = 3 + round(abs(np.radians(tilt_deg)) * max(height, width))
        x0, y0 = int(np.floor(left)) - pad, int(np.floor(foot)) - height - pad
        size = (width + 2 * pad, height + 2 * pad)
        turn = cv2.getRotationMatrix2D((width / 2, height), tilt_deg, 1.0)
        turn[:, 2] += [left - x0, foot - height - y0]
        x1, y1 = min(x0 + size[0], self.image.shape[1]), min(y0 + size[1], self.image.shape[0])
        cut_x, cut_y = max(0, -x0), max(0, -y0)
        if x1 - x0 <= cut_x or y1 - y0 <= cut_y:
            return
        cut = (slice(cut_y, y1 - y0), slice(cut_x, x1 - x0))
        colour, opacity, outline = (
            cv2.warpAffine(field, turn, size, flags=cv2.INTER_LINEAR, borderMode=border)[cut]
            for field, border in (
                (sprite.colour, cv2.BORDER_REPLICATE),
                (sprite.opacity, cv2.BORDER_CONSTANT),
                (sprite.outline, cv2.BORDER_CONSTANT),
            )
        )
        window = (slice(y0 + cut_y, y1), slice(x0 + cut_x, x1))
        shadow = cv2.blur(outline, (2 * pad + 1, pad | 1))
        target = self.image[window]
        target *= (1 - 0.3 * shadow * (1 - outline))[..., None]
        target += (colour * gain - target) * opacity[..., None]
        self.areas.append(int(np.count_nonzero(outline > 0.5)))
        self.owner[window][outline > 0.5] = len(self.areas)

    def cover(self, colour: Float3D, coverage: np.ndarray) -> None:
        """Lay something that is no item over the picture."""
        self.image += (colour - self.image) * coverage[..., None]
        self.owner[coverage > 0.5] = 0

    def finish(self, pixels: UInt8Image) -> Drawn:
        """The drawn image with every item of which enough can be seen."""
        instances = []
        for number, area in enumerate(self.areas, start=1):
            mask = InstanceMask.from_frame(self.owner == number)
            if mask.area_px >= max(30, LEAST_VISIBLE * area):
                instances.append(("item", mask))
        return Drawn(pixels, tuple(instances))


def build_scene(
    rng: np.random.Generator, size_wh: tuple[int, int], rows: int | None = None
) -> ShelfScene:
    """A scene from a generator: one to four boards (or the given number), filled with positions."""
    width, height = size_wh
    rows = rows or int(rng.choice([1, 2, 3, 4], p=[0.25, 0.3, 0.28, 0.17]))
    image = shelf_parts.back_wall(rng, size_wh)
    colour = as_float32(rng.uniform(0.25, 0.95) * (1 + rng.normal(0, 0.05, 3)))
    labels = bool(rng.random() < 0.75)
    top = rng.uniform(0.02, 0.12) * height
    lower = height * rng.uniform(0.78, 0.97)
    bay = (lower - top) / rows
    positions: list[ShelfPosition] = []
    sprites: dict[str, Sprite] = {}
    names = list(rng.permutation(NAMES))
    for row in range(rows):
        y = round(top + bay * (row + 1) - bay * 0.12)
        thickness = max(4, round(bay * rng.uniform(0.06, 0.13)))
        if row == rows - 1 and rng.random() < 0.3:
            thickness = height - y
        deep, front = bay * rng.uniform(0.01, 0.07), 0.0
        if rows == 1 and rng.random() < 0.5:
            # A table rather than a shelf: its top goes on behind the items and before them.
            deep, front = bay * rng.uniform(0.05, 0.4), bay * rng.uniform(0.0, 0.3)
        edge = min(round(y + front), height - 2)
        shelf_parts.board(rng, image, edge, thickness, colour, labels, edge - round(y - deep))
        tallest = bay * (0.78 if row else 0.8)
        x = rng.uniform(0.01, 0.1) * width
        while names and len(positions) < 26:
            product = str(names.pop())
            shape = str(rng.choice(SHAPES, p=[0.3, 0.15, 0.18, 0.1, 0.1, 0.1, 0.07]))
            tall = max(14.0, tallest * rng.uniform(0.5, 1.0))
            sprite = draw_product(rng, round(tall), shape)
            pitch = sprite.outline.shape[1] * rng.uniform(1.03, 1.25 if rows > 1 else 2.2)
            facings = int(rng.integers(1, 5))
            facings = min(facings, int((width * 0.99 - x) / pitch))
            if facings < 1:
                break
            sprites[product] = sprite
            region = (float(x), float(y - tall), float(x + pitch * facings), float(y))
            positions.append(
                ShelfPosition(
                    f"{'ABCDEF'[row]}{_count(positions, row) + 1}", product, region, facings
                )
            )
            x += pitch * facings + rng.uniform(0.005, 0.05) * width
    return ShelfScene(size_wh, tuple(positions), sprites, image)


def _count(positions: list[ShelfPosition], row: int) -> int:
    return sum(position.name.startswith("ABCDEF"[row]) for position in positions)


def draw_shelf(rng: np.random.Generator, size_wh: tuple[int, int] | None = None) -> Drawn:
    """A random shelf, partly sold out, sometimes with a person before it or items behind.

    Args:
        rng: the source of everything random.
        size_wh: width and height, px; None takes one of the shapes that cameras have, with
            512 px on its longer side.
    """
    if size_wh is None:
        size_wh = ((512, 512), (512, 384), (512, 288), (384, 512))[int(rng.integers(4))]
    scene = build_scene(rng, size_wh)
    stage = Stage(scene.empty_rgb.copy())
    stock = rng.uniform(0.3, 1.0)
    deep = rng.random() < 0.3
    for position in scene.positions:
        standing = rng.random(position.facings) < stock
        if deep:
            for slot in np.flatnonzero(rng.random(position.facings) < 0.6):
                scene.place(stage, position, int(slot), rng, behind=float(rng.uniform(0.5, 1)))
        for slot in rng.permutation(np.flatnonzero(standing)):
            scene.place(stage, position, int(slot), rng)
    if rng.random() < 0.3:
        stage.cover(*shelf_parts.occluder(rng, size_wh))
    return stage.finish(photograph(rng, stage.image, scale_for(size_wh)))
