"""Which span of time a board counts: the site's current shift, or the last eight hours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Shift, Site

WITHOUT_SHIFTS = timedelta(hours=8)


@dataclass(frozen=True)
class Window:
    """From `start` until `now`. `name` and `ends_at` are those of the shift, where there is one."""

    start: datetime
    now: datetime
    name: str | None = None
    ends_at: datetime | None = None


def current_window(session: Session, site: Site, now: datetime) -> Window:
    """The span that the boards of a site count at `now` (aware)."""
    shifts = session.scalars(select(Shift).where(Shift.site_id == site.id)).all()
    return window_at(shifts, ZoneInfo(site.timezone), now)


def window_at(shifts: Sequence[Shift], zone: ZoneInfo, now: datetime) -> Window:
    """The shift that runs at `now`; of several the one that began last.

    Shifts are spans of the site's wall clock, so that one which a clock change falls into is an
    hour shorter or longer, as it is for the people who work it.
    """
    today = now.astimezone(zone).date()
    running = []
    for shift in shifts:
        for day in (today, today - timedelta(days=1)):
            start = _at(day, shift.starts_at, zone)
            ends_next_day = shift.ends_at <= shift.starts_at
            end = _at(day + timedelta(days=ends_next_day), shift.ends_at, zone)
            if start <= now < end:
                running.append((start, end, shift.name))
    if not running:
        return Window(now - WITHOUT_SHIFTS, now)
    start, end, name = max(running)
    return Window(start, now, name, end)


def _at(day: date, wall_clock: time, zone: ZoneInfo) -> datetime:
    # Compared as UTC: Python compares two times of one zone by their wall clocks, clock change or
    # not.
    return datetime.combine(day, wall_clock, zone).astimezone(ZoneInfo("UTC"))
