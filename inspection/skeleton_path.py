"""The longest way through a skeleton, and the branches that leave it."""

from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import csgraph

_Bytes = npt.NDArray[np.uint8]
_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.intp]
# Of pieces too far apart to be joined one of the three longest has the longest way.
_PIECES = 3


@dataclass(frozen=True, slots=True, eq=False)
class SkeletonPath:
    """The longest of all shortest ways through a skeleton.

    Attributes:
        columns, rows: its pixels from one end to the other, intp (points,).
        branches: for each branch that leaves it: the place on the path, and the length of the
            branch with all that hangs on it, in px from the path.
    """

    columns: _Ints
    rows: _Ints
    branches: tuple[tuple[int, float], ...]


def longest_path(skeleton: _Bytes, radii: npt.NDArray[np.float32]) -> SkeletonPath:
    """The longest way through a skeleton, uint8 0/1 (H, W), one pixel wide, with an empty border.

    A skeleton ends at the centre of a round end, and in the corner of a square one; so to each way
    its end's distance to the mask's edge is added, `radii` (H, W).

    OpenCV's border following walks around a thin tree and so visits it in the order of a
    depth-first search: every step is walked once away from the start and once back. From that
    walk come all distances, in a tenth of the time of a search in a graph. A skeleton with a ring
    is no tree, and is searched.
    """
    walks, hierarchy = cv2.findContours(skeleton, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if (hierarchy[0, :, 3] >= 0).any():
        return _searched(skeleton)
    tips = radii.ravel()
    longest = sorted(walks, key=len, reverse=True)[:_PIECES]
    found = [_along_walk(walk.reshape(-1, 2), tips, skeleton.shape) for walk in longest]
    return max(found, key=lambda each: each[0])[1]


def _along_walk(
    xy: npt.NDArray[Any], tips: npt.NDArray[np.float32], shape: tuple[int, ...]
) -> tuple[float, SkeletonPath]:
    """Length and path of one piece, from the closed walk around it, int32 (steps, 2)."""
    x, y = xy[:, 0].astype(np.intp), xy[:, 1].astype(np.intp)
    pixels = y * shape[1] + x
    slanted = (x != _rolled(x, len(x) - 1)) & (y != _rolled(y, len(y) - 1))
    steps = np.where(slanted, 2**0.5, 1.0)
    start = int((_away(pixels, steps, shape) + tips[pixels]).argmax())
    # The walk is closed, so that it may as well begin at one end of the path.
    x, y, pixels = (_rolled(each, start) for each in (x, y, pixels))
    steps = _rolled(steps, start)
    away = _away(pixels, steps, shape)
    end = int((away + tips[pixels]).argmax())
    # The way there is what lies lower than all that follows.
    after = np.minimum.accumulate(away[end::-1])[::-1]
    chosen = np.flatnonzero(np.diff(after, append=np.inf) > 0)
    place = np.full(shape[0] * shape[1], -1, np.intp)
    place[pixels[chosen]] = np.arange(len(chosen))
    return float(away[end]), SkeletonPath(x[chosen], y[chosen], _branches(place[pixels], steps))


def _rolled(values: npt.NDArray[Any], start: int) -> npt.NDArray[Any]:
    """A closed walk from another place on; NumPy's own `roll` takes ten times as long."""
    return np.concatenate((values[start:], values[:start]))


def _away(pixels: _Ints, steps: _Floats, shape: tuple[int, ...]) -> _Floats:
    """How far each place of a closed walk is from its first, through the tree, px (steps,)."""
    order = np.arange(len(pixels))
    # The last writer stays, and that is the first visit when written backwards.
    first = np.empty(shape[0] * shape[1], np.intp)
    first[pixels[::-1]] = order[::-1]
    first = first[pixels]
    signed = np.where(first == order, steps, -steps)
    signed[0] = 0.0
    # Two visits of a pixel are one place: corners that are cut on the way back cost nothing.
    return cast(_Floats, np.cumsum(signed)[first])


def _branches(place: _Ints, steps: _Floats) -> tuple[tuple[int, float], ...]:
    """The runs of a closed walk beside the path; each is walked there and back."""
    beside = place < 0
    edges = np.diff(beside.astype(np.int8))
    begins, ends = np.flatnonzero(edges > 0) + 1, np.flatnonzero(edges < 0) + 1
    # The walk begins on the path; what it ends beside leads back there.
    if len(ends) < len(begins):
        ends = np.append(ends, len(place))
    walked = np.concatenate([[0.0], np.cumsum(steps)])
    return tuple(
        (int(place[begin - 1]), float(walked[end] - walked[begin] + 1.0) / 2)
        for begin, end in zip(begins, ends, strict=True)
    )


def _searched(skeleton: _Bytes) -> SkeletonPath:
    """The same by Dijkstra's search: the farthest pixel from any is one end, from there the other.

    Exact where the skeleton is a tree; a ring measures half its way around.
    """
    columns, rows = cv2.findNonZero(skeleton).reshape(-1, 2).T.astype(np.intp)
    graph = _graph(rows, columns, skeleton.shape)
    _, piece = csgraph.connected_components(graph, directed=False)
    best: tuple[float, _Ints] = (-1.0, np.zeros(1, dtype=np.intp))
    for number in np.argsort(-np.bincount(piece))[:_PIECES]:
        away = csgraph.dijkstra(graph, indices=int(np.argmax(piece == number)))
        start = int(np.argmax(np.where(np.isfinite(away), away, -1)))
        along, before = csgraph.dijkstra(graph, indices=start, return_predecessors=True)
        end = int(np.argmax(np.where(np.isfinite(along), along, -1)))
        if along[end] > best[0]:
            path = [end]
            while path[-1] != start:
                path.append(int(before[path[-1]]))
            best = (float(along[end]), np.array(path, dtype=np.intp))
    path_of = best[1]
    aside, _, source = csgraph.dijkstra(
        graph, indices=path_of, min_only=True, return_predecessors=True
    )
    place = {int(pixel): number for number, pixel in enumerate(path_of)}
    tips = np.flatnonzero((np.diff(graph.indptr) == 1) & (aside > 0) & np.isfinite(aside))
    branches = tuple((place[int(source[tip])], float(aside[tip])) for tip in tips)
    return SkeletonPath(columns[path_of], rows[path_of], branches)


def _graph(rows: _Ints, columns: _Ints, shape: tuple[int, ...]) -> Any:
    """Steps between neighbouring pixels, both ways written out, weighted by their length."""
    count = len(rows)
    index = np.full(shape, -1, dtype=np.int32)
    index[rows, columns] = np.arange(count)
    pairs, weights = [], []
    for down, right, way in ((0, 1, 1.0), (1, 0, 1.0), (1, 1, 2**0.5), (1, -1, 2**0.5)):
        other = index[rows + down, columns + right]
        known = np.flatnonzero(other >= 0)
        pairs.append(np.stack([known, other[known]]))
        weights.append(np.full(len(known), way))
    source, target = cast(tuple[_Ints, _Ints], np.concatenate(pairs, axis=1))
    weight = np.concatenate(weights)
    return sparse.csr_array(
        (np.tile(weight, 2), (np.append(source, target), np.append(target, source))),
        shape=(count, count),
    )
