"""What the report of a shift shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from operator import add
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from dashboards.quality.charts_view import Cause, Wanted, causes, neighbours, span_of
from db.models import Line
from db.queries.first_pass import FirstPass
from db.queries.quality import Tally
from db.queries.quality_reports import Report, load_report
from db.queries.quality_spans import Range, Span, shifts_of

# Instead of a shift's name: from midnight to midnight.
WHOLE_DAY = "*"


@dataclass(frozen=True)
class ReportPage:
    """`end` is that of the span, or now while it runs."""

    line: Line
    site_name: str
    timezone: str
    span: Span
    shifts: Sequence[str]
    chosen: str
    report: Report
    names: Mapping[int, str]
    pareto: Sequence[Cause]
    earlier: Mapping[str, str]
    later: Mapping[str, str] | None
    now: datetime

    @property
    def end(self) -> datetime:
        return min(self.span.end, max(self.now, self.span.start))

    @property
    def is_running(self) -> bool:
        return self.span.start <= self.now < self.span.end

    @property
    def total(self) -> Tally:
        return reduce(add, (one.tally for one in self.report.stations), Tally())

    @property
    def acquired(self) -> int:
        return sum(one.acquired for one in self.report.stations)

    @property
    def coverage(self) -> float | None:
        return self.total.inspected / self.acquired if self.acquired else None

    @property
    def first_pass(self) -> FirstPass:
        parts = [one.first_pass for one in self.report.stations]
        return FirstPass(sum(one.parts for one in parts), sum(one.good for one in parts))


def load_page(
    session: Session, line: Line, day: date | None, shift: str | None, now: datetime
) -> ReportPage:
    """Read the report of a shift; of the running one, or the newest, where none is named.

    Raises:
        Invalid: the site has no shift of that name.
    """
    zone = ZoneInfo(line.site.timezone)
    shifts = shifts_of(session, line.site)
    whole = shift == WHOLE_DAY or not shifts
    wanted = Wanted(
        range=Range.DAY if whole else Range.SHIFT, day=day, shift=None if whole else shift
    )
    span = span_of(wanted, shifts, zone, now)
    earlier, later = neighbours(wanted, span, shifts, zone, now)
    if whole:
        earlier = dict(earlier, shift=WHOLE_DAY)
        later = dict(later, shift=WHOLE_DAY) if later else None
    stations = sorted(line.stations, key=lambda one: one.id)
    report = load_report(session, stations, (span.start, min(span.end, max(now, span.start))))
    pareto: Counter[str] = Counter()
    for one in report.stations:
        pareto.update(dict(one.pareto))
    return ReportPage(
        line=line,
        site_name=line.site.name,
        timezone=line.site.timezone,
        span=span,
        shifts=[each.name for each in shifts],
        chosen=WHOLE_DAY if whole else span.shift or WHOLE_DAY,
        report=report,
        names={station.id: station.name for station in stations},
        pareto=causes(sorted(pareto.items(), key=lambda one: (-one[1], one[0]))),
        earlier=earlier,
        later=later,
        now=now,
    )
