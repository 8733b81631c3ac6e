"""The last fortnight of a shelf: its availability, how soon gaps were filled, its worst places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from dashboards.shelf.days import Days, load_days
from dashboards.shelf.floor import Floor, load_floor
from db.models import Line
from db.queries.restocking import Filled, filled_since
from inspection.shelves.availability import Place, Share, by_place, quantile
from inspection.shelves.opening import common, total

DAYS = 14
_WORST = 10


@dataclass(frozen=True)
class Times:
    """Of the gaps that were filled on a day: from the first scan that saw it to the last."""

    date: date
    filled: int
    median: timedelta | None
    p90: timedelta | None


@dataclass(frozen=True)
class WorstPlace:
    """`empty`: for how long it was, while the store was open and somebody looked."""

    station_key: str
    station_name: str
    name: str
    product: str
    gaps: int
    facings: int
    empty: timedelta
    lost: float | None
    currency: str


@dataclass(frozen=True)
class History:
    line: Line
    floor: Floor
    days: Days
    whole: Share
    times: Sequence[Times]
    filled: int
    median: timedelta | None
    p90: timedelta | None
    worst: Sequence[WorstPlace]

    @property
    def most_missed(self) -> float:
        """The largest share of a day that was missed, at least a hundredth: a chart's height."""
        shares = [day.share.available for day in self.days.days]
        return max([1 - share for share in shares if share is not None] + [0.01])

    @property
    def longest(self) -> timedelta:
        return max([each.p90 for each in self.times if each.p90] + [timedelta(minutes=10)])


def load_history(session: Session, line: Line, now: datetime) -> History:
    """Read the page: about a dozen queries, whatever the number of bays and gaps."""
    floor = load_floor(session, line.site, [line], now)
    facings = floor.shelf.facings()
    days = load_days(session, line.site.timezone, floor.shifts, facings, now, DAYS)
    stations = [each.station.id for each in floor.shelf.stations]
    filled = filled_since(session, stations, days.days[0].span.start)
    spans = [each.span for each in filled]
    whole = Share(timedelta(), timedelta())
    for day in days.days:
        whole = whole + day.share
    return History(
        line=line,
        floor=floor,
        days=days,
        whole=whole,
        times=_by_day(filled, days, ZoneInfo(line.site.timezone)),
        filled=len(spans),
        median=quantile(spans, 0.5) if spans else None,
        p90=quantile(spans, 0.9) if spans else None,
        worst=_worst(floor, days, facings),
    )


def _by_day(filled: Sequence[Filled], days: Days, zone: ZoneInfo) -> list[Times]:
    found: dict[date, list[timedelta]] = {day.date: [] for day in days.days}
    for each in filled:
        found.setdefault(each.closed_at.astimezone(zone).date(), []).append(each.span)
    return [
        Times(
            date=day.date,
            filled=len(spans := found[day.date]),
            median=quantile(spans, 0.5) if spans else None,
            p90=quantile(spans, 0.9) if spans else None,
        )
        for day in days.days
    ]


def _worst(floor: Floor, days: Days, facings: Mapping[Place, int]) -> list[WorstPlace]:
    """The positions that lost most: by sales where price and rate are known, then by time."""
    seen = {key: common(spans, days.open) for key, spans in days.watched.items()}
    gaps: dict[Place, int] = {}
    for absence in days.absences:
        gaps[absence.place] = gaps.get(absence.place, 0) + 1
    stations = {each.station.id: each for each in floor.shelf.stations}
    found = []
    for place, spans in by_place(days.absences).items():
        each = stations[place[0]]
        recipe = floor.shelf.recipe(each)
        position = next(
            (one for one in (recipe.positions if recipe else ()) if one.name == place[1]), None
        )
        if position is None:
            continue
        empty = total(common(spans, seen.get(place[0], ())))
        price, rate, currency = floor.shelf.sales(position)
        sold = price * rate if price is not None and rate is not None else None
        found.append(
            WorstPlace(
                station_key=each.station.key,
                station_name=each.station.name,
                name=position.name,
                product=floor.shelf.product_name(position),
                gaps=gaps[place],
                facings=facings[place],
                empty=empty,
                lost=sold * (empty / timedelta(hours=1)) if sold is not None else None,
                currency=currency,
            )
        )
    found.sort(key=lambda each: (-(each.lost or 0.0), -each.empty * each.facings, each.name))
    return [each for each in found if each.empty][:_WORST]
