"""Random views for semantic networks: a square of an image and its classes, from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inspection.detections import InstanceMask
from workers.training.augment import turn

Rgb = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ViewRange:
    """How far a view may depart from the image.

    Attributes:
        scale: px of the view to one px of the image, before zoom.
        zoom: least and greatest magnification, drawn evenly on a log scale.
        tilt_deg: rotation to either side, on top of quarter turns.
        upright: the scene has an up: mirror images and tilt, no quarter turns.
        paste: share of the views that get instances of another image.
    """

    scale: float = 1.0
    zoom: tuple[float, float] = (0.7, 1.4)
    tilt_deg: float = 20.0
    upright: bool = False
    paste: float = 0.25


def class_planes(
    masks: Sequence[tuple[int, InstanceMask]], classes: int, size_wh: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    """255 where a pixel is of a class, uint8 (classes, H, W)."""
    planes = np.zeros((classes, size_wh[1], size_wh[0]), dtype=np.uint8)
    for index, mask in masks:
        height, width = mask.bits.shape
        place = planes[index, mask.y0 : mask.y0 + height, mask.x0 : mask.x0 + width]
        place[mask.bits] = 255
    return planes


def view(
    rng: np.random.Generator,
    image_rgb: Rgb,
    planes: npt.NDArray[np.uint8],
    side: int,
    how: ViewRange,
    focus_xy: tuple[float, float] | None,
) -> tuple[Rgb, npt.NDArray[np.uint8]]:
    """A square of an image, scaled, turned, moved; mirrored outwards where the image ends.

    Args:
        image_rgb: uint8 (H, W, 3).
        planes: uint8 (C, H, W), 255 where a pixel is of a class.
        focus_xy: a point of the image that the view shall show; None for anywhere.

    Returns:
        uint8 (side, side, 3), and uint8 (C, side, side) of 0 and 1.
    """
    height, width = image_rgb.shape[:2]
    factor = how.scale * float(np.exp(rng.uniform(*np.log(how.zoom))))
    angle = float(np.deg2rad(rng.uniform(-how.tilt_deg, how.tilt_deg)))
    if focus_xy is None:
        # So that the view lies inside the image where it fits.
        reach = side / factor / 2
        centre = [_inside(rng, length, reach) for length in (width, height)]
    else:
        slack = rng.uniform(-0.4, 0.4, 2) * side / factor
        centre = [focus_xy[0] + float(slack[0]), focus_xy[1] + float(slack[1])]
    cosine, sine = factor * np.cos(angle), factor * np.sin(angle)
    turned = np.array([[cosine, -sine], [sine, cosine]])
    moved = np.array([side / 2, side / 2]) - turned @ np.array(centre)
    matrix = np.column_stack([turned, moved]).astype(np.float32)
    if factor < 0.8:
        # Warping has no low-pass of its own, so thin lines would break up when shrunk.
        image_rgb = np.asarray(cv2.GaussianBlur(image_rgb, (0, 0), 0.35 / factor), np.uint8)
    size, border = (side, side), cv2.BORDER_REFLECT_101
    picture = cv2.warpAffine(image_rgb, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border)
    classes = [
        cv2.warpAffine(plane, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border) >= 128
        for plane in planes
    ]
    turns = 0 if how.upright else int(rng.integers(4))
    mirror = bool(rng.random() < 0.5)
    bits = [turn(plane, turns, mirror).astype(np.uint8) for plane in classes]
    return turn(np.asarray(picture, np.uint8), turns, mirror), np.stack(bits)


def _inside(rng: np.random.Generator, length: int, reach: float) -> float:
    if 2 * reach >= length:
        return length / 2
    return float(rng.uniform(reach, length - reach))
