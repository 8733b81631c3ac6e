"""How long positions of a shelf stood empty before they were filled again."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Discrepancy
from inspection.shelves.availability import quantile
from inspection.verdicts import DiscrepancyState

# Long enough for a median, short enough to follow what a store does differently.
LOOKED_BACK = timedelta(days=7)


@dataclass(frozen=True)
class Filled:
    """A gap that was filled, by the frames' times."""

    station_id: int
    place: str
    opened_at: datetime
    closed_at: datetime

    @property
    def span(self) -> timedelta:
        return self.closed_at - self.opened_at


@dataclass(frozen=True)
class PlaceTimes:
    """The gaps of one position that were filled."""

    station_id: int
    place: str
    filled: int
    median: timedelta


@dataclass(frozen=True)
class RestockTimes:
    """By the frames' times: from the first scan that saw the gap to the one that closed it.

    `p90`: nine of ten were filled within it. `slowest` has the positions with the longest medians,
    the longest first.
    """

    filled: int
    median: timedelta
    p90: timedelta
    slowest: Sequence[PlaceTimes]


def filled_since(
    session: Session, station_ids: Collection[int], since: datetime
) -> Sequence[Filled]:
    """The gaps that were closed since a moment.

    Positions that only ran low are left out: a gap that turns from low to empty closes the one
    and opens the other, and nobody has filled anything.
    """
    rows = session.execute(
        select(
            Discrepancy.station_id, Discrepancy.place, Discrepancy.opened_at, Discrepancy.closed_at
        ).where(
            Discrepancy.station_id.in_(station_ids),
            Discrepancy.kind == "out_of_stock",
            Discrepancy.state == DiscrepancyState.RESOLVED.value,
            Discrepancy.closed_at >= since,
        )
    )
    return [
        Filled(station_id, place, opened_at, closed_at)
        for station_id, place, opened_at, closed_at in rows
        if closed_at is not None
    ]


def restock_times(
    session: Session, station_ids: Collection[int], now: datetime, most: int = 3
) -> RestockTimes | None:
    """Of the gaps that were closed in the last seven days; None where none was."""
    times: dict[tuple[int, str], list[timedelta]] = {}
    for each in filled_since(session, station_ids, now - LOOKED_BACK):
        times.setdefault((each.station_id, each.place), []).append(each.span)
    if not times:
        return None
    places = [
        PlaceTimes(station_id, place, len(spans), _middle(spans))
        for (station_id, place), spans in times.items()
    ]
    places.sort(key=lambda each: each.median, reverse=True)
    every = [span for spans in times.values() for span in spans]
    return RestockTimes(len(every), _middle(every), quantile(every, 0.9), places[:most])


def _middle(spans: Sequence[timedelta]) -> timedelta:
    return timedelta(seconds=median(span.total_seconds() for span in spans))
