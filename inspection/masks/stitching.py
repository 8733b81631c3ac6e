"""Large images in overlapping tiles, and the findings of the tiles as findings of the image.

What two tiles saw of one thing is known by its pixels in the band that both saw. Boxes would not
do: those of two thin cracks side by side overlap although the cracks never meet, and those of the
two halves of one crack may hardly overlap at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inspection.detections import Detections, InstanceMask
from inspection.inference import Tiling
from inspection.masks.packed import moved
from inspection.masks.union import Groups, in_one_image, kinds_of, united

# In the band that two tiles share, masks are of one finding from this share of the smaller on.
# Two crossing cracks share far less; one thing seen twice shares about 0.7 even at 3 px width.
LEAST_SHARE = 0.3
# Masks that end where a tile ends may stop a pixel short of it.
_BORDER_PX = 2


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of an image, px: left and upper edge, right and lower edge (not included)."""

    x0: int
    y0: int
    x1: int
    y1: int

    def common(self, other: Tile) -> Tile:
        """What both cover; empty where x0 ≥ x1 or y0 ≥ y1."""
        return Tile(
            max(self.x0, other.x0),
            max(self.y0, other.y0),
            min(self.x1, other.x1),
            min(self.y1, other.y1),
        )

    def grown(self, by_px: int) -> Tile:
        """Wider by so much on each side."""
        return Tile(self.x0 - by_px, self.y0 - by_px, self.x1 + by_px, self.y1 + by_px)

    @property
    def empty(self) -> bool:
        return self.x0 >= self.x1 or self.y0 >= self.y1


def tiles_of(size_wh: tuple[int, int], tiling: Tiling) -> tuple[Tile, ...]:
    """The tiles of an image, row by row, evenly spread so that the last end at its edges.

    All are of one size, and overlap by at least what was asked for. An image that is smaller than
    a tile has one in that direction, of its own size.
    """
    columns = _starts(size_wh[0], tiling)
    rows = _starts(size_wh[1], tiling)
    side_w, side_h = (min(tiling.tile_px, side) for side in size_wh)
    return tuple(Tile(x, y, x + side_w, y + side_h) for y in rows for x in columns)


