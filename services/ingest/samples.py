"""The sample plant's cameras: pictures that are drawn while the last one is looked at.

The same seed and number give the same picture, so that the line goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from db.base import utc_now
from inspection.drawing.shelves import ShelfScene
from inspection.drawing.surfaces import CLASSES, draw_surface
from inspection.drawing.textures import TEXTURES
from inspection.feed import UInt8
from services.ingest.frame import Frame, Pulse

_SURFACE_WH, _SHELF_WH = (512, 512), (1280, 720)
_COPIES = 3  # of a repeated picture

# A line that makes some bad parts and a shelf that sells: enough to watch, no alarm all day.
_BAD_SHARE, _SECOND_DEFECT_SHARE = 0.25, 0.2
_SOLD_SHARE, _RESTOCK_AFTER = 0.3, 12


class Drawings:
    """Draws one picture every `interval_s`, beginning with picture `first`.

    Args:
        parts: each picture shows a part of its own, with a serial number that begins so; None
            where no part is known.
    """

    live = False

    def __init__(
        self,
        draw: Callable[[int], UInt8],
        *,
        first: int,
        interval_s: float,
        parts: str | None = None,
    ) -> None:
        self._draw, self._first, self._interval_s = draw, first, interval_s
        self._parts = parts

    def frames(self, pulse: Pulse) -> Iterator[Frame]:
        due_s, number = time.monotonic(), self._first
        while not pulse.stopping:
            picture = self._draw(number)
            if pulse.wait(max(0.0, due_s - time.monotonic())):
                return
            # From the due time, unless the frames were held so long that it is over.
            due_s = max(due_s + self._interval_s, time.monotonic())
            part = None if self._parts is None else f"{self._parts}-{number:06d}"
            yield Frame(utc_now(), time.monotonic(), pixels=_Drawn(picture), part=part)
            number += 1

    def close(self) -> None:
        pass


class _Drawn:
    def __init__(self, picture: UInt8) -> None:
        self._picture = picture

    def __call__(self) -> UInt8:
        return self._picture


def repeated(draw: Callable[[int], UInt8], count: int) -> Callable[[int], UInt8]:
    """The first `count` pictures of a camera again and again, at the rate of a real one.

    A row of noise makes each a picture of its own, as every frame of a real camera is: the frame
    store keeps equal ones but once.
    """
    # Not a copy each time, which would cost as much as a real camera's. The intake may still hold
    # a picture whose noise is written anew: it stays a picture.
    drawn: dict[int, UInt8] = {}

    def draw_again(number: int) -> UInt8:
        first, place = number % count, number % (_COPIES * count)
        if first not in drawn:
            drawn[first] = draw(first)
        if place not in drawn:
            drawn[place] = drawn[first].copy()
        picture = drawn[place]
        rng = np.random.default_rng([34, number])
        picture[0] = rng.integers(90, 110, picture.shape[1:], dtype=np.uint8)
        return picture

    return draw_again


def surfaces(seed: int, size_wh: tuple[int, int] | None) -> Callable[[int], UInt8]:
    """Pictures of one material's surface, uint8 BGR, by their number; some with defects."""
    texture = sorted(TEXTURES)[seed % len(TEXTURES)]

    def draw(number: int) -> UInt8:
        rng = np.random.default_rng([seed, 31, number])
        count = int(rng.random() < _BAD_SHARE)
        count += count * int(rng.random() < _SECOND_DEFECT_SHARE)
        defects = [str(name) for name in rng.choice(CLASSES, size=count)]
        drawn = draw_surface(rng, size_wh or _SURFACE_WH, defects, texture)
        return np.ascontiguousarray(drawn.image_rgb[..., ::-1])

    return draw


def shelf(seed: int, size_wh: tuple[int, int] | None) -> Callable[[int], UInt8]:
    """Pictures of one shelf, uint8 BGR, by their number; items are sold and put back."""
    scene = ShelfScene.from_seed(seed, size_wh or _SHELF_WH)
    story = ShelfStory(scene.full(), seed)

    def draw(number: int) -> UInt8:
        rng = np.random.default_rng([seed, 33, number])
        drawn = scene.render(story.at(number), rng)
        return np.ascontiguousarray(drawn.image_rgb[..., ::-1])

    return draw


class ShelfStory:
    """How many items stand at each position at each step, the same for the same seed.

    Args:
        full: items by position name where nothing is missing.
    """

    def __init__(self, full: dict[str, int], seed: int) -> None:
        self._full, self._seed = full, seed
        self._begin()

    def at(self, step: int) -> dict[str, int]:
        """Items by position name at step `step`, 0 being the full shelf."""
        if step < self._step:
            self._begin()
        while self._step < step:
            self._step += 1
            self._advance(np.random.default_rng([self._seed, 32, self._step]))
        return dict(self._present)

    def _begin(self) -> None:
        self._step = 0
        self._present = dict(self._full)
        self._empty_since: dict[str, int] = {}

    def _advance(self, rng: np.random.Generator) -> None:
        for name, since in list(self._empty_since.items()):
            if self._step - since >= _RESTOCK_AFTER:
                self._present[name] = self._full[name]
                del self._empty_since[name]
        sellable = [name for name, count in self._present.items() if count]
        if not sellable or rng.random() >= _SOLD_SHARE:
            return
        # Few products sell well, so that gaps come one by one and not everywhere at once.
        popular = sellable[: max(1, len(sellable) // 3)] if rng.random() < 0.7 else sellable
        name = str(rng.choice(popular))
        self._present[name] -= 1
        if not self._present[name]:
            self._empty_since[name] = self._step
