"""Which stretch of time a chart or report is about, and where its subgroups begin and end.

Days, shifts and hours are those of the site's wall clock: a day that the clock is changed on has
23 or 25 hours, and a shift across midnight belongs to the day on which it began.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Shift, Site


class Range(StrEnum):
    """How much a chart shows: a shift, or so many of the site's days up to one."""

    SHIFT = "shift"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class By(StrEnum):
    """What a subgroup is. `COUNT` is so many inspected images in a row."""

    QUARTER = "quarter"
    HOUR = "hour"
    SHIFT = "shift"
    DAY = "day"
    COUNT = "count"


DAYS = {Range.DAY: 1, Range.WEEK: 7, Range.MONTH: 30}
# The first is drawn unless another is asked for. Four hundred points are too many to look at.
CHOICES: dict[Range, tuple[By, ...]] = {
    Range.SHIFT: (By.QUARTER, By.HOUR, By.COUNT),
    Range.DAY: (By.HOUR, By.QUARTER, By.SHIFT, By.COUNT),
    Range.WEEK: (By.SHIFT, By.HOUR, By.DAY, By.COUNT),
    Range.MONTH: (By.DAY, By.SHIFT, By.COUNT),
}
_STEPS = {By.QUARTER: timedelta(minutes=15), By.HOUR: timedelta(hours=1)}


@dataclass(frozen=True)
class Span:
    """From `start` up to `end`, both UTC; `day` is the site's day it began on, or ends with."""

    start: datetime
    end: datetime
    day: date
    shift: str | None = None

    @property
    def duration(self) -> timedelta:
        return self.end - self.start


def shifts_of(session: Session, site: Site) -> Sequence[Shift]:
    """The shifts of a site, in the order of the day."""
    statement = select(Shift).where(Shift.site_id == site.id)
    return session.scalars(statement.order_by(Shift.starts_at, Shift.id)).all()


def shift_on(shift: Shift, day: date, zone: ZoneInfo) -> Span:
    """The shift that begins on a day of the site."""
    ends_next_day = shift.ends_at <= shift.starts_at
    return Span(
        _utc(day, shift.starts_at, zone),
        _utc(day + timedelta(days=ends_next_day), shift.ends_at, zone),
        day,
        shift.name,
    )


def days_until(day: date, count: int, zone: ZoneInfo) -> Span:
    """So many days of the site, of which `day` is the last."""
    first = day - timedelta(days=count - 1)
    return Span(_utc(first, time(), zone), _utc(day + timedelta(days=1), time(), zone), day)


def shifts_in(shifts: Sequence[Shift], span: Span, zone: ZoneInfo) -> list[Span]:
    """All shifts that lie in a span of time, at least in part, in the order of their start."""
    first = span.start.astimezone(zone).date() - timedelta(days=1)
    days = (span.end.astimezone(zone).date() - first).days + 1
    found = [
        shift_on(shift, first + timedelta(days=n), zone) for n in range(days) for shift in shifts
    ]
    return sorted(
        (one for one in found if one.start < span.end and one.end > span.start),
        key=lambda one: (one.start, one.end),
    )


def newest_shift(shifts: Sequence[Shift], zone: ZoneInfo, now: datetime) -> Span | None:
    """The shift that runs at `now`, else the one that ended last; None: the site has none.

    Of several that run the one that began last, as boards count.
    """
    yesterday = now.astimezone(zone).date() - timedelta(days=1)
    begun = [
        one
        for one in shifts_in(shifts, days_until(yesterday + timedelta(days=1), 3, zone), zone)
        if one.start <= now
    ]
    if not begun:
        return None
    running = [one for one in begun if one.end > now]
    return max(running or begun, key=lambda one: (one.start, one.end))


def edges(
    span: Span, by: By, shifts: Sequence[Shift], zone: ZoneInfo, now: datetime
) -> list[datetime]:
    """Where subgroups begin and end, the span's own ends among them, up to `now`.

    By shift every start and every end is an edge, so that what was made outside of shifts stands
    by itself and nothing is counted twice where shifts overlap. `COUNT` has no edges but the ends.
    """
    end = min(span.end, max(now, span.start))
    if by is By.SHIFT:
        inner = {moment for one in shifts_in(shifts, span, zone) for moment in (one.start, one.end)}
    elif by is By.DAY:
        first = span.start.astimezone(zone).date()
        days = (span.end.astimezone(zone).date() - first).days + 1
        inner = {_utc(first + timedelta(days=n), time(), zone) for n in range(days)}
    elif by is By.COUNT:
        inner = set()
    else:
        step = _STEPS[by]
        inner = {span.start + n * step for n in range(int((end - span.start) / step) + 1)}
    return sorted({span.start, end} | {moment for moment in inner if span.start < moment < end})


def steps(moments: Sequence[datetime]) -> list[tuple[datetime, datetime]]:
    """Neighbouring edges as the stretches between them."""
    return list(itertools.pairwise(moments))


def _utc(day: date, wall_clock: time, zone: ZoneInfo) -> datetime:
    # Compared as UTC: Python compares two times of one zone by their wall clocks.
    return datetime.combine(day, wall_clock, zone).astimezone(UTC)
