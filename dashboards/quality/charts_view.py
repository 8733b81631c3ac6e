"""What the quality page shows, read in one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from dashboards.quality.drawing import Drawing, draw
from db.errors import Invalid
from db.models import Line, Shift, Station
from db.queries.quality_charts import Asked, Charted, QualityChart, load_chart
from db.queries.quality_spans import (
    CHOICES,
    DAYS,
    By,
    Range,
    Span,
    days_until,
    newest_shift,
    shift_on,
    shifts_of,
)
from inspection import spc
from inspection.nelson import ATTRIBUTE_RULES, RULES

WITHOUT_SHIFTS = timedelta(hours=8)
# Longer than this the parts of a line are counted only where they are asked for.
_PARTS_BY_THEMSELVES = timedelta(days=2)


@dataclass(frozen=True)
class Wanted:
    """What the address asks for, checked."""

    range: Range = Range.SHIFT
    by: By = By.QUARTER
    charted: Charted = Charted.IMAGES
    day: date | None = None  # None: the newest
    shift: str | None = None
    size: int = 50
    phases: bool = True
    laney: bool = False
    all_rules: bool = False


@dataclass(frozen=True)
class Cause:
    """A class of defects in the Pareto: how often, its share, and that of all up to it."""

    name: str
    number: int
    share: float
    cumulative: float


@dataclass(frozen=True)
class QualityPage:
    line: Line
    station: Station | None
    timezone: str
    wanted: Wanted
    choices: Sequence[By]
    shifts: Sequence[str]
    span: Span
    now: datetime
    shown: QualityChart
    drawing: Drawing
    pareto: Sequence[Cause]
    names: Mapping[int, str]
    earlier: Mapping[str, str]
    later: Mapping[str, str] | None
    size_for_runs: int | None

    @property
    def percent(self) -> bool:
        """Whether the charted figure is a share."""
        return self.wanted.charted is not Charted.DEFECTS

    @property
    def is_running(self) -> bool:
        return self.span.start <= self.now < self.span.end


def load_quality(
    session: Session, line: Line, station: Station | None, wanted: Wanted, now: datetime
) -> QualityPage:
    """Read the page of a line, or of one of its stations."""
    zone = ZoneInfo(line.site.timezone)
    shifts = shifts_of(session, line.site)
    span = span_of(wanted, shifts, zone, now)
    stations = [station] if station else sorted(line.stations, key=lambda one: one.id)
    asked = Asked(
        span,
        wanted.by,
        wanted.charted,
        wanted.size,
        wanted.phases,
        wanted.laney,
        RULES if wanted.all_rules else ATTRIBUTE_RULES,
        first_pass=span.duration <= _PARTS_BY_THEMSELVES,
    )
    shown = load_chart(session, stations, shifts, zone, now, asked)
    percent = wanted.charted is not Charted.DEFECTS
    newest = shown.chart.phases[-1].centre if shown.chart.phases else 0.0
    earlier, later = neighbours(wanted, span, shifts, zone, now)
    return QualityPage(
        line=line,
        station=station,
        timezone=line.site.timezone,
        wanted=wanted,
        choices=CHOICES[wanted.range],
        shifts=[shift.name for shift in shifts],
        span=span,
        now=now,
        shown=shown,
        drawing=draw(shown, zone, percent=percent),
        pareto=causes(shown.pareto),
        names={each.id: each.name for each in stations},
        earlier=earlier,
        later=later,
        size_for_runs=spc.size_for_runs(shown.chart.kind, newest),
    )


def span_of(wanted: Wanted, shifts: Sequence[Shift], zone: ZoneInfo, now: datetime) -> Span:
    """The stretch of time that is asked for; by itself the newest one.

    Raises:
        Invalid: the site has no shift of that name.
    """
    today = now.astimezone(zone).date()
    if wanted.range is not Range.SHIFT:
        return days_until(wanted.day or today, DAYS[wanted.range], zone)
    if not shifts and wanted.shift is None:
        if wanted.day is not None:
            return days_until(wanted.day, 1, zone)
        return Span(now - WITHOUT_SHIFTS, now, today)
    if wanted.day is None and wanted.shift is None:
        return newest_shift(shifts, zone, now) or Span(now - WITHOUT_SHIFTS, now, today)
    named = [shift for shift in shifts if wanted.shift in (None, shift.name)]
    if not named:
        names = ", ".join(shift.name for shift in shifts) or "none: the site has no shifts"
        raise Invalid("shift", (wanted.shift or "")[:80], names)
    found = [shift_on(shift, wanted.day or today, zone) for shift in named]
    begun = [span for span in found if span.start <= now]
    if wanted.day is None and not begun:
        found = [shift_on(shift, today - timedelta(days=1), zone) for shift in named]
        begun = found
    return (begun or found)[0]


def causes(pareto: Sequence[tuple[str, int]]) -> list[Cause]:
    """Shares of a Pareto, the most frequent first."""
    total = sum(number for _, number in pareto)
    sums = accumulate(number for _, number in pareto)
    return [
        Cause(name, number, number / total, up_to / total)
        for (name, number), up_to in zip(pareto, sums, strict=True)
    ]


def neighbours(
    wanted: Wanted, span: Span, shifts: Sequence[Shift], zone: ZoneInfo, now: datetime
) -> tuple[Mapping[str, str], Mapping[str, str] | None]:
    """What leads one shift, or as many days as are shown, back and forth."""
    if wanted.range is not Range.SHIFT or not shifts:
        days = timedelta(days=DAYS.get(wanted.range, 1))
        before = {"date": (span.day - days).isoformat()}
        after = {"date": (span.day + days).isoformat()}
        return before, after if span.end <= now else None
    around = sorted(
        (
            shift_on(shift, span.day + timedelta(days=n), zone)
            for n in (-2, -1, 0, 1, 2)
            for shift in shifts
        ),
        key=lambda one: (one.start, one.end),
    )
    earlier = [one for one in around if one.start < span.start]
    later = [one for one in around if span.start < one.start <= now]
    return _asked(earlier[-1]), _asked(later[0]) if later else None


def _asked(span: Span) -> dict[str, str]:
    return {"date": span.day.isoformat()} | ({"shift": span.shift} if span.shift else {})
