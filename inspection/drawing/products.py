"""Shelf products: one flat picture of each, with its outline, painted once and pasted often."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inspection.drawing import noise
from inspection.drawing.drawn import Float2D, Float3D, as_float32

SHAPES = ("bottle", "can", "box", "bag", "jar", "carton", "tub")
# Width over height of each shape, least and greatest.
ASPECTS = {
    "bottle": (0.24, 0.42),
    "can": (0.5, 0.72),
    "box": (0.45, 1.3),
    "bag": (0.6, 0.95),
    "jar": (0.55, 0.9),
    "carton": (0.36, 0.55),
    "tub": (0.8, 1.4),
}


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """One product seen from the front.

    Attributes:
        colour: float32 (h, w, 3), 0 to 1.
        opacity: float32 (h, w), below 1 inside the outline where the product is clear.
        outline: float32 (h, w), 1 inside.
    """

    shape: str
    colour: Float3D
    opacity: Float2D
    outline: Float2D

    def resized(self, size_wh: tuple[int, int]) -> Sprite:
        """The same product at another size in px."""
        colour, opacity, outline = (
            np.asarray(cv2.resize(field, size_wh, interpolation=cv2.INTER_AREA), dtype=np.float32)
            for field in (self.colour, self.opacity, self.outline)
        )
        return Sprite(self.shape, colour, opacity, outline)


def draw_product(
    rng: np.random.Generator, height_px: int, shape: str, width_px: int | None = None
) -> Sprite:
    """Paint a product of a shape out of `SHAPES`, height_px tall.

    Raises:
        ValueError: an unknown shape.
    """
    if shape not in ASPECTS:
        raise ValueError(f"unknown shape {shape!r}; expected one of {list(SHAPES)}")
    height = max(12, height_px)
    width = width_px or round(height * rng.uniform(*ASPECTS[shape]))
    width = max(8, width)
    profile = _profile(rng, shape, height)
    outline = _fill(profile, (width, height))
    body = _colour(rng)
    colour = np.broadcast_to(body, (height, width, 3)).astype(np.float32).copy()
    opacity = outline.copy()
    clear = shape in ("bottle", "jar") and rng.random() < 0.5
    if clear:
        _make_clear(rng, colour, opacity, outline)
    _lid(rng, colour, opacity, shape, profile)
    _label(rng, colour, opacity, shape, clear)
    _shade(rng, colour, shape, profile)
    return Sprite(shape, np.clip(colour, 0, 1), opacity, outline)


def _colour(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """A colour of packaging: often saturated, sometimes white, black or kraft."""
    kind = rng.random()
    if kind < 0.15:
        return as_float32(rng.uniform(0.8, 0.97) * np.ones(3))
    if kind < 0.25:
        return as_float32(rng.uniform(0.05, 0.25) * np.ones(3))
    hsv = as_float32([[[rng.uniform(0, 360), rng.uniform(0.25, 0.95), rng.uniform(0.3, 0.95)]]])
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0], dtype=np.float32)


def _profile(rng: np.random.Generator, shape: str, height: int) -> npt.NDArray[np.float32]:
    """Half width of each row from the top, as a share of the half width; float32 (h,)."""
    place = np.linspace(0, 1, height, dtype=np.float32)
    if shape == "bottle":
        neck, cap = rng.uniform(0.22, 0.42), rng.uniform(0.05, 0.1)
        shoulder = neck + rng.uniform(0.06, 0.25)
        neck_width = rng.uniform(0.25, 0.45)
        ease = np.clip((place - neck * rng.uniform(0.5, 1)) / (shoulder - neck * 0.7), 0, 1)
        profile = neck_width + (1 - neck_width) * (3 * ease**2 - 2 * ease**3)
        profile[place < cap] = neck_width * rng.uniform(1.0, 1.25)
        waist = rng.uniform(0, 0.08) * np.sin(place * np.pi * rng.uniform(2, 5)) ** 2
        profile -= waist * (place > shoulder)
    elif shape == "jar":
        lid = rng.uniform(0.12, 0.25)
        profile = np.where(place < lid, rng.uniform(0.82, 1.0), 1.0)
    elif shape == "carton":
        top = rng.uniform(0.12, 0.22)
        profile = np.where(place < top, 0.9 + 0.1 * place / top, 1.0)
    elif shape == "tub":
        slope = rng.uniform(0.05, 0.2)
        profile = 1 - slope * place
        profile[place < 0.12] = 1.0
    elif shape == "bag":
        wave = rng.uniform(0.02, 0.06) * np.sin(place * np.pi * rng.uniform(2, 6))
        profile = 0.88 + 0.12 * np.sin(np.pi * np.clip(place, 0.05, 0.95)) ** 0.6 + wave
    else:
        profile = np.ones_like(place)
    if shape in ("bottle", "can", "jar", "tub"):
        # A round foot: the last rows run in.
        foot = np.clip((1 - place) / rng.uniform(0.02, 0.05), 0, 1)
        profile = profile * (0.86 + 0.14 * np.sqrt(foot))
    if shape == "can":
        head = np.clip(place / 0.05, 0, 1)
        profile = profile * (0.88 + 0.12 * head)
    return as_float32(np.clip(profile, 0.1, 1))


def _fill(profile: npt.NDArray[np.float32], size_wh: tuple[int, int]) -> Float2D:
    """The outline that a profile encloses, smooth at its edge; float32 (h, w)."""
    half = size_wh[0] / 2
    distance = np.abs(np.arange(size_wh[0], dtype=np.float32) + 0.5 - half)
    inside = np.clip(profile[:, None] * half - distance[None] + 0.5, 0, 1)
    return np.asarray(inside, dtype=np.float32)


def _make_clear(
    rng: np.random.Generator, colour: Float3D, opacity: Float2D, outline: Float2D
) -> None:
    """Clear plastic or glass in place: see-through inside, denser at its edge and its liquid."""
    height, width = outline.shape
    inner = cv2.blur(outline, (max(3, width // 4) | 1, max(3, width // 8) | 1))
    edge = np.clip(1 - inner, 0, 1)
    tint = as_float32(rng.uniform([0.45, 0.5, 0.55], [0.8, 0.9, 0.98]))
    if rng.random() < 0.3:
        tint = _colour(rng) * 0.7
    colour[...] = tint * (1 - 0.5 * edge)[..., None]
    solid = rng.uniform(0.3, 0.7)
    opacity[...] = outline * np.clip(solid + 0.8 * edge, 0, 1)
    level = round(height * rng.uniform(0.1, 0.85))
    if rng.random() < 0.7:
        colour[level:] *= as_float32(rng.uniform(0.55, 1.05, 3))
        opacity[level:] = np.minimum(outline[level:], opacity[level:] + rng.uniform(0, 0.3))
        colour[level : level + max(1, height // 90)] *= 1.25
    ripples = noise.smooth(rng, (width, height), (max(2, width / 5), max(2, height / 12)))
    colour *= (1 + 0.10 * ripples)[..., None]
    foot = round(height * rng.uniform(0.92, 0.97))
    colour[foot:] *= as_float32(0.6)


def _lid(
    rng: np.random.Generator,
    colour: Float3D,
    opacity: Float2D,
    shape: str,
    profile: npt.NDArray[np.float32],
) -> None:
    """Cap, lid, can rim or the crimped edges of a bag, in place."""
    height = len(profile)
    share = {"bottle": 0.075, "jar": 0.18, "can": 0.05, "tub": 0.12, "bag": 0.06, "carton": 0.1}
    rows = round(height * share.get(shape, 0.0) * rng.uniform(0.7, 1.3))
    if rows < 1:
        return
    metal = as_float32([0.75, 0.76, 0.78])
    paint = metal if shape == "can" else _colour(rng)
    if shape == "bag":
        colour[:rows] *= 0.8 + 0.3 * (np.arange(rows) % 3 > 0)[:, None, None]
        colour[-rows:] *= 0.85
        return
    colour[:rows] = paint
    half = colour.shape[1] / 2
    distance = np.abs(np.arange(colour.shape[1]) + 0.5 - half)
    inside = np.clip(profile[:rows, None] * half - distance[None] + 0.5, 0, 1)
    opacity[:rows] = np.maximum(opacity[:rows], inside)
    colour[rows : rows + max(1, height // 80)] *= 0.6
    if shape == "can":
        colour[-max(1, rows // 2) :] = metal * 0.8


def _label(
    rng: np.random.Generator, colour: Float3D, opacity: Float2D, shape: str, clear: bool
) -> None:
    """Print in place: bands, blobs and lettering; on a clear product only some have one."""
    if clear and rng.random() < 0.45:
        return
    height, width = opacity.shape
    top, lower = {"bottle": (0.5, 0.85), "jar": (0.35, 0.85)}.get(shape, (0.08, 0.95))
    y0 = round(height * (top + rng.uniform(0, 0.08)))
    y1 = round(height * (lower - rng.uniform(0, 0.1)))
    if y1 - y0 < 4:
        return
    if shape in ("bottle", "jar") or rng.random() < 0.5:
        colour[y0:y1] = _colour(rng)
        opacity[y0:y1] = np.maximum(opacity[y0:y1], (opacity[y0:y1] > 0.02) * 0.97)
    for _ in range(int(rng.integers(1, 5))):
        ink = tuple(float(v) for v in _colour(rng))
        x = int(rng.uniform(0.1, 0.9) * width)
        y = int(rng.uniform(y0, y1))
        kind = rng.random()
        if kind < 0.35:
            thick = max(2, round((y1 - y0) * rng.uniform(0.04, 0.3)))
            colour[max(y0, y - thick) : y] = ink
        elif kind < 0.65:
            axes = (max(2, int(width * rng.uniform(0.1, 0.45))), max(2, int((y1 - y0) * 0.25)))
            cv2.ellipse(colour, (x, y), axes, 0, 0, 360, ink, -1, cv2.LINE_AA)
        else:
            text = "".join(rng.choice(list("ABCDEFGHKLMNOPRSTUVZ"), int(rng.integers(2, 7))))
            size = width / 110 * rng.uniform(0.5, 1.4)
            origin = (max(1, int(width * rng.uniform(0.05, 0.3))), y)
            thick = max(1, round(size * 2))
            letters = np.zeros((height, width), dtype=np.uint8)
            cv2.putText(letters, text, origin, cv2.FONT_HERSHEY_SIMPLEX, size, 1, thick)
            colour[letters > 0] = ink


def _shade(
    rng: np.random.Generator, colour: Float3D, shape: str, profile: npt.NDArray[np.float32]
) -> None:
    """Light in place: a round product darkens to its sides and shines in a streak."""
    height, width = colour.shape[:2]
    across = np.linspace(-1, 1, width, dtype=np.float32)[None] / profile[:, None]
    if shape in ("bottle", "can", "jar", "tub"):
        light = rng.uniform(-0.5, 0.5)
        shade = 1.08 - rng.uniform(0.25, 0.5) * np.clip(across - light, -1, 1) ** 2
        colour *= shade[..., None]
        streak = np.exp(-(((across - rng.uniform(-0.6, 0.6)) / rng.uniform(0.06, 0.15)) ** 2))
        colour += (rng.uniform(0.05, 0.35) * streak)[..., None]
    elif shape == "bag":
        folds = noise.fractal(rng, (width, height), max(4, width / 3), 3)
        colour *= (1 + 0.16 * folds)[..., None]
    else:
        slope = rng.uniform(-0.12, 0.12) * across + rng.uniform(-0.08, 0.08)
        colour *= (1 + slope)[..., None]
        side = round(width * rng.uniform(0, 0.12))
        if side:
            colour[:, -side:] *= 0.72
