"""The longest way through a mask's skeleton, smoothed and continued to the mask's ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from inspection.thinning import thinned

_Bytes = npt.NDArray[np.uint8]
_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Centreline:
    """The centreline of a mask without its two ends, and its length with them.

    Attributes:
        xy: the smoothed line, pixel centres at whole numbers, (points, 2).
        radii_px: distance from each to the nearest pixel outside, centre to centre, (points,).
        steps_px: the share of the smoothed line's length that belongs to each point, (points,).
        length_px: of the smoothed line and of both ends, to the edge of the mask.
    """

    xy: _Floats
    radii_px: _Floats
    steps_px: _Floats
    length_px: float


def find_centreline(joined: _Bytes, distance: npt.NDArray[np.float32]) -> Centreline | None:
    """The centreline of a mask, None where its skeleton is too short to have a direction.

    Args:
        joined: uint8 0/1 (H, W) with an empty border of two pixels, see `joined_pieces`.
        distance: float32 (H, W), from each pixel to the nearest one outside.
    """
    columns, rows = cv2.findNonZero(thinned(joined)).reshape(-1, 2).T.astype(np.intp)
    path = _longest_path(rows, columns, joined.shape)
    rows, columns = rows[path], columns[path]
    radii = distance[rows, columns].astype(np.float64)

    # Wide masks have skeletons that stray more, and are straight over a longer way.
    sigma = float(np.clip(radii.mean() * 0.5, 1.7, 8.0))
    line = _smoothed(np.stack([columns, rows], axis=-1).astype(np.float64), sigma)
    first, last = _without_ends(line, radii)
    if last - first < 2:
        return None
    ends = _to_the_edge(joined, line, radii, first, last)
    kept = line[first : last + 1]
    gaps = np.hypot(*np.diff(kept, axis=0).T)
    steps = np.zeros(len(kept))
    steps[:-1] += gaps / 2
    steps[1:] += gaps / 2
    chosen = slice(first, last + 1)
    return Centreline(kept, radii[chosen], steps, float(gaps.sum() + ends.sum()))


def joined_pieces(
    crop: _Bytes,
    radius_px: float,
    contours: Sequence[npt.NDArray[Any]],
    hierarchy: npt.NDArray[Any],
) -> _Bytes:
    """The mask with small holes filled and with gaps of up to twice its width bridged.

    Args:
        crop: uint8 0/1 (H, W).
        radius_px: of the largest circle in it.
        contours, hierarchy: of the crop, as `cv2.findContours` gives them for RETR_CCOMP.
    """
    joined = crop
    if np.count_nonzero(hierarchy[:, 3] < 0) > 1:
        reach = int(np.clip(2 * radius_px, 2, 8))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        closed = cv2.morphologyEx(np.pad(crop, reach), cv2.MORPH_CLOSE, kernel)
        joined = np.ascontiguousarray(cast(_Bytes, closed)[reach:-reach, reach:-reach])
        contours, nested = cv2.findContours(joined, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        hierarchy = nested[0]
    # A hole of a pixel would turn a crack's skeleton into a chain of rings. The outline of a hole
    # runs through the pixels around it.
    bound = max(20, int(np.count_nonzero(joined)) // 50)
    small = [
        outline
        for outline, (_, _, _, parent) in zip(contours, hierarchy, strict=True)
        if parent >= 0 and cv2.contourArea(outline) <= bound
    ]
    return cast(_Bytes, cv2.drawContours(joined.copy(), small, -1, 1, cv2.FILLED))


def _longest_path(rows: _Ints, columns: _Ints, shape: tuple[int, ...]) -> _Ints:
    """Indices of the skeleton's pixels along the longest of all shortest ways, in order.

    The farthest pixel from any pixel is one end, the farthest from there the other: exact where
    the skeleton is a tree.
    """
    count = len(rows)
    index = np.full(shape, -1, dtype=np.int32)
    index[rows, columns] = np.arange(count)
    pairs, weights = [], []
    for down, right, way in ((0, 1, 1.0), (1, 0, 1.0), (1, 1, np.sqrt(2)), (1, -1, np.sqrt(2))):
        other = index[rows + down, columns + right]
        known = np.flatnonzero(other >= 0)
        pairs.append(np.stack([known, other[known]]))
        weights.append(np.full(len(known), way))
    source, target = np.concatenate(pairs, axis=1)
    weight = np.concatenate(weights)
    # Both ways written out: for an undirected graph SciPy would build the other half each time.
    graph = sparse.csr_array(
        (np.tile(weight, 2), (np.append(source, target), np.append(target, source))),
        shape=(count, count),
    )
    starts = [0]
    away = csgraph.dijkstra(graph, indices=0)
    if not np.isfinite(away).all():
        # Pieces too far apart to be joined: one of the three largest has the longest way.
        _, piece = csgraph.connected_components(graph, directed=False)
        largest = np.argsort(-np.bincount(piece))[:3]
        starts = [int(np.argmax(piece == number)) for number in largest]
    best: tuple[float, _Ints] = (-1.0, np.zeros(1, dtype=np.intp))
    for first in starts:
        if first:
            away = csgraph.dijkstra(graph, indices=first)
        start = int(np.argmax(np.where(np.isfinite(away), away, -1)))
        along, before = csgraph.dijkstra(graph, indices=start, return_predecessors=True)
        end = int(np.argmax(np.where(np.isfinite(along), along, -1)))
        if along[end] > best[0]:
            path = [end]
            while path[-1] != start:
                path.append(int(before[path[-1]]))
            best = (float(along[end]), np.array(path, dtype=np.intp))
    return best[1]


def _smoothed(line: _Floats, sigma: float) -> _Floats:
    """A Gaussian along the line, whose ends are mirrored through their points and so stay."""
    reach = min(len(line) - 1, int(4 * sigma))
    if reach < 1:
        return line
    before = 2 * line[0] - line[reach:0:-1]
    after = 2 * line[-1] - line[-2 : -reach - 2 : -1]
    extended = np.concatenate([before, line, after])
    smooth = ndimage.gaussian_filter1d(extended, sigma, axis=0, mode="nearest")
    return cast(_Floats, smooth[reach:-reach])


def _without_ends(line: _Floats, radii: _Floats) -> tuple[int, int]:
    """First and last point beyond the skeleton's forks into corners.

    In the end of a bar of width w the skeleton runs from the axis into a corner, w / √2 long,
    and leaves the axis where the radius is w / 2. Whatever lies so near to an end is replaced by
    the straight way to the edge.
    """
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    near = np.flatnonzero(along <= 1.6 * radii)
    far = np.flatnonzero(along[-1] - along <= 1.6 * radii)
    return int(near[-1]), int(far[0])


def _to_the_edge(mask: _Bytes, line: _Floats, radii: _Floats, first: int, last: int) -> _Floats:
    """How far the mask reaches beyond the first and the last point, px (2,)."""
    directions, ways = [], []
    for at, inward, end in ((first, 1, 0), (last, -1, -1)):
        reach = max(6, round(3 * radii[at]))
        near, far = (int(np.clip(at + inward * n * reach, first, last)) for n in (1, 2))
        towards = [np.arctan2(*(line[at] - line[point])[::-1]) for point in (near, far)]
        # The line's bend goes on: a chord turns half as fast as the line itself.
        bend = float(np.angle(np.exp(1j * (towards[0] - towards[1]))))
        angle = towards[0] + 1.5 * np.clip(bend, -0.5, 0.5)
        directions.append((np.cos(angle), np.sin(angle)))
        tail = np.hypot(*np.diff(line[at::-inward], axis=0).T).sum()
        ways.append(tail + radii[end] - 0.5)
    limit_px = 4 * float(radii.max()) + 4
    straight = reach_px(mask, line[[first, last]], np.array(directions), limit_px)
    # A thin line may leave the straight way by its own width, and a round end has no corners to
    # fork into: there the skeleton itself leads to the end.
    unforked = (radii[[first, last]] < 1.6) | (radii[[0, -1]] > 0.6 * radii[[first, last]])
    return np.where(unforked, np.maximum(straight, ways), straight)


def reach_px(
    mask: _Bytes | npt.NDArray[np.float32], xy: _Floats, directions: _Floats, limit_px: float
) -> _Floats:
    """From each point (N, 2) along its direction (N, 2): the way to the mask's edge, px (N,).

    The mask is interpolated between pixel centres, and its edge is where it falls to a half.
    """
    step = 0.25
    ways = np.arange(0.0, limit_px + step, step)
    units = directions / np.maximum(np.hypot(*directions.T), 1e-9)[:, None]
    x, y = (xy[:, None] + ways[:, None] * units[:, None]).astype(np.float32).transpose(2, 0, 1)
    inside = cv2.remap(mask.astype(np.float32), x, y, cv2.INTER_LINEAR)
    outside = inside < 0.5
    outside[:, -1] = True
    at = np.maximum(outside.argmax(axis=1), 1)
    every = np.arange(len(xy))
    before, after = inside[every, at - 1], inside[every, at]
    fall = np.clip((before - 0.5) / np.maximum(before - after, 1e-6), 0.0, 1.0)
    return cast(_Floats, ways[at - 1] + step * fall)
