"""When a store is open, by the shifts of its site, as spans of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# Where no shift says when a store opens.
DEFAULT_OPENING = time(6)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `start` until before `end`, both aware UTC."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start


WallClock = tuple[time, time]  # starts and ends, of one shift; the end may be on the next day


def open_spans(shifts: Sequence[WallClock], zone: ZoneInfo, within: Span) -> list[Span]:
    """The spans in which a store is open, merged and in order.

    Shifts are of the wall clock: one that a clock change falls into is an hour shorter or longer.
    A store without shifts is open all the time.
    """
    if not shifts:
        return [within]
    first = within.start.astimezone(zone).date() - timedelta(days=1)
    last = within.end.astimezone(zone).date()
    spans = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        for starts_at, ends_at in shifts:
            ends_on = day + timedelta(days=ends_at <= starts_at)
            spans.append(Span(at(day, starts_at, zone), at(ends_on, ends_at, zone)))
    return common(merged(spans), [within])


def days_of(zone: ZoneInfo, today: date, number: int) -> list[tuple[date, Span]]:
    """The last so many calendar days of a zone, the oldest first, `today` the last."""
    days = [today - timedelta(days=back) for back in range(number - 1, -1, -1)]
    return [
        (day, Span(at(day, time(0), zone), at(day + timedelta(days=1), time(0), zone)))
        for day in days
    ]


def next_opening(shifts: Sequence[WallClock], zone: ZoneInfo, now: datetime) -> datetime:
    """When the store opens tomorrow: the first shift that begins on the next calendar day."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    opening = min((starts_at for starts_at, _ in shifts), default=DEFAULT_OPENING)
    return at(tomorrow, opening, zone)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans that touch or overlap made one, in order; empty ones left out."""
    found: list[Span] = []
    for span in sorted(spans):
        if span.end <= span.start:
            continue
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def common(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What lies in both; each is in order and free of overlaps."""
    found: list[Span] = []
    first = second = 0
    while first < len(some) and second < len(others):
        start = max(some[first].start, others[second].start)
        end = min(some[first].end, others[second].end)
        if start < end:
            found.append(Span(start, end))
        if some[first].end <= others[second].end:
            first += 1
        else:
            second += 1
    return found


def total(spans: Iterable[Span]) -> timedelta:
    return sum((span.length for span in spans), timedelta())


def at(day: date, wall_clock: time, zone: ZoneInfo) -> datetime:
    """A time of a zone's wall clock, as UTC."""
    return datetime.combine(day, wall_clock, zone).astimezone(UTC)
