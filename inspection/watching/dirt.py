"""Dirt on a lens: what is dark or blurred, and stays at the same place in many pictures.

A part moves and a speck on the glass does not, so that the cells of a coarse grid are compared
one by one over many pictures (as in Gu et al. 2009, Removing image artifacts due to dirty camera
lenses). What all cells have in common is light or focus, and not dirt.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from inspection.watching.picture import UInt8, working_size

GRID_HW = (18, 24)
# A cell is dirty where it lost half of its detail, or so many grey levels, more than the others.
_LOST_DETAIL_LOG2 = 1.0
_LOST_LEVELS = 30.0
# In this share of the pictures at least, so that nothing that passes by is dirt.
_STAYS = 0.8
_DETAIL_STEPS = 16.0  # of the stored byte in one doubling


@dataclass(frozen=True)
class Dirt:
    """Which cells of the grid are dirty, bool (18, 24), and their share of all."""

    cells: npt.NDArray[np.bool_]

    @property
    def share(self) -> float:
        return round(float(self.cells.mean()), 5)


def cells_of(rgb: UInt8) -> UInt8:
    """Brightness and detail of each cell, uint8 (2, 18, 24), of uint8 RGB (H, W, 3).

    Detail is the mean magnitude of the Laplacian, as 16 steps in each doubling.
    """
    grey = cv2.cvtColor(working_size(rgb), cv2.COLOR_RGB2GRAY).astype(np.float32)
    size_wh = (GRID_HW[1], GRID_HW[0])
    detail = np.abs(cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), 1.0), cv2.CV_32F))
    means = [cv2.resize(each, size_wh, interpolation=cv2.INTER_AREA) for each in (grey, detail)]
    steps = np.log2(means[1] + 0.125) * _DETAIL_STEPS + 3 * _DETAIL_STEPS
    cells: UInt8 = np.clip(np.stack([means[0], steps]).round(), 0, 255).astype(np.uint8)
    return cells


def find_dirt(reference: UInt8, today: UInt8) -> Dirt:
    """Compare cells (n, 2, 18, 24) of today's pictures with those of the reference.

    Raises:
        ValueError: there are no pictures on one side.
    """
    if not len(reference) or not len(today):
        raise ValueError(f"expected pictures on both sides, got {len(reference)}, {len(today)}")
    usual = np.median(reference, axis=0)
    change = today.astype(np.float64) - usual
    # Light and focus of the whole picture, and of each one its own.
    change -= np.median(change, axis=(2, 3), keepdims=True)
    spread = 3 * 1.4826 * np.median(np.abs(reference - usual), axis=0)
    darker = change[:, 0] < -np.maximum(_LOST_LEVELS, spread[0])
    duller = change[:, 1] < -np.maximum(_LOST_DETAIL_LOG2 * _DETAIL_STEPS, spread[1])
    return Dirt(cast(npt.NDArray[np.bool_], (darker | duller).mean(axis=0) >= _STAYS))


def pack(cells: UInt8) -> str:
    """Cells as text for a column, 1152 characters a picture."""
    return base64.b64encode(np.ascontiguousarray(cells).tobytes()).decode("ascii")


def unpack(text: str) -> UInt8:
    """Cells (n, 2, 18, 24) of a text.

    Raises:
        ValueError: it is none of `pack`.
    """
    try:
        flat = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
        return flat.reshape(-1, 2, *GRID_HW)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"expected cells in base64, got {text[:40]!r}") from error
