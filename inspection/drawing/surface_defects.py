"""Scratches, pits and stains: how much of each pixel they cover, and how they change it."""

from __future__ import annotations

import cv2
import numpy as np

from inspection.drawing import noise
from inspection.drawing.crack import Path, crack_coverage, rasterise
from inspection.drawing.drawn import Float2D, Float3D, as_float32

CLASSES = ("crack", "scratch", "pit", "stain")


def add_crack(rng: np.random.Generator, image: Float3D, scale: float) -> Float2D:
    """Darken a crack into the image (float32 (H, W, 3), in place); gives its coverage."""
    size_wh = (image.shape[1], image.shape[0])
    coverage, depth = crack_coverage(rng, size_wh, scale)
    softened = cv2.GaussianBlur(coverage, (0, 0), rng.uniform(0.3, 0.8) * scale)
    contrast = _contrast(rng, image, coverage, 0.28, 0.85)
    # Broken edges catch the light on the side away from the shadow.
    if rng.random() < 0.4:
        move = rng.uniform(-2.5, 2.5, 2) * scale
        lip = cv2.warpAffine(coverage, as_float32([[1, 0, move[0]], [0, 1, move[1]]]), size_wh)
        lip = np.clip(cv2.GaussianBlur(lip, (0, 0), 1.2 * scale) - coverage, 0, 1)
        image *= (1 + rng.uniform(-0.15, 0.22) * lip)[..., None]
    image *= (1 - np.clip(softened * contrast * depth, 0, 0.96))[..., None]
    return coverage


