"""Masks as polygons, for tools that know no RLE."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from inspection.detections import InstanceMask

_Corner = tuple[int, int]
_Point = tuple[float, float]


def outline(mask: InstanceMask, tolerance_px: float = 0.0) -> list[list[float]]:
    """A mask as polygons x, y, x, y, … in px, one for each piece.

    Borders run along the edges of pixels, so that at tolerance 0 the polygons cover exactly the
    mask's pixels. A hole is joined to the border around it by a cut of no width. Pieces that
    touch at a corner only are two polygons.

    Args:
        mask: what to outline.
        tolerance_px: how far a corner may be moved off (Douglas-Peucker); 0.75 turns the stairs
            of a slanting border into a line.
    """
    pieces = cv2.connectedComponents(mask.bits.astype(np.uint8), connectivity=4)[1]
    outer: dict[int, list[_Point]] = {}
    holes: dict[int, list[list[_Point]]] = {}
    for corners in _borders(mask.bits):
        piece = int(pieces[_pixel_beside(corners)])
        ring = _simplified(corners, tolerance_px)
        if _signed_area(corners) > 0:
            outer[piece] = ring
        else:
            holes.setdefault(piece, []).append(ring)
    rings = []
    for piece, ring in outer.items():
        joined = ring
        for hole in sorted(holes.get(piece, ()), key=min):
            joined = _joined(joined, hole)
        rings.append([value for x, y in joined for value in (x + mask.x0, y + mask.y0)])
    return rings


def _simplified(corners: list[_Corner], tolerance_px: float) -> list[_Point]:
    if tolerance_px > 0 and len(corners) > 4:
        points = np.asarray(corners, dtype=np.float32)[:, None]
        simple = cv2.approxPolyDP(points, tolerance_px, True)[:, 0]
        if len(simple) >= 3:
            return [(float(x), float(y)) for x, y in simple]
    return [(float(x), float(y)) for x, y in corners]


def _joined(ring: list[_Point], hole: list[_Point]) -> list[_Point]:
    """The ring with a cut to the hole and back, where the two come closest."""
    a, b = np.asarray(ring), np.asarray(hole)
    apart = ((a[:, None] - b[None]) ** 2).sum(axis=2)
    at, to = (int(place) for place in np.unravel_index(int(apart.argmin()), apart.shape))
    return ring[: at + 1] + hole[to:] + hole[: to + 1] + ring[at:]


def _pixel_beside(corners: list[_Corner]) -> tuple[int, int]:
    """Row and column of the mask's pixel on the right of a walk's first step."""
    (x, y), (to_x, to_y) = corners[0], corners[1]
    if to_y == y:
        return (y, x) if to_x > x else (y - 1, x - 1)
    return (y, x - 1) if to_y > y else (y - 1, x)


def _borders(bits: npt.NDArray[np.bool_]) -> list[list[_Corner]]:
    """Closed walks over pixel corners (x, y) with the mask on the right, corners only."""
    padded = np.pad(bits, 1)
    step: dict[_Corner, list[_Corner]] = {}
    inside, outside = padded[1:-1, 1:-1], ~padded
    for dy, dx, start, end in (
        (0, 1, (0, 0), (1, 0)),  # nothing above: walk right along the upper edge
        (1, 2, (1, 0), (1, 1)),  # nothing to the right: down
        (2, 1, (1, 1), (0, 1)),  # nothing below: left
        (1, 0, (0, 1), (0, 0)),  # nothing to the left: up
    ):
        beyond = outside[dy : dy + bits.shape[0], dx : dx + bits.shape[1]]
        for y, x in np.argwhere(inside & beyond).tolist():
            step.setdefault((x + start[0], y + start[1]), []).append((x + end[0], y + end[1]))
    walks = []
    while step:
        first = next(iter(step))
        walk = [first, step[first][0]]
        _take(step, first, walk[1])
        # A corner where two pixels touch is passed twice: a walk ends where it would take its
        # first step again, and not where it meets its first corner.
        while walk[-1] != first or (first in step and _right(walk) != walk[1]):
            way = _right(walk) if _right(walk) in step[walk[-1]] else step[walk[-1]][0]
            _take(step, walk[-1], way)
            walk.append(way)
        walks.append(_corners(walk[:-1]))
    return walks


def _take(step: dict[_Corner, list[_Corner]], at: _Corner, way: _Corner) -> None:
    step[at].remove(way)
    if not step[at]:
        del step[at]


def _right(walk: list[_Corner]) -> _Corner:
    """The corner to the right: where pixels touch, it stays with one's own pixel."""
    came, at = walk[-2:]
    return (at[0] - (at[1] - came[1]), at[1] + (at[0] - came[0]))


def _corners(walk: list[_Corner]) -> list[_Corner]:
    """A walk without the points that lie on straight lines."""
    return [
        here
        for before, here, after in zip(
            walk[-1:] + walk[:-1], walk, walk[1:] + walk[:1], strict=True
        )
        if (here[0] - before[0], here[1] - before[1]) != (after[0] - here[0], after[1] - here[1])
    ]


def _signed_area(corners: list[_Corner]) -> float:
    return (
        sum(
            ax * by - bx * ay
            for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True)
        )
        / 2
    )
