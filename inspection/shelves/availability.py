"""On-shelf availability: the share of a shelf's time in which customers found what belongs there.

A product is out of stock when it is "not found in saleable condition, or not shelved in the
expected location" (ECR Europe, Optimal Shelf Availability, 2003); availability is its complement.
Measured as a share of time, not of a moment (Gruen and Corsten, A Comprehensive Guide to Retail
Out-of-Stock Reduction, 2007): of each position the time without an item against the time in which
the store was open and the position was looked at, both weighted by the position's facings:

    OSA = 1 - sum(facings x time out of stock) / sum(facings x time open and watched)

A position with fewer items than it ought to have is available: a customer finds one. Time in
which nobody looked is in neither sum: not seen is neither empty nor full.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from inspection.shelves.opening import Span, common, merged, total

Place = tuple[int, str]  # station, position


@dataclass(frozen=True, slots=True)
class Absence:
    """A position without an item for a while."""

    place: Place
    span: Span


@dataclass(frozen=True, slots=True)
class Share:
    """Facing-time missed out of facing-time watched.."""

    missed: timedelta
    watched: timedelta

    @property
    def available(self) -> float | None:
        if not self.watched:
            return None
        return max(1 - self.missed / self.watched, 0.0)

    def __add__(self, other: Share) -> Share:
        return Share(self.missed + other.missed, self.watched + other.watched)


NOTHING = Share(timedelta(), timedelta())


def share_of(
    facings: Mapping[Place, int],
    watched: Mapping[int, Sequence[Span]],
    absences: Iterable[Absence],
    within: Sequence[Span],
) -> Share:
    """The share of some spans.

    Args:
        facings: of each position that the planograms have.
        watched: when each station looked, in order and free of overlaps.
        absences: any number of a position; those of others are left out.
        within: what counts, such as a day's opening hours, in order and free of overlaps.
    """
    seen = {station_id: common(spans, within) for station_id, spans in watched.items()}
    whole = timedelta()
    for (station_id, _), number in facings.items():
        whole += number * total(seen.get(station_id, ()))
    missed = timedelta()
    for place, spans in by_place(absences).items():
        if place in facings:
            missed += facings[place] * total(common(spans, seen.get(place[0], ())))
    return Share(missed, whole)


def by_place(absences: Iterable[Absence]) -> dict[Place, list[Span]]:
    """When each position was empty, overlaps counted once."""
    found: dict[Place, list[Span]] = {}
    for absence in absences:
        found.setdefault(absence.place, []).append(absence.span)
    return {place: merged(spans) for place, spans in found.items()}


def quantile(values: Sequence[timedelta], share: float) -> timedelta:
    """The smallest value that at least this share of all does not exceed (Hyndman and Fan, The
    American Statistician 50, 1996: type 1), so that it is one that happened.

    Raises:
        ValueError: there is none.
    """
    if not values:
        raise ValueError("expected a value at least")
    ordered = sorted(values)
    return ordered[max(-int(-share * len(ordered) // 1) - 1, 0)]
