"""The two ends of a centreline: from where the skeleton can be trusted to the edge of the mask.

The skeleton of a mask with a flat end forks into the end's corners, and that of a round one stops
at the centre of its rounding. So it is followed only as far as it lies in the middle, and from
there the middle of the mask itself is: a parabola through the middles of the chords across the
tangent, to where it leaves the mask.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inspection.crosswise import Chords

_Bytes = npt.NDArray[np.uint8]
_Floats = npt.NDArray[np.float64]

# A fork into a right corner is 1.4 radii long, and into one of 60° 2. It is over where the radius
# has grown to this share of what it is beyond.
_FORKED, _GROWN = 2.3, 0.85
_HALF = 127.5  # of 255: where the edge is
# Points on the way to the edge.
_PER_PX = 2
_FINE_PX = 1 / _PER_PX
# A chord that is shorter than this share of what the width ought to be, and by so much, belongs to
# the rounding, or to the corner, of the end.
_WHOLE, _SHORT_PX = 0.95, 0.35
# It has begun to be where the last chords shorten, each by so much beside the one before it.
_BEGUN_PX = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Tangents:
    """Points on both tangents, from the ends of a line outwards.

    Attributes:
        starts: ends of the line, (2, 2).
        units: directions outwards, (2, 2).
        ways: how far each point is from its end, px (count,).
    """

    starts: _Floats
    units: _Floats
    ways: _Floats

    @property
    def across(self) -> _Floats:
        """Unit vectors across, (2, 2)."""
        return np.stack([-self.units[:, 1], self.units[:, 0]], axis=-1)

    def points(self) -> _Floats:
        """All of them, first those of the first end, (2 · count, 2)."""
        return (self.starts[:, None] + self.ways[:, None] * self.units[:, None]).reshape(-1, 2)


@dataclass(frozen=True, slots=True, eq=False)
class LineEnd:
    """One end, from the line outwards.

    Attributes:
        xy: points on it, where the mask has its whole width, (points, 2).
        across: unit vectors across, (points, 2).
        widths_px: (points,).
        level: whether the end's rounding has not yet begun to narrow it there, bool (points,).
        edge_xy: where it leaves the mask, (2,).
    """

    xy: _Floats
    across: _Floats
    widths_px: _Floats
    level: npt.NDArray[np.bool_]
    edge_xy: _Floats


def beyond_fork(way: _Floats, radii: _Floats) -> int:
    """The first point of a skeleton that lies in the middle of the mask.

    Args:
        way: along the skeleton from its end, px (points,).
        radii: distance to the mask's edge, px (points,).
    """
    near = way <= _FORKED * radii
    zone = int(near.argmin()) if not near.all() else len(near)
    if zone < 2:
        return 0
    full = float(radii[zone - 1])
    grown = int((radii[:zone] >= _GROWN * full).argmax())
    # In a round end it is as wide at its tip as everywhere.
    tip = min(max(float(radii[:2].min() - 1) / max(full - 1, 0.5), 0.0), 1.0)
    left_out = max(float(way[grown]) / _GROWN * 1.12 * (1 - tip), 0.3 * full)
    return min(int(np.searchsorted(way, left_out)), zone - 1)


def tangents(line: _Floats, radii: _Floats, reach_px: float) -> Tangents:
    """Where to look for the ends of a line (points, 2), about `reach_px` beyond it."""
    starts, units, most = [], [], len(line) - 1
    for at, inward in ((0, 1), (most, -1)):
        reach = max(6, round(3 * radii[at]))
        near, far = (min(max(at + inward * n * reach, 0), most) for n in (1, 2))
        towards = [float(np.arctan2(*(line[at] - line[point])[::-1])) for point in (near, far)]
        # A chord turns half as fast as the line itself.
        bend = (towards[0] - towards[1] + np.pi) % (2 * np.pi) - np.pi
        angle = towards[0] + min(max(bend, -0.5), 0.5)
        starts.append(line[at])
        units.append((float(np.cos(angle)), float(np.sin(angle))))
    ways = np.arange(0.0, reach_px + 0.3 * float(max(radii[0], radii[-1])) + 3.0)
    return Tangents(np.array(starts), np.array(units), ways)


def followed(
    grey: _Bytes, ends: Tangents, found: Chords, widths: _Floats, slopes: _Floats
) -> tuple[LineEnd, LineEnd]:
    """Both ends, followed through the middles of the chords across their tangents.

    Args:
        found: the chords at the tangents' points.
        widths: of the line at its ends, px (2,).
        slopes: by how much it grows outwards, px for each px (2,).
    """
    count = len(ends.ways)
    chord, aside = (each.reshape(2, count) for each in (found.widths_px, found.aside_px))
    inside = found.inside.reshape(2, count)
    expected = widths[:, None] + slopes[:, None] * ends.ways
    whole = np.logical_and.accumulate(inside & (chord >= _WHOLE * expected - _SHORT_PX), axis=1)
    # A parabola needs a few points; of fewer a straight line is made, of none the tangent.
    powers = ends.ways ** np.arange(3)[:, None]  # (3, count)
    middle = float(ends.ways[-1]) / 2
    normal = np.einsum("ik,jk,ek->eij", powers, powers, whole.astype(np.float64))
    normal += np.diag([0.1, middle**2, middle**4])
    sums = (whole * aside) @ powers.T
    bow = np.linalg.solve(normal, sums[..., None])[..., 0]  # (2, 3)

    fine = np.arange(0.0, float(ends.ways[-1]) + 2.0, _FINE_PX)
    off = bow @ fine ** np.arange(3)[:, None]
    lean = bow[:, 1:2] + 2 * bow[:, 2:] * fine
    longer = np.sqrt(1 + lean**2)
    along, across = ends.units[:, None], ends.across[:, None]
    curve = ends.starts[:, None] + fine[:, None] * along + off[..., None] * across
    # Of bytes it would make whole numbers, and half of 255 is none.
    met = cv2.remap(
        grey.astype(np.float32),
        curve[..., 0].astype(np.float32),
        curve[..., 1].astype(np.float32),
        cv2.INTER_LINEAR,
    )
    # A tip that is thinner than a pixel never fills one.
    inner = met / (_HALF * np.clip(widths[:, None] + slopes[:, None] * fine, 0.2, 1.0))
    upright = (across - lean[..., None] * along) / longer[..., None]
    # In a bend the tangent's chords grow, and the chord lies across the tangent, not the curve.
    chord = (
        np.minimum(chord, np.maximum(expected, widths[:, None])) / longer[:, ::_PER_PX][:, :count]
    )
    made = []
    for end in (0, 1):
        at, share = _edge(inner[end])
        edge = curve[end, at - 1] + share * (curve[end, at] - curve[end, at - 1])
        full = int(np.count_nonzero(whole[end]))
        kept = slice(_PER_PX, min(_PER_PX * full, at), _PER_PX)
        points = curve[end, kept]
        beyond = chord[end, 1 : 1 + len(points)]
        level = np.arange(1, 1 + len(points)) < _before_rounding(chord[end, :full], slopes[end])
        made.append(LineEnd(points, upright[end, kept], beyond, level, edge))
    return made[0], made[1]


def _before_rounding(chord: _Floats, slope: float) -> int:
    """How many of the chords, outwards, come before the end's rounding narrows them."""
    level = np.flatnonzero(np.diff(chord) >= slope - _BEGUN_PX)
    return int(level[-1]) + 2 if len(level) else min(len(chord), 1)


def _edge(inner: _Floats) -> tuple[int, float]:
    """The first place that lies outside, below 1, and at which share of the step to it the edge."""
    outside = inner < 1.0
    outside[-1] = True
    at = max(int(outside.argmax()), 1)
    before, after = float(inner[at - 1]), float(inner[at])
    return at, min(max((before - 1.0) / max(before - after, 1e-6), 0.0), 1.0)