def _starts(side_px: int, tiling: Tiling) -> list[int]:
    if side_px <= tiling.tile_px:
        return [0]
    step_px = tiling.tile_px - tiling.overlap_px
    count = -(-(side_px - tiling.overlap_px) // step_px)
    return [round(place * (side_px - tiling.tile_px) / (count - 1)) for place in range(count)]


def stitch(
    size_wh: tuple[int, int],
    tiles: Sequence[Tile],
    found: Sequence[Detections],
    least_scores: npt.NDArray[np.float32] | None = None,
) -> Detections:
    """Findings of all tiles as findings of the image, best score first.

    Two findings of different tiles are one if they are of one class and their masks either have
    `LEAST_SHARE` of the smaller in common, counted in the band that both tiles saw, or touch where
    one of the tiles ends; so are all that hang together by such pairs.

    Args:
        size_wh: of the image, px.
        tiles: as from `tiles_of`.
        found: of each tile, in the tile's own px.
        least_scores: float32 (classes,), the model's thresholds, see `kinds_of`.

    Raises:
        ValueError: not one result for each tile.
    """
    whole = in_one_image(
        ((each, (tile.x0, tile.y0)) for each, tile in zip(found, tiles, strict=True)), size_wh
    )
    first = [int(place) for place in np.cumsum([0, *(len(each) for each in found)])]
    groups, kinds = Groups(len(whole)), kinds_of(whole, least_scores)
    image = Tile(0, 0, *size_wh)
    for one, tile in enumerate(tiles):
        for other in range(one + 1, len(tiles)):
            # Wider by a little, so that tiles without overlap still meet.
            band = tile.common(tiles[other]).grown(_BORDER_PX).common(image)
            if band.empty or not (len(found[one]) and len(found[other])):
                continue
            mine = _in_band(whole, first[one], first[one + 1], band)
            theirs = _in_band(whole, first[other], first[other + 1], band)
            for a, b in _meeting([mask for _, mask in mine], [mask for _, mask in theirs]):
                (place, here), (other_place, there) = mine[a], theirs[b]
                if kinds[place] != kinds[other_place] or groups.together(place, other_place):
                    continue
                if _are_one(here, there, tile, tiles[other]):
                    groups.join(place, other_place)
    return united(whole, groups)


def _in_band(whole: Detections, begin: int, end: int, band: Tile) -> list[tuple[int, InstanceMask]]:
    """Findings of one tile that reach into the band: their place, and the mask's part in it."""
    found = []
    for place in range(begin, end):
        inner = _box(whole.masks[place]).common(band)
        if not inner.empty:
            # Cropped anew: two cracks side by side are seldom near each other in the band.
            tight = InstanceMask.from_frame(_part(whole.masks[place], inner))
            if tight.bits.size:
                found.append((place, moved(tight, (inner.x0, inner.y0))))
    return found


def _meeting(
    these: Sequence[InstanceMask], those: Sequence[InstanceMask]
) -> Iterator[tuple[int, int]]:
    """Pairs of which the boxes meet, as places in the two lists."""
    if not these or not those:
        return
    boxes, others = (
        np.array([(b.x0, b.y0, b.x1, b.y1) for b in map(_box, masks)]) for masks in (these, those)
    )
    # Boxes that touch at a corner meet as well.
    meet = (boxes[:, None, :2] <= others[None, :, 2:]) & (others[None, :, :2] <= boxes[:, None, 2:])
    for one, other in np.argwhere(meet.all(axis=2)):
        yield int(one), int(other)


def _are_one(one: InstanceMask, other: InstanceMask, tile: Tile, other_tile: Tile) -> bool:
    """Of two masks' parts in the band of two tiles."""
    near = _box(one).grown(1).common(_box(other).grown(1))
    if near.empty:
        return False
    here, there = (_part(mask, near).view(np.uint8) for mask in (one, other))
    # Most pairs have boxes that meet and masks that do not.
    contact = cv2.bitwise_and(cv2.dilate(here, np.ones((3, 3), dtype=np.uint8)), there)
    if not cv2.countNonZero(contact):
        return False
    shared = tile.common(other_tile)
    smaller = min(np.count_nonzero(_part(mask, shared)) for mask in (one, other))
    # Outside of the shared part only one of the tiles can have a pixel.
    both = cv2.countNonZero(cv2.bitwise_and(here, there))
    if both and both >= LEAST_SHARE * smaller:
        return True
    columns, rows = np.asarray(cv2.findNonZero(contact)).reshape(-1, 2).T
    columns, rows = columns + near.x0, rows + near.y0
    at_border = np.zeros(rows.shape, dtype=np.bool_)
    for ends in (tile, other_tile):
        for places, edges in ((columns, (ends.x0, ends.x1)), (rows, (ends.y0, ends.y1))):
            for edge in edges:
                at_border |= np.abs(places - edge) <= _BORDER_PX
    return bool(at_border.any())


def _box(mask: InstanceMask) -> Tile:
    height, width = mask.shape_hw
    return Tile(mask.x0, mask.y0, mask.x0 + width, mask.y0 + height)


def _part(mask: InstanceMask, part: Tile) -> npt.NDArray[np.bool_]:
    """The mask's pixels in a part of the image, bool (h, w); what lies beyond it is unset."""
    bits = np.zeros((max(0, part.y1 - part.y0), max(0, part.x1 - part.x0)), dtype=np.bool_)
    inner = part.common(_box(mask))
    if not inner.empty:
        bits[inner.y0 - part.y0 : inner.y1 - part.y0, inner.x0 - part.x0 : inner.x1 - part.x0] = (
            mask.bits[
                inner.y0 - mask.y0 : inner.y1 - mask.y0, inner.x0 - mask.x0 : inner.x1 - mask.x0
            ]
        )
    return bits
