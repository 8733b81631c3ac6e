"""On-shelf availability by day, for a board's head line and for its charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from db.queries import shelf_history
from inspection.shelves.availability import NOTHING, Absence, Place, Share, share_of
from inspection.shelves.opening import Span, WallClock, common, days_of, open_spans


@dataclass(frozen=True)
class Day:
    """A calendar day of the site. `share.available` None: nobody looked while it was open."""

    date: date
    span: Span
    share: Share


@dataclass(frozen=True)
class Days:
    """The last days, the oldest first, today the last.

    Attributes:
        open: when the store was open in them, until now.
        watched: when each station looked, in hours.
        absences: when positions were empty.
    """

    days: Sequence[Day]
    open: Sequence[Span]
    watched: Mapping[int, Sequence[Span]]
    absences: Sequence[Absence]

    @property
    def today(self) -> float | None:
        return self.days[-1].share.available

    def today_of(self, facings: Mapping[Place, int]) -> float | None:
        """Today's, of some positions only."""
        spans = common(self.open, [self.days[-1].span])
        return share_of(facings, self.watched, self.absences, spans).available

    @property
    def before(self) -> float | None:
        """Of all the days before today together."""
        return reduce(Share.__add__, (day.share for day in self.days[:-1]), NOTHING).available

    @property
    def change(self) -> float | None:
        """By how much today is better than the days before; None where either is not known."""
        today, before = self.today, self.before
        return None if today is None or before is None else today - before


def load_days(
    session: Session,
    timezone: str,
    shifts: Sequence[WallClock],
    facings: Mapping[Place, int],
    now: datetime,
    number: int,
) -> Days:
    """Two queries. `facings` of the positions of today's planograms, which stand for all days."""
    zone = ZoneInfo(timezone)
    days = days_of(zone, now.astimezone(zone).date(), number)
    whole = Span(days[0][1].start, now)
    opened = open_spans(shifts, zone, whole)
    stations = {station_id for station_id, _ in facings}
    watched = shelf_history.watched(session, stations, opened)
    absences = shelf_history.absences(session, stations, whole)
    return Days(
        days=[
            Day(day, span, share_of(facings, watched, absences, common(opened, [span])))
            for day, span in days
        ],
        open=opened,
        watched=watched,
        absences=absences,
    )
