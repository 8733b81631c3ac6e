"""How a shelf is seen in one picture: where it lies, and what moves in front of it.

Two scans in a row are compared at a few thousand pixels. A place in which something other than
its items changed from the scan before has somebody's hand, trolley or back in front of it, and
says nothing about its stock.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from inspection.recipe import ShelfOptions
from inspection.shelves import registration

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 as fractions of width and height
Look = npt.NDArray[np.float32]  # (h, w, 3), a picture small and smooth enough to be compared

_LOOK_PX = 192  # longer side
_SMOOTH_PX = 1.2
# Of 255. Noise and JPEG at this size stay under 10, a hand before a pale wall is above 30.
_CHANGED = 20.0
# By how much of its size an item may stand elsewhere, or reach beyond its box, in the next scan.
_AROUND_ITEM = 0.08


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What is known of one picture besides its items.

    Attributes:
        matrix: takes places of the planogram to places in the picture, in fractions.
        problem: why nobody knows where the shelf is; empty where it was found.
        changed: bool (h, w), what differs from the scan before; None where there is none.
        restless: positions in which something has moved for so long that it is no passer-by.
    """

    matrix: registration.Matrix = field(default_factory=lambda: np.eye(3))
    problem: str = ""
    changed: npt.NDArray[np.bool_] | None = None
    restless: frozenset[str] = frozenset()

    def on_shelf(self, box: Box) -> Box:
        """A box of the picture, where it lies on the planogram."""
        back = np.asarray(np.linalg.inv(self.matrix), dtype=np.float64)
        return _through(back, box)

    def in_picture(self, box: Box) -> Box:
        """A box of the planogram, where it lies in the picture."""
        return _through(self.matrix, box)

    def share_changed(self, place: Box, items: Iterable[Box] = ()) -> float:
        """The share of a place of the planogram that changed, 0 to 1, its items left out.

        Args:
            items: boxes in the picture.
        """
        if self.changed is None:
            return 0.0
        changed = self.changed
        for x0, y0, x1, y1 in items:
            aside, above = _AROUND_ITEM * (x1 - x0), _AROUND_ITEM * (y1 - y0)
            if changed is self.changed:
                changed = changed.copy()
            changed[_cells(changed, (x0 - aside, y0 - above, x1 + aside, y1 + above))] = False
        inside = changed[_cells(changed, self.in_picture(place))]
        return float(inside.mean()) if inside.size else 0.0


def locate(
    image_rgb: npt.NDArray[np.uint8], options: ShelfOptions
) -> tuple[registration.Matrix, str]:
    """Where the planogram lies in a picture: the matrix, and why it was not found if it was not."""
    if options.registration == "none" or options.reference is None:
        return np.eye(3), ""
    found = registration.register(image_rgb, _reference(options.reference), options.registration)
    return found.matrix, found.problem


@functools.lru_cache(maxsize=64)
def _reference(text: str) -> registration.Reference:
    return registration.Reference.from_text(text)


def look_of(image_rgb: npt.NDArray[np.uint8]) -> Look:
    """A picture, uint8 (H, W, 3), as it is compared with the next one."""
    height, width = image_rgb.shape[:2]
    # Every third pixel of a large picture is enough to average over.
    step = max(1, max(height, width) // (3 * _LOOK_PX))
    scale = min(1.0, _LOOK_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image_rgb[::step, ::step], size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small.astype(np.float32), (0, 0), _SMOOTH_PX), np.float32)


def changed_between(before: Look, now: Look) -> npt.NDArray[np.bool_]:
    """Which pixels differ, bool (h, w); what lights or exposure did to all of them does not count.

    Of two pictures of another size everything differs.
    """
    if before.shape != now.shape:
        return np.ones(now.shape[:2], dtype=np.bool_)
    gain = np.median((now + 1) / (before + 1), axis=(0, 1))
    return np.asarray(np.abs(before * gain - now).max(axis=2) > _CHANGED, dtype=np.bool_)


def _through(matrix: registration.Matrix, box: Box) -> Box:
    x0, y0, x1, y1 = box
    ends = registration.moved(matrix, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    (left, upper), (right, lower) = ends.min(axis=0), ends.max(axis=0)
    return float(left), float(upper), float(right), float(lower)


def _cells(changed: npt.NDArray[np.bool_], box: Box) -> tuple[slice, slice]:
    height, width = changed.shape
    x0, y0, x1, y1 = box
    return (
        slice(max(0, int(y0 * height)), max(0, int(np.ceil(y1 * height)))),
        slice(max(0, int(x0 * width)), max(0, int(np.ceil(x1 * width)))),
    )
