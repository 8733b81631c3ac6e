"""Seeded noise fields, the material of every texture."""

from __future__ import annotations

import cv2
import numpy as np

from inspection.drawing.drawn import Float2D, as_float32


def white(rng: np.random.Generator, size_wh: tuple[int, int]) -> Float2D:
    """Independent normal noise, float32 (H, W), mean 0, deviation 1."""
    return rng.standard_normal((size_wh[1], size_wh[0]), dtype=np.float32)


def smooth(
    rng: np.random.Generator, size_wh: tuple[int, int], cell_wh: tuple[float, float]
) -> Float2D:
    """Noise that varies over about cell_wh px, float32 (H, W), deviation about 0.6."""
    columns = max(2, round(size_wh[0] / cell_wh[0]) + 2)
    rows = max(2, round(size_wh[1] / cell_wh[1]) + 2)
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    return np.asarray(cv2.resize(grid, size_wh, interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def fractal(
    rng: np.random.Generator,
    size_wh: tuple[int, int],
    cell_px: float,
    octaves: int,
    persistence: float = 0.5,
) -> Float2D:
    """Octaves of smooth noise from cell_px downwards, float32 (H, W), deviation about 0.6."""
    total = np.zeros((size_wh[1], size_wh[0]), dtype=np.float32)
    weight, power = 1.0, 0.0
    for _ in range(octaves):
        total += weight * smooth(rng, size_wh, (cell_px, cell_px))
        power += weight**2
        weight *= persistence
        cell_px = max(1.0, cell_px / 2)
    return total / as_float32(np.sqrt(power))


def grain(rng: np.random.Generator, size_wh: tuple[int, int], sigma_px: float) -> Float2D:
    """Blurred white noise of deviation 1, float32 (H, W)."""
    field = white(rng, size_wh)
    if sigma_px > 0.3:
        field = as_float32(cv2.GaussianBlur(field, (0, 0), sigma_px))
        field /= max(float(field.std()), 1e-6)
    return field
