"""Draw one inspected surface: texture, things that are no defect, defects, light, camera."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from inspection.detections import InstanceMask
from inspection.drawing import noise
from inspection.drawing.camera import photograph
from inspection.drawing.distractors import add_distractors
from inspection.drawing.drawn import Drawn, scale_for
from inspection.drawing.surface_defects import ADD, CLASSES
from inspection.drawing.textures import TEXTURES

__all__ = ["CLASSES", "draw_surface"]

SMALLEST_PX = 24
TRIES = 12


def draw_surface(
    rng: np.random.Generator,
    size_wh: tuple[int, int] = (512, 512),
    defects: Sequence[str] | None = None,
    texture: str | None = None,
) -> Drawn:
    """Draw a surface with the named defects, or with a random few.

    Args:
        rng: the source of everything random; the same state gives the same image.
        size_wh: width and height of the image, px.
        defects: class names out of `CLASSES`, one instance each; an empty list draws a good
            surface; None draws none in one image of five, else one to four.
        texture: a name out of `TEXTURES`; None takes any.

    Raises:
        ValueError: an unknown defect or texture.
    """
    if defects is None:
        defects = _random_defects(rng)
    unknown = sorted(set(defects) - set(CLASSES))
    if unknown:
        raise ValueError(f"unknown defects {unknown}; expected some of {list(CLASSES)}")
    if texture is None:
        texture = str(rng.choice(list(TEXTURES)))
    if texture not in TEXTURES:
        raise ValueError(f"unknown texture {texture!r}; expected one of {list(TEXTURES)}")
    scale = scale_for(size_wh)
    image = np.clip(TEXTURES[texture](rng, size_wh, scale), 0.02, 1.2)
    taken = add_distractors(rng, image, scale)
    instances = []
    # Stains lie under the rest, since dirt never hides a crack that was there before it.
    for name in sorted(defects, key=lambda name: name != "stain"):
        mask = _add(rng, image, name, taken, scale)
        if mask is not None:
            instances.append((name, mask))
    _light(rng, image)
    return Drawn(photograph(rng, image, scale), tuple(instances))


def _random_defects(rng: np.random.Generator) -> list[str]:
    if rng.random() < 0.2:
        return []
    count = int(rng.choice([1, 2, 3, 4], p=[0.35, 0.3, 0.2, 0.15]))
    return [str(name) for name in rng.choice(CLASSES, size=count, p=[0.37, 0.23, 0.22, 0.18])]


def _add(
    rng: np.random.Generator, image: np.ndarray, name: str, taken: np.ndarray, scale: float
) -> InstanceMask | None:
    """Add one instance in place where it crosses little of what is there; None if none fits."""
    for _ in range(TRIES):
        trial = image.copy()
        coverage = ADD[name](rng, trial, scale)
        bits = coverage > 0.5
        mask = InstanceMask.from_frame(bits)
        area = mask.area_px
        if area < SMALLEST_PX * scale**2 or (name != "stain" and _cut_off(bits, name, scale)):
            continue
        if np.count_nonzero(bits & taken) > 0.08 * area:
            continue
        near = cv2.dilate(bits.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(np.bool_)
        # Two cracks that touch would be one crack, so the same class keeps its distance.
        if np.count_nonzero(near & taken) > 0.5 * area:
            continue
        taken |= near
        image[...] = trial
        return mask
    return None


def _cut_off(bits: np.ndarray, name: str, scale: float) -> bool:
    """Whether the image border leaves too little of a defect to tell what it is."""
    rows, columns = np.flatnonzero(bits.any(axis=1)), np.flatnonzero(bits.any(axis=0))
    extent = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    return bool(extent < {"crack": 45, "scratch": 40, "pit": 6}[name] * scale)


def _light(rng: np.random.Generator, image: np.ndarray) -> None:
    """Uneven light in place: a gradient, a lamp's spot, dark corners."""
    height, width = image.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    rows, columns = rows / height - 0.5, columns / width - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    field = 1 + rng.uniform(0, 0.35) * (columns * np.cos(angle) + rows * np.sin(angle))
    if rng.random() < 0.5:
        x, y = rng.uniform(-0.5, 0.5, 2)
        spot = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / rng.uniform(0.05, 0.4))
        field += rng.uniform(-0.15, 0.3) * spot
    if rng.random() < 0.4:
        field *= 1 - rng.uniform(0.1, 0.7) * (columns**2 + rows**2)
    if rng.random() < 0.2:
        field *= 1 + 0.08 * noise.smooth(rng, (width, height), (width / 3, height / 3))
    image *= field[..., None]
