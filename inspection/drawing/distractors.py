"""What a good surface may show: joints, shadows, paint, lettering, part edges, dirt specks."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from inspection.drawing.drawn import Float2D, Float3D, as_float32


def add_distractors(
    rng: np.random.Generator, image: Float3D, scale: float
) -> npt.NDArray[np.bool_]:
    """Add a random few in place to float32 (H, W, 3); gives what is no part, bool (H, W)."""
    for add, chance in (
        (_shadow, 0.25),
        (_joint, 0.22),
        (_paint, 0.08),
        (_lettering, 0.06),
        (_specks, 0.25),
    ):
        if rng.random() < chance:
            add(rng, image, scale)
    if rng.random() < 0.1:
        return _part_edge(rng, image)
    return np.zeros(image.shape[:2], dtype=np.bool_)


def _band(rng: np.random.Generator, image: Float3D, width_px: float, soft_px: float) -> Float2D:
    """Coverage of a straight band right through the image, float32 (H, W)."""
    height, width = image.shape[:2]
    angle = rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.06)
    if rng.random() < 0.2:
        angle = rng.uniform(0, np.pi)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    across = (columns - rng.uniform(0, width)) * np.cos(angle)
    across += (rows - rng.uniform(0, height)) * np.sin(angle)
    edge = (width_px / 2 - np.abs(across)) / max(soft_px, 0.5) + 0.5
    return np.asarray(np.clip(edge, 0, 1), dtype=np.float32)


def _joint(rng: np.random.Generator, image: Float3D, scale: float) -> None:
    """A straight joint of even width, dark or light."""
    band = _band(rng, image, rng.uniform(3, 16) * scale, rng.uniform(0.8, 3) * scale)
    image *= (1 - rng.uniform(-0.25, 0.6) * band)[..., None]


def _shadow(rng: np.random.Generator, image: Float3D, scale: float) -> None:
    """The soft shadow of something outside the image."""
    height, width = image.shape[:2]
    canvas = np.zeros((height, width), dtype=np.uint8)
    corners = rng.uniform(-0.4, 1.4, (int(rng.integers(3, 6)), 2)) * [width, height]
    cv2.fillPoly(canvas, [corners.astype(np.int32)], 255)
    soft = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(2, 25) * scale).astype(np.float32) / 255
    image *= (1 - rng.uniform(0.1, 0.45) * soft)[..., None]


def _paint(rng: np.random.Generator, image: Float3D, scale: float) -> None:
    """A painted line with its own colour."""
    band = _band(rng, image, rng.uniform(20, 70) * scale, 1.5 * scale)[..., None] * 0.85
    colour = as_float32([[0.9, 0.9, 0.88], [0.85, 0.7, 0.2], [0.6, 0.15, 0.12]])
    image[...] = image * (1 - band) + colour[int(rng.integers(3))] * band


def _lettering(rng: np.random.Generator, image: Float3D, scale: float) -> None:
    """Printed or stamped characters."""
    height, width = image.shape[:2]
    text = "".join(rng.choice(list("ABCDEFHKLMNPRSTUXZ0123456789-."), int(rng.integers(2, 9))))
    canvas = np.zeros((height, width), dtype=np.uint8)
    origin = (int(rng.uniform(0, 0.7) * width), int(rng.uniform(0.1, 0.95) * height))
    size = float(rng.uniform(0.5, 2.2) * scale)
    thick = max(1, round(rng.uniform(1, 3) * scale))
    cv2.putText(canvas, text, origin, cv2.FONT_HERSHEY_SIMPLEX, size, 255, thick, cv2.LINE_AA)
    letters = canvas.astype(np.float32)[..., None] / 255
    image *= 1 + rng.uniform(-0.5, 0.4) * letters


def _part_edge(rng: np.random.Generator, image: Float3D) -> npt.NDArray[np.bool_]:
    """The part ends inside the frame: beyond its edge lies a dark or white ground."""
    height, width = image.shape[:2]
    side = int(rng.integers(4))
    share = rng.uniform(0.03, 0.2)
    ground = rng.uniform(0.0, 0.12) if rng.random() < 0.7 else rng.uniform(0.85, 1.0)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    place = (columns, width - 1 - columns, rows, height - 1 - rows)[side]
    tilt = (rows / height if side < 2 else columns / width) * rng.uniform(-0.05, 0.05)
    outside = np.clip((share + tilt) * (width, width, height, height)[side] - place, 0, 1)
    image[...] = image * (1 - outside[..., None]) + ground * outside[..., None]
    return np.asarray(outside > 0.5)


def _specks(rng: np.random.Generator, image: Float3D, scale: float) -> None:
    """Bright or dark grains of dust, too small to be a pit."""
    height, width = image.shape[:2]
    canvas = as_float32(np.zeros((height, width)))
    for _ in range(int(rng.integers(3, 40))):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(canvas, centre, max(1, round(rng.uniform(0.5, 1.8) * scale)), 1.0, -1)
    canvas = as_float32(cv2.GaussianBlur(canvas, (0, 0), 0.7 * scale))
    image *= (1 + rng.uniform(-0.5, 0.5) * canvas)[..., None]
