"""Defect-free surfaces: what a camera sees where nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from inspection.drawing import noise
from inspection.drawing.drawn import Float3D, as_float32

Texture = Callable[[np.random.Generator, tuple[int, int], float], Float3D]


def concrete(rng: np.random.Generator, size_wh: tuple[int, int], scale: float) -> Float3D:
    """Grey to sandy, cloudy, with fine grain and small pores; float32 (H, W, 3), 0 to 1."""
    level = rng.uniform(0.38, 0.78)
    field = np.full((size_wh[1], size_wh[0]), level, dtype=np.float32)
    field += rng.uniform(0.01, 0.06) * noise.fractal(rng, size_wh, 120 * scale, 4)
    field += rng.uniform(0.01, 0.05) * noise.grain(rng, size_wh, rng.uniform(0.0, 1.4) * scale)
    if rng.random() < 0.5:
        field += rng.uniform(0.01, 0.04) * noise.grain(rng, size_wh, rng.uniform(1.5, 3) * scale)
    if rng.random() < 0.6:
        _pores(rng, field, int(rng.integers(20, 500)), scale)
    if rng.random() < 0.15:
        _formwork_lines(rng, field, scale)
    return _tint(rng, field, 0.08)


def asphalt(rng: np.random.Generator, size_wh: tuple[int, int], scale: float) -> Float3D:
    """Bound stones of a few px, light on dark or the reverse; float32 (H, W, 3), 0 to 1."""
    stones = noise.grain(rng, size_wh, rng.uniform(0.8, 3.0) * scale)
    stones = np.tanh(stones * rng.uniform(0.8, 1.6))
    field = rng.uniform(0.28, 0.62) + rng.uniform(0.05, 0.13) * stones
    field += rng.uniform(0.01, 0.04) * noise.white(rng, size_wh)
    field += rng.uniform(0.01, 0.05) * noise.fractal(rng, size_wh, 150 * scale, 3)
    image = _tint(rng, field.astype(np.float32), 0.06)
    if rng.random() < 0.5:
        hue = noise.grain(rng, size_wh, 2.5 * scale)[..., None]
        image += 0.02 * hue * as_float32([1.0, 0.2, -1.0])
    return image


def plaster(rng: np.random.Generator, size_wh: tuple[int, int], scale: float) -> Float3D:
    """Light wall with trowel relief; float32 (H, W, 3), 0 to 1."""
    relief = noise.fractal(rng, size_wh, rng.uniform(10, 40) * scale, 4, 0.6)
    shading = as_float32(cv2.Sobel(relief, cv2.CV_32F, 1, int(rng.random() < 0.5), ksize=3))
    shading /= max(float(shading.std()), 1e-6)
    field = rng.uniform(0.5, 0.85) + rng.uniform(0.01, 0.05) * shading
    field += rng.uniform(0.0, 0.04) * noise.fractal(rng, size_wh, 160 * scale, 3)
    field += rng.uniform(0.003, 0.02) * noise.white(rng, size_wh)
    return _tint(rng, field.astype(np.float32), 0.08)


def brushed_metal(rng: np.random.Generator, size_wh: tuple[int, int], scale: float) -> Float3D:
    """Ground or brushed metal with streaks along one axis; float32 (H, W, 3), 0 to 1."""
    along = rng.uniform(60, 400) * scale
    vertical = rng.random() < 0.5
    across = rng.uniform(0.8, 2.5) * scale
    fine = (across, along) if vertical else (along, across)
    wide = (across * 12, along * 2) if vertical else (along * 2, across * 12)
    field = np.full((size_wh[1], size_wh[0]), rng.uniform(0.28, 0.72), dtype=np.float32)
    field += rng.uniform(0.015, 0.06) * noise.smooth(rng, size_wh, fine)
    field += rng.uniform(0.01, 0.07) * noise.smooth(rng, size_wh, wide)
    field += rng.uniform(0.003, 0.02) * noise.white(rng, size_wh)
    return _tint(rng, field, 0.03)


def ceramic(rng: np.random.Generator, size_wh: tuple[int, int], scale: float) -> Float3D:
    """Smooth glazed or painted surface of any colour; float32 (H, W, 3), 0 to 1."""
    field = np.full((size_wh[1], size_wh[0]), rng.uniform(0.35, 0.85), dtype=np.float32)
    field += rng.uniform(0.0, 0.03) * noise.fractal(rng, size_wh, 60 * scale, 3)
    field += rng.uniform(0.002, 0.015) * noise.white(rng, size_wh)
    return _tint(rng, field, 0.22)


def stone(rng: np.random.Generator, size_wh: tuple[int, int], scale: float) -> Float3D:
    """Mottled stone or rough casting, soft dark and light patches; float32 (H, W, 3), 0 to 1."""
    field = rng.uniform(0.35, 0.7) + rng.uniform(0.03, 0.08) * noise.fractal(
        rng, size_wh, rng.uniform(12, 50) * scale, 4, 0.7
    )
    field += rng.uniform(0.01, 0.04) * noise.grain(rng, size_wh, rng.uniform(0.3, 1.5) * scale)
    return _tint(rng, field.astype(np.float32), 0.07)


TEXTURES: dict[str, Texture] = {
    "concrete": concrete,
    "asphalt": asphalt,
    "plaster": plaster,
    "brushed-metal": brushed_metal,
    "ceramic": ceramic,
    "stone": stone,
}


def _tint(rng: np.random.Generator, field: Float3D, strength: float) -> Float3D:
    """Give a grey field a colour: three gains around 1; float32 (H, W, 3)."""
    warmth, green = rng.uniform(-strength, strength), rng.uniform(-strength, strength) / 2
    gains = as_float32([1 + warmth, 1 + green, 1 - warmth])
    return np.asarray(field[..., None] * gains, dtype=np.float32)


def _pores(rng: np.random.Generator, field: Float3D, count: int, scale: float) -> None:
    """Darken small dots of 1 to 3 px in place: grain of the material, never a labelled pit."""
    dots = np.zeros_like(field)
    height, width = field.shape
    radii = np.maximum(1, np.round(rng.uniform(0.5, 1.6, count) * scale)).astype(int)
    for x, y, radius in zip(
        rng.integers(0, width, count), rng.integers(0, height, count), radii, strict=True
    ):
        cv2.circle(dots, (int(x), int(y)), int(radius), 1.0, -1, cv2.LINE_AA)
    field *= 1 - rng.uniform(0.15, 0.45) * cv2.GaussianBlur(dots, (0, 0), 0.6 * scale)


def _formwork_lines(rng: np.random.Generator, field: Float3D, scale: float) -> None:
    """Parallel faint grooves in place, as boards leave them in concrete."""
    height, width = field.shape
    period = rng.uniform(12, 60) * scale
    bend = noise.smooth(rng, (width, height), (40 * scale, 200 * scale)) * 1.5 * scale
    place = np.arange(width, dtype=np.float32)[None] if rng.random() < 0.5 else None
    if place is None:
        place = np.arange(height, dtype=np.float32)[:, None]
    phase = np.abs(((place + bend) / period) % 1 - 0.5) * period
    field *= 1 - rng.uniform(0.05, 0.2) * np.exp(-((phase / (1.2 * scale)) ** 2))
