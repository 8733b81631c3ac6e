"""Some aisles of a store and their gaps: what board, walk and overview have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from dashboards.shelf.gaps import GapList, load_gaps
from dashboards.shelf.misplaced import Misplaced, load_misplaced
from dashboards.shelf.planograms import Planograms, planograms
from db.models import Line, Site
from db.queries import boards, shelf_history
from db.queries.shifts import Window, current_window
from inspection.shelves.opening import WallClock, next_opening
from inspection.shelves.walking import natural


@dataclass(frozen=True)
class Floor:
    """Aisles of one site with their bays, in walking order.

    Attributes:
        lines: by id.
        opening: of tomorrow, where something may sleep until.
        gaps: of all of them, the most worth filling first.
        misplaced: what stands where something else belongs.
    """

    site: Site
    lines: Mapping[int, Line]
    shelf: Planograms
    shifts: Sequence[WallClock]
    window: Window
    opening: datetime
    gaps: GapList
    misplaced: Sequence[Misplaced]
    now: datetime


def load_floor(session: Session, site: Site, lines: Sequence[Line], now: datetime) -> Floor:
    """Eleven queries, whatever the number of aisles, bays and gaps."""
    by_id = {line.id: line for line in sorted(lines, key=lambda each: natural(each.name))}
    place = {line_id: number for number, line_id in enumerate(by_id)}

    def way(each: boards.StationNow) -> tuple[object, ...]:
        return place[each.station.line_id], natural(each.station.name), each.station.id

    stations = sorted(boards.stations_now(session, line_ids=list(by_id)), key=way)
    shelf = planograms(session, stations)
    shifts = shelf_history.shifts_of(session, site.id)
    return Floor(
        site=site,
        lines=by_id,
        shelf=shelf,
        shifts=shifts,
        window=current_window(session, site, now),
        opening=next_opening(shifts, ZoneInfo(site.timezone), now),
        gaps=load_gaps(session, by_id, site, shelf, shifts, now),
        misplaced=load_misplaced(session, by_id, shelf, now),
        now=now,
    )
