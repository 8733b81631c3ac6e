"""Random shapes of known geometry: how far off is what is measured?

A few hundred in the suite; as many as one likes, with a table, by

    LINESIDE_SHAPES=500 pytest -s tests/unit/inspection/test_measure_study.py
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from inspection.measure import MaskMeasurement, measure_mask

OF_EACH_KIND = int(os.environ.get("LINESIDE_SHAPES", "40"))


@dataclass(frozen=True)
class Shape:
    mask: np.ndarray  # bool (H, W)
    length_px: float
    mean_width_px: float
    max_width_px: float
    branch_count: int = 0
    flat: bool = True  # so that area by length is the width that the raster has


def inside(polygon_xy: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """Every pixel whose centre lies in a polygon (N, 2), by its winding number."""
    x1, y1 = polygon_xy.T
    x2, y2 = np.roll(polygon_xy, -1, axis=0).T
    first = np.ceil(np.minimum(y1, y2)).astype(int)
    rows_crossed = np.ceil(np.maximum(y1, y2)).astype(int) - first
    edge = np.repeat(np.arange(len(x1)), rows_crossed)
    within = np.arange(len(edge)) - np.repeat(np.cumsum(rows_crossed) - rows_crossed, rows_crossed)
    row = first[edge] + within
    x = x1[edge] + (row - y1[edge]) / (y2 - y1)[edge] * (x2 - x1)[edge]
    turns = np.zeros((size_wh[1], size_wh[0] + 1), np.int8)
    np.add.at(turns, (row, np.ceil(x).astype(int)), np.sign(y2 - y1).astype(np.int8)[edge])
    return np.cumsum(turns, axis=1, dtype=np.int8)[:, :-1] != 0


def drawn(rng: np.random.Generator, *polygons: np.ndarray) -> np.ndarray:
    """The union of polygons anywhere on the raster: by pixel centres, or by areas of a half."""
    fine = int(rng.choice([1, 5]))
    every = np.concatenate(polygons)
    low = np.floor(every.min(axis=0)) - 3
    width, height = (np.ceil(every.max(axis=0)) + 4 - low).astype(int)
    bits = np.zeros((height * fine, width * fine), bool)
    for each in polygons:
        bits |= inside((each - low + 0.5) * fine - 0.5, (width * fine, height * fine))
    grey = cv2.resize(255 * bits.astype(np.uint8), (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(grey >= 128)


def strip(points: np.ndarray, widths: np.ndarray, *, round_ends: bool = False) -> np.ndarray:
    """The outline of a line (N, 2) that is `widths` (N,) wide."""
    along = np.gradient(points, axis=0)
    along /= np.hypot(*along.T)[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=-1)
    half = widths[:, None] / 2
    left, right = points + half * across, points - half * across
    if not round_ends:
        return np.concatenate([left, right[::-1]])
    turn = np.linspace(0, np.pi, 40)[1:-1, None]
    caps = [
        points[at] + half[at] * sign * (np.cos(turn) * across[at] + np.sin(turn) * along[at])
        for at, sign in ((-1, 1), (0, -1))
    ]
    return np.concatenate([left, caps[0], right[::-1], caps[1]])


def turned(rng: np.random.Generator, points: np.ndarray, angle_deg: float) -> np.ndarray:
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return points @ np.array([[cos, -sin], [sin, cos]]) + rng.uniform(-0.5, 0.5, 2)


def any_width(rng: np.random.Generator, most: float = 40.0) -> float:
    return float(np.exp(rng.uniform(np.log(1.5), np.log(most))))


def swept(
    rng: np.random.Generator, points: np.ndarray, widths: np.ndarray | float, angle_deg: float
) -> Shape:
    widths = np.broadcast_to(np.asarray(widths, float), len(points))
    round_ends = bool(rng.integers(2))
    outline = strip(points, widths, round_ends=round_ends)
    steps = np.hypot(*np.diff(points, axis=0).T)
    mean = float(steps @ (widths[1:] + widths[:-1]) / 2 / steps.sum())
    length = float(steps.sum()) + round_ends * float(widths[0] + widths[-1]) / 2
    mask = drawn(rng, turned(rng, outline, angle_deg))
    return Shape(mask, length, mean, float(widths.max()), flat=not round_ends)


def straight(rng: np.random.Generator, angle_deg: float) -> Shape:
    width = any_width(rng)
    length = np.exp(rng.uniform(np.log(max(40, 3 * width)), np.log(600)))
    points = np.linspace([-length / 2, 0], [length / 2, 0], 50)
    return swept(rng, points, width, angle_deg)


def bar(rng: np.random.Generator) -> Shape:
    return straight(rng, rng.uniform(0, 180))


def near_axis(rng: np.random.Generator) -> Shape:
    return straight(rng, rng.choice([0, 90, 180]) + rng.normal(0, 2))


def near_diagonal(rng: np.random.Generator) -> Shape:
    return straight(rng, rng.choice([45, 135]) + rng.normal(0, 2))


def arc(rng: np.random.Generator) -> Shape:
    width = any_width(rng)
    radius = max(rng.uniform(2, 6) * width, rng.uniform(15, 200))
    span = rng.uniform(max(40, 3 * width) / radius, min(600 / radius, 4.5))
    turn = np.linspace(0, span, 400)
    points = radius * np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    return swept(rng, points, width, rng.uniform(0, 360))


def wave(rng: np.random.Generator) -> Shape:
    width = any_width(rng, 20)
    wavelength = max(rng.uniform(40, 250), 8 * width)
    # The smallest radius of a bend is 1.5 widths.
    tallest = wavelength**2 / (4 * np.pi**2 * max(1.5 * width, 8))
    height = rng.uniform(0.1, 1) * min(tallest, wavelength / 2)
    x = np.linspace(0, rng.uniform(max(wavelength, 80), 500), 500)
    points = np.stack([x, height * np.sin(2 * np.pi * x / wavelength + rng.uniform(0, 6))], axis=-1)
    return swept(rng, points, width, rng.uniform(0, 180))


def tapered(rng: np.random.Generator) -> Shape:
    width = 1.5 + any_width(rng, 14)
    length = rng.uniform(max(100, 12 * width), 600)
    ends = np.maximum(width * rng.uniform(0.3, 0.8, 2), 1.5)
    widths = np.interp(np.linspace(0, 1, 400), [0, 0.5, 1], [ends[0], width, ends[1]])
    turn = rng.uniform(0.2, 2) * np.linspace(-0.5, 0.5, 400)
    points = length / 400 * np.cumsum(np.stack([np.cos(turn), np.sin(turn)], axis=-1), axis=0)
    return swept(rng, points, widths, rng.uniform(0, 180))


def branched(rng: np.random.Generator) -> Shape:
    width = any_width(rng, 16)
    length, count = rng.uniform(max(140, 14 * width), 500), int(rng.integers(1, 4))
    stem = np.linspace([-length / 2, 0], [length / 2, 0], 50)
    outlines = [strip(stem, np.full(50, width))]
    for number, place in enumerate(np.linspace(-0.2, 0.2, count)):
        lean = np.radians(rng.uniform(50, 90)) * (-1) ** number
        twig = rng.uniform(3 * width + 6, 0.2 * length + 10) * np.array(
            [np.cos(lean), np.sin(lean)]
        )
        start = np.array([length * place, 0])
        outlines.append(strip(np.linspace(start, start + twig, 20), np.full(20, 0.7 * width + 0.5)))
    angle = rng.uniform(0, 180)
    seed = int(rng.integers(1 << 30))
    placed = [turned(np.random.default_rng(seed), each, angle) for each in outlines]
    return Shape(drawn(rng, *placed), length, width, width, count, flat=False)


KINDS = (bar, near_axis, near_diagonal, arc, wave, tapered, branched)


def off_by(value: float, shape: Shape, true: float, area_px: int) -> float:
    """The error, after what the raster has of it: thin bars are drawn up to a pixel too wide."""
    error = value - true
    if shape.flat and shape.mean_width_px == shape.max_width_px:
        error = min(error, value - area_px / shape.length_px, key=abs)
    return error


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_shapes_measure_what_they_are(kind: Callable[[np.random.Generator], Shape]) -> None:
    lengths, means, maxima, branches, covered = [], [], [], [], []
    for number in range(OF_EACH_KIND):
        shape = kind(np.random.default_rng([KINDS.index(kind), number]))
        found: MaskMeasurement = measure_mask(shape.mask, edge_px=0)
        assert found.area_px == shape.mask.sum()
        errors = [
            off_by(found.mean_width_px, shape, shape.mean_width_px, found.area_px),
            off_by(found.max_width_px, shape, shape.max_width_px, found.area_px),
            found.length_px - shape.length_px,
        ]
        means.append(abs(errors[0]))
        maxima.append(abs(errors[1]))
        lengths.append(abs(errors[2]) / max(shape.length_px, 50.0))
        branches.append(found.branch_count == shape.branch_count)
        u = (found.u_mean_width_px, found.u_max_width_px, found.u_length_px)
        covered.append([abs(error) <= 2 * each for error, each in zip(errors, u, strict=True)])
    print(
        f"\n{kind.__name__}: length {max(lengths):.2%}, mean {max(means):.2f},"
        f" max {max(maxima):.2f} px, max within 0.5 px {np.mean(np.array(maxima) <= 0.5):.1%},"
        f" branches right {np.mean(branches):.1%}, within 2u {np.mean(covered, axis=0)}"
    )
    many = OF_EACH_KIND > 100
    assert max(lengths) <= 0.02 or (many and np.mean(np.array(lengths) <= 0.02) > 0.99)
    assert max(means) <= 0.5 or (many and np.mean(np.array(means) <= 0.5) > 0.99)
    assert np.mean(np.array(maxima) <= 0.5) >= 0.95
    assert np.mean(branches) >= 0.98
    assert (np.mean(covered, axis=0) >= 0.95).all()
