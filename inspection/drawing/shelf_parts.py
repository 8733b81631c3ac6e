"""What surrounds the items of a shelf: back wall, boards, price labels, people in front."""

from __future__ import annotations

import cv2
import numpy as np

from inspection.drawing import noise
from inspection.drawing.drawn import Float2D, Float3D, as_float32


def back_wall(rng: np.random.Generator, size_wh: tuple[int, int]) -> Float3D:
    """Plain, panelled or perforated wall with its own gradient; float32 (H, W, 3)."""
    width, height = size_wh
    colour = rng.uniform(0.12, 0.9) * (1 + rng.normal(0, 0.06, 3))
    image = np.broadcast_to(as_float32(colour), (height, width, 3)).copy()
    image *= (1 + 0.05 * noise.smooth(rng, size_wh, (width / 3, height / 3)))[..., None]
    ramp = np.linspace(-0.5, 0.5, width, dtype=np.float32)
    image *= (1 + rng.uniform(-0.3, 0.3) * ramp)[None, :, None]
    kind = rng.random()
    if kind < 0.2:
        period = max(6, round(rng.uniform(0.012, 0.03) * width))
        dots = as_float32(np.zeros((height, width)))
        dots[period // 2 :: period, period // 2 :: period] = 1
        dots = as_float32(cv2.dilate(dots, np.ones((2, 2), np.uint8)))
        image *= (1 - 0.5 * dots)[..., None]
    elif kind < 0.4:
        for x in range(0, width, max(8, round(rng.uniform(0.1, 0.4) * width))):
            image[:, x : x + max(1, width // 300)] *= 0.7
    return image


def board(
    rng: np.random.Generator,
    image: Float3D,
    y_px: int,
    thickness_px: int,
    colour: Float3D,
    labels: bool,
    deep_px: int = 1,
) -> None:
    """A shelf board in place whose upper edge is at y_px, with its shadow and price labels.

    Of the board's top, deep_px are seen from above, behind the feet of the items.
    """
    height, width = image.shape[:2]
    image[max(0, y_px - deep_px) : y_px] = colour * 1.08
    front = image[y_px : y_px + thickness_px]
    front[...] = colour * rng.uniform(0.7, 1.0)
    image[y_px : y_px + max(1, thickness_px // 8)] *= 1.15
    below = min(height, y_px + thickness_px + thickness_px * 2)
    rows = below - (y_px + thickness_px)
    if rows > 0:
        fade = np.linspace(0.6, 1, rows, dtype=np.float32)[:, None, None]
        image[y_px + thickness_px : below] *= fade
    if not labels or thickness_px < 5:
        return
    x = int(rng.uniform(0, 0.08) * width)
    while x < width:
        label_width = max(6, int(thickness_px * rng.uniform(1.2, 2.4)))
        if rng.random() < 0.75:
            _price_label(rng, image, x, y_px + 1, label_width, thickness_px - 2)
        x += label_width + int(rng.uniform(0.2, 5) * thickness_px)


def _price_label(
    rng: np.random.Generator, image: Float3D, x: int, y: int, width: int, height: int
) -> None:
    paper = as_float32([[0.95, 0.95, 0.93], [0.95, 0.85, 0.25], [0.9, 0.3, 0.25]])
    patch = image[y : y + height, x : x + width]
    patch[...] = paper[int(rng.choice([0, 0, 1, 2]))]
    for row in range(2, max(3, height - 2), max(2, height // 4)):
        end = int(width * rng.uniform(0.4, 0.95))
        patch[row : row + max(1, height // 10), 2:end] *= 0.25


def occluder(rng: np.random.Generator, size_wh: tuple[int, int]) -> tuple[Float3D, Float2D]:
    """An arm with a hand, or a person: colour float32 (H, W, 3), coverage float32 (H, W)."""
    width, height = size_wh
    canvas = np.zeros((height, width), dtype=np.uint8)
    sleeve = np.zeros_like(canvas)
    skin = as_float32([0.85, 0.62, 0.5]) * rng.uniform(0.35, 1.1)
    cloth = as_float32(rng.uniform(0.05, 0.8, 3))
    if rng.random() < 0.7:
        _arm(rng, canvas, sleeve)
    else:
        x = int(rng.uniform(0, 1) * width)
        half = int(rng.uniform(0.06, 0.16) * width)
        top = int(rng.uniform(0.1, 0.6) * height)
        cv2.ellipse(canvas, (x, top), (half // 2, int(half * 0.65)), 0, 0, 360, 255, -1)
        shoulders = (x, top + int(half * 1.9))
        cv2.ellipse(sleeve, shoulders, (half, int(half * 1.3)), 0, 0, 360, 255, -1)
        sleeve[shoulders[1] :, max(0, x - half) : x + half] = 255
    soft = [
        cv2.GaussianBlur(part, (0, 0), max(0.6, width / 700)).astype(np.float32) / 255
        for part in (canvas, sleeve)
    ]
    coverage = np.maximum(*soft)
    colour = skin * soft[0][..., None] * (1 - soft[1][..., None]) + cloth * soft[1][..., None]
    colour /= np.maximum(coverage, 1e-3)[..., None]
    folds = noise.fractal(rng, size_wh, width / 12, 3)
    return np.clip(colour * (1 + 0.15 * folds[..., None]), 0, 1).astype(np.float32), coverage


def _arm(rng: np.random.Generator, canvas: np.ndarray, sleeve: np.ndarray) -> None:
    """Draw an arm that reaches in from a border, its hand and fingers, into the two masks."""
    height, width = canvas.shape
    start = np.array([rng.uniform(-0.1, 1.1) * width, rng.choice([-0.1, 1.1]) * height])
    if rng.random() < 0.4:
        start = np.array([rng.choice([-0.1, 1.1]) * width, rng.uniform(0, 1) * height])
    hand = np.array([rng.uniform(0.1, 0.9) * width, rng.uniform(0.15, 0.85) * height])
    thick = rng.uniform(0.035, 0.08) * width
    wrist = hand + (start - hand) * 0.12
    cv2.line(canvas, _at(start), _at(hand), 255, max(2, round(thick)))
    cv2.line(sleeve, _at(start), _at(wrist + (start - hand) * 0.1), 255, max(2, round(thick * 1.3)))
    cv2.circle(canvas, _at(hand), max(2, round(thick * 0.75)), 255, -1)
    reach = (hand - start) / max(np.hypot(*(hand - start)), 1)
    base = np.arctan2(reach[1], reach[0])
    for spread in (-0.7, -0.25, 0.1, 0.45):
        angle = base + spread + rng.normal(0, 0.1)
        tip = hand + np.array([np.cos(angle), np.sin(angle)]) * thick * rng.uniform(1.1, 1.7)
        cv2.line(canvas, _at(hand), _at(tip), 255, max(2, round(thick * 0.33)))


def _at(point: np.ndarray) -> tuple[int, int]:
    return (round(float(point[0])), round(float(point[1])))
