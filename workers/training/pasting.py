"""Instances of one view pasted into another (Ghiasi et al., CVPR 2021), with no seam to see."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from workers.training.augment import SMALLEST_AREA_PX

Rgb = npt.NDArray[np.uint8]
Bits = npt.NDArray[np.bool_]
Instances = list[tuple[int, Bits]]


def blend(onto: Rgb, other: Rgb, bits: Bits) -> Rgb:
    """The view `onto`, uint8 (S, S, 3), with the pixels `bits` of `other` in it.

    Edges are soft, and what is pasted is as much lighter or darker than its new surroundings as
    it was than its old ones.
    """
    near = cv2.dilate(bits.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(np.bool_) & ~bits
    shift = np.zeros(3)
    if near.any():
        shift = onto[near].mean(axis=0) - other[near].mean(axis=0)
    wide = cv2.dilate(bits.astype(np.float32), np.ones((3, 3), np.uint8))
    soft = np.asarray(cv2.GaussianBlur(wide, (0, 0), 1.0))[..., None]
    mixed = onto * (1 - soft) + np.clip(other + shift, 0, 255) * soft
    return np.asarray(np.clip(mixed, 0, 255), np.uint8)


def paste_planes(
    onto: Rgb, planes: npt.NDArray[np.uint8], other: Rgb, other_planes: npt.NDArray[np.uint8]
) -> tuple[Rgb, npt.NDArray[np.uint8]]:
    """Every labelled pixel of the other view pasted; planes are uint8 (C, S, S) of 0 and 1."""
    bits = np.asarray(other_planes.any(axis=0), np.bool_)
    if not bits.any():
        return onto, planes
    return blend(onto, other, bits), np.where(bits, other_planes, planes).astype(np.uint8)


def paste_instances(
    onto: Rgb, instances: Instances, other: Rgb, others: Instances
) -> tuple[Rgb, Instances]:
    """Every instance of the other view pasted over those of this one, which it may hide."""
    if not others:
        return onto, instances
    bits = np.asarray(np.stack([mask for _, mask in others]).any(axis=0), np.bool_)
    left = [(index, mask & ~bits) for index, mask in instances]
    kept = [one for one in left if np.count_nonzero(one[1]) >= SMALLEST_AREA_PX]
    return blend(onto, other, bits), kept + others
