"""What can be wrong with a labeller's polygon."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


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
    low, high = np.minimum(a, b), np.maximum(a, b)
    order = np.argsort(low[:, 0], kind="stable")
    found: list[tuple[int, int]] = []
    # Edges in the order of their left ends: one is held against those that begin before it ends.
    left, right = low[order, 0], high[order, 0]
    active = np.arange(count)
    for apart in range(1, count):
        active = active[active + apart < count]
        active = active[left[active + apart] <= right[active]]
        if not active.size:
            break
        i, j = order[active], order[active + apart]
        level = (low[i, 1] <= high[j, 1]) & (low[j, 1] <= high[i, 1])
        i, j = i[level], j[level]
        # Edges cross where the ends of each lie on both sides of the other.
        across = (_side(a[i], b[i], a[j]) * _side(a[i], b[i], b[j]) < 0) & (
            _side(a[j], b[j], a[i]) * _side(a[j], b[j], b[i]) < 0
        )
        first, second = np.minimum(i, j)[across], np.maximum(i, j)[across]
        found += zip(first.tolist(), second.tolist(), strict=True)
    if not found:
        return None
    row, column = min(found)
    return _meeting(a[row], b[row], a[column], b[column])


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
