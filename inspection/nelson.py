"""Nelson's eight rules: which patterns on a control chart chance hardly makes.

L. S. Nelson, "The Shewhart control chart: tests for special causes", Journal of Quality Technology
16(4), 1984, pp. 237-239; notes on them in 17(2), 1985. ISO 7870-2:2013, annex B has them too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

RULES = (1, 2, 3, 4, 5, 6, 7, 8)
# Rules 5 to 8 count points by zones of one and two sigma, whose chances hold for normal values
# only; for counts Nelson (1985) and the usual programs have the first four.
ATTRIBUTE_RULES = (1, 2, 3, 4)
# These ask on which side of the centre line a point lies or in which zone, which means little
# while a count is so skewed that most points lie below its mean.
_BY_SIDE = frozenset({2, 5, 6, 7, 8})


@dataclass(frozen=True)
class Signal:
    """A rule that is broken: by the points from `first` on, completed by the one at `index`.

    Attributes:
        side: +1 above the centre line or rising, -1 below or falling, 0 neither.
    """

    rule: int
    first: int
    index: int
    side: int


def broken(
    z: Floats, outside: Bools, judged_by_side: Bools, rules: Collection[int], *, offset: int = 0
) -> list[Signal]:
    """The signals among the points of one phase, in the order of points.

    Args:
        z: (n,) distances from the centre line in standard deviations.
        outside: (n,) what counts as beyond the limits, for rule 1.
        judged_by_side: (n,) points that may count for a rule about sides and zones.
        rules: numbers of the rules to apply.
        offset: place of the first point among all phases.

    Raises:
        ValueError: there is no rule of a number.
    """
    found: list[Signal] = []
    for rule in rules:
        if rule not in RULES:
            raise ValueError(f"expected rules out of {RULES}, got {rule}")
        if rule == 1:
            places = np.flatnonzero(outside)
            found += [Signal(1, int(i), int(i), int(np.sign(z[i]))) for i in places]
            continue
        span, told = _WINDOWS[rule]
        for end in range(span, len(z) + 1):
            here = slice(end - span, end)
            if rule in _BY_SIDE and not judged_by_side[here].all():
                continue
            side = told(z[here])
            if side is not None:
                found.append(Signal(rule, end - span, end - 1, side))
    return sorted(
        (Signal(s.rule, s.first + offset, s.index + offset, s.side) for s in found),
        key=lambda signal: (signal.index, signal.rule),
    )


def _one_side(z: Floats) -> int | None:
    """Rule 2: nine in a row on one side of the centre line."""
    if (z > 0).all():
        return 1
    return -1 if (z < 0).all() else None


def _trend(z: Floats) -> int | None:
    """Rule 3: six in a row, each higher (or each lower) than the one before."""
    steps = np.diff(z)
    if (steps > 0).all():
        return 1
    return -1 if (steps < 0).all() else None


def _alternating(z: Floats) -> int | None:
    """Rule 4: fourteen in a row that go up and down by turns."""
    steps = np.diff(z)
    return 0 if (steps[:-1] * steps[1:] < 0).all() else None


def _most_beyond(least: int, sigmas: float) -> Callable[[Floats], int | None]:
    def told(z: Floats) -> int | None:
        for side in (1, -1):
            beyond = z * side > sigmas
            # The point that completes it is one of them: else a calm point would be marked.
            if beyond[-1] and beyond.sum() >= least:
                return side
        return None

    return told


def _hugging(z: Floats) -> int | None:
    """Rule 7: fifteen in a row within one sigma: strata are mixed, or limits too wide."""
    return 0 if (np.abs(z) < 1).all() else None


def _avoiding(z: Floats) -> int | None:
    """Rule 8: eight in a row beyond one sigma, on both sides: two processes by turns."""
    return 0 if (np.abs(z) > 1).all() and (z > 0).any() and (z < 0).any() else None


_WINDOWS: dict[int, tuple[int, Callable[[Floats], int | None]]] = {
    2: (9, _one_side),
    3: (6, _trend),
    4: (14, _alternating),
    5: (3, _most_beyond(2, 2.0)),
    6: (5, _most_beyond(4, 1.0)),
    7: (15, _hugging),
    8: (8, _avoiding),
}
