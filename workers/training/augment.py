"""Training augmentation: crop and zoom, flips and quarter turns, light, blur, noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from inspection.detections import InstanceMask

PAD_LEVEL = 114
SMALLEST_AREA_PX = 20

Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far training images may depart from the given ones.

    Attributes:
        input_px: side of the network's letterboxed input; at zoom 1 a view has its scale.
        zoom: least and greatest magnification, drawn evenly on a log scale.
        upright: the scene has an up (a shelf): only mirror images, no quarter turns.
        tilt_deg: rotation to either side, on top of quarter turns.
        paste: share of the views that get the instances of another one.
        least_visible: an instance is kept if the crop shows this share of it.
    """

    input_px: int = 512
    zoom: tuple[float, float] = (0.75, 1.8)
    upright: bool = False
    least_visible: float = 0.15
    tilt_deg: float = 0.0
    paste: float = 0.0


def augment(
    rng: np.random.Generator,
    image_rgb: npt.NDArray[np.uint8],
    masks: list[InstanceMask],
    side: int,
    how: Augmentation,
) -> tuple[npt.NDArray[np.uint8], list[tuple[int, Bits]]]:
    """One random view of an image.

    Returns:
        The view, uint8 (side, side, 3), and of each instance still in it the place in masks
        and its bits, bool (side, side).
    """
    # The whole image letterboxed is what the engine sees, so it is one view of three.
    fit = side / max(image_rgb.shape[:2])
    zoom = float(np.exp(rng.uniform(*np.log(how.zoom))))
    whole = side >= 0.875 * how.input_px and rng.random() < 0.35
    factor = fit if whole else fit * max(1.0, how.input_px / side) * zoom
    height, width = image_rgb.shape[:2]
    free_x, free_y = side - width * factor, side - height * factor
    share_x, share_y = (0.5, 0.5) if whole else rng.random(2)
    matrix = np.array(
        [[factor, 0, free_x * share_x], [0, factor, free_y * share_y]], dtype=np.float32
    )
    if how.tilt_deg:
        angle = float(rng.uniform(-how.tilt_deg, how.tilt_deg))
        about = np.vstack([cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1), [0, 0, 1]])
        matrix = (about @ np.vstack([matrix, [0, 0, 1]]))[:2].astype(np.float32)
    if factor < 0.8:
        # Warping has no low-pass of its own, so thin lines would break up when shrunk.
        image_rgb = np.asarray(cv2.GaussianBlur(image_rgb, (0, 0), 0.35 / factor), np.uint8)
    view = cv2.warpAffine(
        image_rgb, matrix, (side, side), flags=cv2.INTER_LINEAR, borderValue=(PAD_LEVEL,) * 3
    )
    kept = _warp_masks(masks, matrix, side, how)
    turns = 0 if how.upright else int(rng.integers(4))
    mirror = bool(rng.random() < 0.5)
    turned = [(place, turn(bits, turns, mirror)) for place, bits in kept]
    return relight(rng, turn(view, turns, mirror)), turned


def _warp_masks(
    masks: list[InstanceMask], matrix: npt.NDArray[np.float32], side: int, how: Augmentation
) -> list[tuple[int, Bits]]:
    kept = []
    for place, mask in enumerate(masks):
        if mask.bits.size == 0:
            continue
        local = matrix.copy()
        local[:, 2] += matrix[:, :2] @ np.array([mask.x0, mask.y0], dtype=np.float32)
        warped = cv2.warpAffine(mask.bits.astype(np.uint8) * 255, local, (side, side))
        bits = warped >= 128
        area = int(np.count_nonzero(bits))
        whole_area = mask.area_px * float(np.linalg.det(matrix[:, :2]))
        if area >= max(SMALLEST_AREA_PX, how.least_visible * whole_area):
            kept.append((place, bits))
    return kept


def turn(array: npt.NDArray[Any], turns: int, mirror: bool) -> npt.NDArray[Any]:
    """Quarter turns of the first two axes, then left and right exchanged."""
    turned = np.rot90(array, turns)
    return np.ascontiguousarray(turned[:, ::-1] if mirror else turned)


def relight(rng: np.random.Generator, image_rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Gain, offset, gamma and white balance through one table a channel; blur; noise."""
    ramp = np.arange(256, dtype=np.float32) / 255
    gain, offset, gamma = rng.uniform(0.75, 1.3), rng.uniform(-0.08, 0.08), rng.uniform(0.75, 1.3)
    tints = 1 + rng.normal(0, 0.04, 3)
    curve = np.clip(gain * ramp**gamma + offset, 0, 1)
    table = np.clip(curve[:, None] * tints * 255, 0, 255).astype(np.uint8)
    lit = cv2.LUT(image_rgb, table[None])
    if rng.random() < 0.15:
        lit = cv2.cvtColor(cv2.cvtColor(lit, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < 0.25:
        lit = cv2.GaussianBlur(lit, (0, 0), rng.uniform(0.3, 1.1))
    if rng.random() < 0.3:
        noise = rng.normal(0, rng.uniform(1, 8), lit.shape[:2]).astype(np.int16)[..., None]
        lit = np.clip(lit.astype(np.int16) + noise, 0, 255).astype(np.uint8)
    return np.asarray(lit, dtype=np.uint8)
