"""What the days of a shelf are reckoned from: when positions were empty, when anybody looked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, column, or_, select, true, values
from sqlalchemy.orm import Session

from db.base import UtcDateTime
from db.models import Discrepancy, Inspection, Shift, Station
from db.queries.shelves import OUT_OF_STOCK
from inspection.shelves.availability import Absence
from inspection.shelves.opening import Span, WallClock, merged
from inspection.verdicts import DiscrepancyState

# So finely it is told whether a station looked. A scan that came back after a break of minutes
# says what stood there meanwhile; one after hours does not.
STEP = timedelta(hours=1)


def shifts_of(session: Session, site_id: int) -> Sequence[WallClock]:
    """When a site works, by its wall clock."""
    rows = session.execute(
        select(Shift.starts_at, Shift.ends_at).where(Shift.site_id == site_id).order_by(Shift.id)
    )
    return [(starts_at, ends_at) for starts_at, ends_at in rows]


def absences(session: Session, station_ids: Collection[int], within: Span) -> Sequence[Absence]:
    """When positions were out of stock, clipped to a span. False calls were none."""
    closed_since: ColumnElement[bool] = or_(
        and_(
            Discrepancy.closed_at >= within.start,
            Discrepancy.state == DiscrepancyState.RESOLVED.value,
        ),
        Discrepancy.state.in_((DiscrepancyState.OPEN.value, DiscrepancyState.ACKNOWLEDGED.value)),
    )
    rows = session.execute(
        select(
            Discrepancy.station_id, Discrepancy.place, Discrepancy.opened_at, Discrepancy.closed_at
        ).where(
            Discrepancy.station_id.in_(station_ids),
            Discrepancy.kind == OUT_OF_STOCK,
            Discrepancy.opened_at < within.end,
            closed_since,
        )
    )
    found = []
    for station_id, place, opened_at, closed_at in rows:
        start, end = max(opened_at, within.start), min(closed_at or within.end, within.end)
        if start < end:
            found.append(Absence((station_id, place), Span(start, end)))
    return found


def watched(
    session: Session, station_ids: Collection[int], within: Sequence[Span]
) -> Mapping[int, Sequence[Span]]:
    """The hours of some spans in which each station looked at its shelf at least once.

    One look into an index for each station and hour, however many scans there were.
    """
    found: dict[int, list[Span]] = {station_id: [] for station_id in station_ids}
    hours = _hours(within)
    if not hours or not station_ids:
        return found
    # A scan belongs to the whole of its hour, also to the minutes that were not asked for.
    rows = [(number, hour.start, hour.end) for number, hour in enumerate(hours)]
    asked: Any = (
        values(
            column("number", Discrepancy.seen_count.type),
            column("begins", UtcDateTime()),
            column("ends", UtcDateTime()),
            name="asked",
        )
        .data(rows)
        .cte("asked")
    )
    # A value, not an EXISTS: PostgreSQL would make a join of that, and go through every scan.
    looked = (
        select(Inspection.id)
        .where(
            Inspection.station_id == Station.id,
            # Who looked gives no reason why not (a constraint of the table), which the index has.
            Inspection.reason.is_(None),
            Inspection.captured_at >= asked.c.begins,
            Inspection.captured_at < asked.c.ends,
        )
        .correlate(Station, asked)
        .limit(1)
        .scalar_subquery()
    )
    statement = (
        select(Station.id, asked.c.number)
        .join(asked, true())
        .where(Station.id.in_(station_ids), looked.is_not(None))
    )
    for station_id, number in session.execute(statement):
        found[station_id].append(hours[number])
    return {station_id: merged(spans) for station_id, spans in found.items()}


def _hours(within: Sequence[Span]) -> list[Span]:
    """The full hours (UTC) that some spans touch."""
    hours: set[datetime] = set()
    for span in within:
        hour = span.start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        while hour < span.end:
            hours.add(hour)
            hour += STEP
    return [Span(hour, hour + STEP) for hour in sorted(hours)]
