"""Cracks: jagged, branching, tapering dark lines, 2 to 12 px wide and 60 to 400 px long."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inspection.drawing import noise
from inspection.drawing.drawn import Float2D

SUPERSAMPLING = 3
LENGTH_PX = (60.0, 400.0)
WIDTH_PX = (2.0, 12.0)


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """A centreline with its width: float64 (N, 2) xy in px, float64 (N,) px."""

    points_xy: npt.NDArray[np.float64]
    widths_px: npt.NDArray[np.float64]


def crack_coverage(
    rng: np.random.Generator, size_wh: tuple[int, int], scale: float
) -> tuple[Float2D, Float2D]:
    """Draw one crack somewhere in the image.

    Returns:
        (coverage, depth): how much of each pixel is crack, and how dark the crack is there,
        both float32 (H, W), 0 to 1.
    """
    length = np.exp(rng.uniform(np.log(LENGTH_PX[0]), np.log(LENGTH_PX[1]))) * scale
    if rng.random() < 0.35:
        length = rng.uniform(250, LENGTH_PX[1]) * scale
    widest = float(np.exp(rng.uniform(np.log(2.6), np.log(WIDTH_PX[1]))))
    # A short crack is a thin one: 60 px long and 12 px wide would be a hole.
    widest = min(widest, 2.5 + length / scale / 20) * scale
    angle = rng.uniform(0, 2 * np.pi)
    margin = 20 * scale
    centre = np.array(
        [rng.uniform(margin, size_wh[0] - margin), rng.uniform(margin, size_wh[1] - margin)]
    )
    trunk = _grow(rng, centre, angle, length, widest, scale, two_ended=True)
    paths = [trunk]
    for _ in range(int(rng.choice([0, 0, 0, 1, 1, 2, 3]))):
        parent = paths[int(rng.integers(len(paths)))]
        paths.append(_branch(rng, parent, length, scale))
    coverage = rasterise(paths, size_wh)
    _roughen(rng, coverage, scale)
    depth = 1 + 0.18 * noise.smooth(rng, size_wh, (18 * scale, 18 * scale))
    return coverage, np.clip(depth, 0.45, 1.25).astype(np.float32)


def rasterise(paths: list[Path], size_wh: tuple[int, int]) -> Float2D:
    """Pixel coverage of tapering lines, float32 (H, W), 0 to 1, drawn at three times the size.

    A line comes out up to a third of a pixel wider, in the image and in its mask alike.
    """
    reach = max(float(path.widths_px.max()) for path in paths)
    points = np.concatenate([path.points_xy for path in paths])
    x0, y0 = np.floor(points.min(axis=0) - reach - 2).astype(int)
    x1, y1 = np.ceil(points.max(axis=0) + reach + 2).astype(int)
    x0, y0 = max(int(x0), 0), max(int(y0), 0)
    x1, y1 = min(int(x1), size_wh[0]), min(int(y1), size_wh[1])
    coverage = np.zeros((size_wh[1], size_wh[0]), dtype=np.float32)
    if x1 <= x0 or y1 <= y0:
        return coverage
    canvas = np.zeros(((y1 - y0) * SUPERSAMPLING, (x1 - x0) * SUPERSAMPLING), dtype=np.uint8)
    for path in paths:
        _draw(canvas, path, (x0, y0))
    drawn = cv2.resize(canvas, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    coverage[y0:y1, x0:x1] = drawn.astype(np.float32) / 255
    return coverage


def _draw(canvas: npt.NDArray[np.uint8], path: Path, origin_xy: tuple[int, int]) -> None:
    """Fill the quads between neighbouring cross-sections, and a disc at each joint."""
    shift = 4
    factor = SUPERSAMPLING * 2**shift
    xy = (path.points_xy - np.array(origin_xy)) * factor
    radii = np.maximum(path.widths_px / 2, 0.35) * factor
    step = np.diff(xy, axis=0)
    norm = np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-9)
    normal = np.stack([-step[:, 1], step[:, 0]], axis=1) / norm[:, None]
    left0, right0 = xy[:-1] + normal * radii[:-1, None], xy[:-1] - normal * radii[:-1, None]
    left1, right1 = xy[1:] + normal * radii[1:, None], xy[1:] - normal * radii[1:, None]
    quads = np.round(np.stack([left0, left1, right1, right0], axis=1)).astype(np.int32)
    for quad in quads:
        cv2.fillConvexPoly(canvas, quad, 255, cv2.LINE_8, shift)
    for (x, y), radius in zip(np.round(xy).astype(int), np.round(radii).astype(int), strict=True):
        cv2.circle(canvas, (int(x), int(y)), int(radius), 255, -1, cv2.LINE_8, shift)


def _grow(
    rng: np.random.Generator,
    start: npt.NDArray[np.float64],
    angle: float,
    length: float,
    widest: float,
    scale: float,
    *,
    two_ended: bool,
) -> Path:
    """A jagged walk: slow bends, sharp turns, fine jitter; widest inside, thin at its ends."""
    step = 4.0 * scale
    count = max(6, round(length / step))
    bend = np.cumsum(rng.normal(0, rng.uniform(0.01, 0.08), count))
    bend -= np.linspace(0, bend[-1], count) * rng.uniform(0, 0.8)
    corner = np.repeat(rng.normal(0, rng.uniform(0.15, 0.6), count), rng.integers(2, 9, count))[
        :count
    ]
    jitter = rng.normal(0, rng.uniform(0.1, 0.45), count)
    heading = angle + bend + corner + jitter
    moves = step * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    points = start + np.concatenate([[[0.0, 0.0]], np.cumsum(moves, axis=0)])
    if two_ended:
        points += start - points[len(points) // 2]
    place = np.linspace(0, 1, len(points))
    if two_ended:
        taper = np.minimum(1, 6 * np.minimum(place, 1 - place) + rng.uniform(0.2, 0.6))
        taper *= 1 - rng.uniform(0, 0.6) * (place if rng.random() < 0.5 else 1 - place)
    else:
        taper = 1 - rng.uniform(0.3, 0.8) * place
    knots = rng.normal(0, rng.uniform(0.05, 0.3), max(3, len(points) // 4))
    wobble = np.interp(place, np.linspace(0, 1, len(knots)), knots)
    widths = widest * taper * np.exp(wobble)
    return Path(points, np.clip(widths, WIDTH_PX[0] * scale, WIDTH_PX[1] * scale))


def _branch(rng: np.random.Generator, parent: Path, length: float, scale: float) -> Path:
    """A thinner crack that leaves its parent at 25 to 90 degrees."""
    at = int(rng.integers(len(parent.points_xy) // 6, max(2, len(parent.points_xy) * 5 // 6)))
    before, after = max(at - 2, 0), min(at + 2, len(parent.points_xy) - 1)
    run = parent.points_xy[after] - parent.points_xy[before]
    turn = rng.uniform(np.radians(25), np.radians(90)) * rng.choice([-1, 1])
    angle = float(np.arctan2(run[1], run[0])) + turn
    widest = float(parent.widths_px[at]) * rng.uniform(0.5, 1.0)
    branch_length = max(25 * scale, length * rng.uniform(0.15, 0.5))
    return _grow(rng, parent.points_xy[at], angle, branch_length, widest, scale, two_ended=False)


def _roughen(rng: np.random.Generator, coverage: Float2D, scale: float) -> None:
    """Fray the edges in place: only half-covered pixels move, so no island appears."""
    field = noise.grain(rng, (coverage.shape[1], coverage.shape[0]), 0.8 * scale)
    fringe = 4 * coverage * (1 - coverage)
    coverage += rng.uniform(0.0, 0.35) * fringe * field
    np.clip(coverage, 0, 1, out=coverage)