def add_scratch(rng: np.random.Generator, image: Float3D, scale: float) -> Float2D:
    """A straight or slightly curved smooth line of even width, mostly bright, with a dark side."""
    size_wh = (image.shape[1], image.shape[0])
    length = np.exp(rng.uniform(np.log(50), np.log(320))) * scale
    width = rng.uniform(2.0, 5.0) * scale
    angle = rng.uniform(0, 2 * np.pi)
    curve = rng.uniform(-0.5, 0.5) if rng.random() < 0.6 else 0.0
    count = 24
    heading = angle + curve * np.linspace(-0.5, 0.5, count)
    moves = length / count * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    points = np.concatenate([[[0.0, 0.0]], np.cumsum(moves, axis=0)])
    centre = np.array([rng.uniform(0.1, 0.9) * size_wh[0], rng.uniform(0.1, 0.9) * size_wh[1]])
    points += centre - points[count // 2]
    place = np.linspace(0, 1, count + 1)
    widths = width * np.minimum(1, 8 * np.minimum(place, 1 - place) + 0.35)
    coverage = rasterise([Path(points, np.maximum(widths, 1.5 * scale))], size_wh)
    softened = cv2.GaussianBlur(coverage, (0, 0), rng.uniform(0.3, 0.6) * scale)
    level = float(image.mean())
    bright = rng.random() < (0.9 if level < 0.6 else 0.6)
    contrast = _contrast(rng, image, coverage, 0.22, 0.6)
    side = as_float32([np.sin(angle), -np.cos(angle)]) * width * 0.7
    shade = cv2.warpAffine(coverage, as_float32([[1, 0, side[0]], [0, 1, side[1]]]), size_wh)
    shade = np.clip(cv2.GaussianBlur(shade, (0, 0), 0.8 * scale) - softened, 0, 1)
    if bright:
        image += (softened * contrast * max(0.45, level))[..., None]
        image *= (1 - rng.uniform(0.1, 0.35) * shade)[..., None]
    else:
        image *= (1 - softened * contrast)[..., None]
        image += (rng.uniform(0.08, 0.2) * shade)[..., None]
    return coverage


def add_pit(rng: np.random.Generator, image: Float3D, scale: float) -> Float2D:
    """A round hollow, 8 to 40 px across, shaded by a light from one side."""
    size_wh = (image.shape[1], image.shape[0])
    radius = np.exp(rng.uniform(np.log(4), np.log(20))) * scale
    coverage, (x, y) = _blob(rng, size_wh, radius, rng.uniform(0.03, 0.16), rng.uniform(0.75, 1))
    contrast = _contrast(rng, image, coverage, 0.25, 0.75)
    light = rng.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[0 : size_wh[1], 0 : size_wh[0]].astype(np.float32)
    slope = ((columns - x) * np.cos(light) + (rows - y) * np.sin(light)) / radius
    floor = np.clip(1 - 0.45 * slope, 0.25, 1.5)
    softened = cv2.GaussianBlur(coverage, (0, 0), rng.uniform(0.4, 0.9) * scale)
    image *= (1 - np.clip(softened * contrast * floor, 0, 0.95))[..., None]
    if rng.random() < 0.7:
        wide = cv2.GaussianBlur(cv2.dilate(coverage, np.ones((3, 3))), (0, 0), 1.2 * scale)
        rim = np.clip(wide - coverage, 0, 1) * np.clip(slope, 0, 1.5)
        image *= (1 + rng.uniform(0.1, 0.45) * rim)[..., None]
    return coverage


def add_stain(rng: np.random.Generator, image: Float3D, scale: float) -> Float2D:
    """A discoloured patch, 40 to 180 px across: rust, oil, water; often darker at its edge."""
    size_wh = (image.shape[1], image.shape[0])
    radius = np.exp(rng.uniform(np.log(20), np.log(90))) * scale
    coverage, _ = _blob(rng, size_wh, radius, rng.uniform(0.12, 0.4), rng.uniform(0.5, 1))
    softened = cv2.GaussianBlur(coverage, (0, 0), rng.uniform(0.8, 4.0) * scale)
    strength = _contrast(rng, image, coverage, 0.2, 0.5)
    patch = softened * (1 + 0.25 * noise.smooth(rng, size_wh, (25 * scale, 25 * scale)))
    if rng.random() < 0.5:
        inner = cv2.GaussianBlur(coverage, (0, 0), 5 * scale)
        patch += rng.uniform(0.2, 0.7) * softened * (1 - inner)
    colour = as_float32(
        [
            [0.55, 0.9, 1.3],  # rust takes blue away
            [1.0, 1.0, 1.0],  # oil, water
            [1.15, 1.0, 0.85],
            [0.8, 1.0, 1.1],
        ]
    )[int(rng.integers(4))]
    image *= 1 - np.clip(patch[..., None] * strength * colour, -0.3, 0.9)
    return coverage


ADD = {"crack": add_crack, "scratch": add_scratch, "pit": add_pit, "stain": add_stain}


def _contrast(
    rng: np.random.Generator, image: Float3D, coverage: Float2D, low: float, high: float
) -> float:
    """Relative contrast that stands out of the texture beside the defect, at most 0.9."""
    rows, columns = np.nonzero(coverage > 0.5)
    if rows.size == 0:
        return high
    patch = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1, 1]
    roughness = float(patch.std()) / max(float(patch.mean()), 0.05)
    floor = min(0.8, low + 0.9 * roughness)
    return float(rng.uniform(floor, max(floor + 0.05, high)))


def _blob(
    rng: np.random.Generator,
    size_wh: tuple[int, int],
    radius: float,
    roughness: float,
    aspect: float,
) -> tuple[Float2D, tuple[float, float]]:
    """Coverage of an irregular closed shape, float32 (H, W), and its centre in px."""
    margin = min(radius * 0.5, size_wh[0] / 4, size_wh[1] / 4)
    x = float(rng.uniform(margin, size_wh[0] - margin))
    y = float(rng.uniform(margin, size_wh[1] - margin))
    theta = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    outline = np.ones_like(theta)
    for order in range(2, 9):
        phase, weight = rng.uniform(0, 2 * np.pi), rng.normal(0, 1) / order**0.8
        outline += roughness * weight * np.cos(order * theta + phase)
    outline = np.clip(outline, 0.35, 1.9) * radius
    turn = rng.uniform(0, np.pi)
    local = np.stack([outline * np.cos(theta), aspect * outline * np.sin(theta)], axis=1)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = local @ rotation.T + [x, y]
    coverage = np.zeros((size_wh[1], size_wh[0]), dtype=np.float32)
    fixed = np.round(points * 16).astype(np.int32)
    canvas = np.zeros(coverage.shape, dtype=np.uint8)
    cv2.fillPoly(canvas, [fixed], 255, cv2.LINE_AA, 4)
    coverage[:] = canvas.astype(np.float32) / 255
    return coverage, (x, y)
