"""A store at a glance: each aisle's availability and gaps, and all gaps in one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from dashboards.freshness import judge_age
from dashboards.line_view import shown_verdict
from dashboards.shelf.board_view import WALK, WEEK_AND_TODAY, WORTH
from dashboards.shelf.days import Days, load_days
from dashboards.shelf.floor import Floor, load_floor
from dashboards.shelf.gaps import GapList
from db.models import Line, Site
from db.queries import boards


@dataclass(frozen=True)
class Aisle:
    """`bays` and `dark`: how many cameras it has, and how many of them see nothing now."""

    line: Line
    available: float | None  # of the facings in sight, now
    today: float | None
    to_do: int
    loss_per_hour: Mapping[str, float]
    bays: int
    dark: int


@dataclass(frozen=True)
class Store:
    """The aisles with the most to lose first."""

    site: Site
    floor: Floor
    order: str
    aisles: Sequence[Aisle]
    gaps: GapList
    days: Days
    available: float | None
    silent: Sequence[str]  # bays that no data come from
    changes_at: datetime | None  # when the first bay grows old by itself


def load_store(
    session: Session, site: Site, lines: Sequence[Line], now: datetime, order: str = WORTH
) -> Store:
    """About fifteen queries, whatever the number of aisles."""
    floor = load_floor(session, site, lines, now)
    facings = floor.shelf.facings()
    days = load_days(session, site.timezone, floor.shifts, facings, now, WEEK_AND_TODAY)
    sight = _sight(session, floor, now)
    dark = sight.dark
    aisles = []
    for line in floor.lines.values():
        here = {each.station.id for each in floor.shelf.stations if each.station.line_id == line.id}
        gaps = GapList([each for each in floor.gaps.gaps if each.line.id == line.id], ())
        of_line = {place: number for place, number in facings.items() if place[0] in here}
        aisles.append(
            Aisle(
                line=line,
                available=_available(floor, here - dark),
                today=days.today_of(of_line),
                to_do=len(gaps.to_do),
                loss_per_hour=gaps.loss_per_hour,
                bays=len(here),
                dark=len(here & dark),
            )
        )
    aisles.sort(key=lambda each: (-sum(each.loss_per_hour.values()), -each.to_do))
    everywhere = {each.station.id for each in floor.shelf.stations}
    return Store(
        site=site,
        floor=floor,
        order=order,
        aisles=aisles,
        gaps=floor.gaps.along_the_way() if order == WALK else floor.gaps,
        days=days,
        available=_available(floor, everywhere - dark),
        silent=sight.silent,
        changes_at=sight.changes_at,
    )


@dataclass(frozen=True)
class _Sight:
    dark: set[int]  # stations that see nothing now
    silent: Sequence[str]
    changes_at: datetime | None


def _sight(session: Session, floor: Floor, now: datetime) -> _Sight:
    stations = floor.shelf.stations
    cameras = boards.cameras_of(session, [each.station.id for each in stations])
    dark, silent, changes = set(), [], []
    for each in stations:
        captured_at = each.inspection.captured_at if each.inspection else None
        age = judge_age(captured_at, cameras.get(each.station.id, ()), now)
        if age.changes_at is not None:
            changes.append(age.changes_at)
        verdict = shown_verdict(each.inspection, age.freshness)
        if verdict in ("no_data", "not_inspected"):
            dark.add(each.station.id)
        if verdict == "no_data":
            silent.append(f"{floor.lines[each.station.line_id].name} · {each.station.name}")
    return _Sight(dark, silent, min(changes, default=None))


def _available(floor: Floor, stations: set[int]) -> float | None:
    """Share of the facings in sight at some stations whose position is not empty."""
    whole = empty = 0
    for each in floor.shelf.stations:
        recipe = floor.shelf.recipe(each)
        if each.station.id not in stations or recipe is None or each.inspection is None:
            continue
        for place in recipe.positions:
            seen = floor.shelf.seen.get((each.inspection.id, place.name))
            if seen is not None:
                whole += place.facings
                empty += place.facings if seen == 0 else 0
    return 1 - empty / whole if whole else None
