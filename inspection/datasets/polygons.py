"""What can be wrong with a labeller's polygon."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_ROWS = 256


def crossing(ring: list[float]) -> tuple[float, float] | None:
    """Where a closed ring x, y, x, y, … crosses itself, px; None where it does not.

    Edges that only touch count as no crossing: labelling tools write such where a contour comes
    back to its start.
    """
    points = np.reshape(np.asarray(ring, dtype=np.float64), (-1, 2))
    points = points[(points != np.roll(points, 1, axis=0)).any(axis=1)]
    count = len(points)
    if count < 4:
        return None
    a, b = points, np.roll(points, -1, axis=0)
    for start in range(0, count, _ROWS):
        p, q = a[start : start + _ROWS, None], b[start : start + _ROWS, None]
        # Edges cross where the ends of each lie on both sides of the other.
        across = (_side(p, q, a) * _side(p, q, b) < 0) & (_side(a, b, p) * _side(a, b, q) < 0)
        if across.any():
            row, column = np.argwhere(across)[0]
            return _meeting(a[start + row], b[start + row], a[column], b[column])
    return None


def overhang_px(ring: list[float], size_wh: tuple[int, int]) -> float:
    """How far a ring reaches beyond the image, px; 0 where it stays inside."""
    points = np.reshape(np.asarray(ring, dtype=np.float64), (-1, 2))
    beyond = np.maximum(-points, points - np.asarray(size_wh, dtype=np.float64))
    return max(0.0, float(beyond.max()))


def _side(
    p: npt.NDArray[np.float64], q: npt.NDArray[np.float64], r: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Sign of where r lies of the line from p to q: -1, 0 or 1."""
    along, to = q - p, r - p
    cross = along[..., 0] * to[..., 1] - along[..., 1] * to[..., 0]
    return np.asarray(np.sign(np.where(np.abs(cross) < 1e-9, 0.0, cross)))


def _meeting(
    p: npt.NDArray[np.float64],
    q: npt.NDArray[np.float64],
    r: npt.NDArray[np.float64],
    s: npt.NDArray[np.float64],
) -> tuple[float, float]:
    d, e, f = q - p, s - r, r - p
    share = (f[0] * e[1] - f[1] * e[0]) / (d[0] * e[1] - d[1] * e[0])
    x, y = p + share * d
    return float(x), float(y)
