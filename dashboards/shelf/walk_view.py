"""A list to walk with: one gap at a time, in the order in which one comes by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from dashboards.shelf.board_view import Bay, load_bays
from dashboards.shelf.floor import Floor, load_floor
from dashboards.shelf.gaps import GapList, ShownGap, way_of
from db.models import Discrepancy, Line, Site
from db.queries.discrepancies import get_discrepancy

# So much of the photo is shown around a position, in its own width and height, and of what shape.
_AROUND_X, _AROUND_Y = 0.6, 0.35
_LEAST_WIDE, _MOST_WIDE = 1.2, 1.8


@dataclass(frozen=True)
class Walk:
    """Attributes:
    gaps: in walking order.
    current: where one stands; None: every gap is seen to, or the one asked for has closed.
    closed: the gap that was asked for, where it has closed meanwhile.
    number: of the current one among those that are to do, from 1; 0: it is not to do any more.
    """

    floor: Floor
    gaps: GapList
    current: ShownGap | None
    closed: Discrepancy | None
    bay: Bay | None
    previous: ShownGap | None
    next: ShownGap | None
    number: int

    @property
    def crop(self) -> tuple[float, float, float, float] | None:
        """x, y, width, height of the photo around the position, px; None: there is no photo."""
        i = self.bay.inspection if self.bay else None
        if self.current is None or i is None or not i.image_width_px or not i.image_height_px:
            return None
        return crop_around(self.current.gap.position.box, i.image_width_px, i.image_height_px)


def load_walk(
    session: Session, site: Site, lines: Sequence[Line], gap_id: int | None, now: datetime
) -> Walk:
    """The gap that is asked for, else the first one to do, with its bay.

    Raises:
        NotFound: there is no such gap on these aisles.
    """
    floor = load_floor(session, site, lines, now)
    gaps = floor.gaps.along_the_way()
    to_do = gaps.to_do
    current = next((each for each in gaps.gaps if each.discrepancy.id == gap_id), None)
    closed, way = None, None
    if current is not None:
        way = current.way
    elif gap_id is not None:
        closed, way = _closed(session, floor, gap_id)
    elif to_do:
        current = to_do[0]
        way = current.way
    others = [each for each in to_do if current is None or each is not current]
    after = [each for each in others if way is None or each.way > way]
    before = [each for each in others if way is not None and each.way < way]
    bay = None
    if current is not None:
        here = [each for each in floor.shelf.stations if each.station.id == current.station_id]
        (bay,) = load_bays(
            session, replace(floor, shelf=replace(floor.shelf, stations=here)), gaps, now
        )
    return Walk(
        floor=floor,
        gaps=gaps,
        current=current,
        closed=closed,
        bay=bay,
        previous=before[-1] if before else None,
        # At the end of the way one turns round for what was left out.
        next=after[0] if after else (before[0] if before else None),
        number=to_do.index(current) + 1 if current in to_do else 0,
    )


def crop_around(
    box: tuple[float, float, float, float], width_px: int, height_px: int
) -> tuple[float, float, float, float]:
    """x, y, width and height in px of a part of a picture around a box of fractions."""
    x0, y0, x1, y1 = box
    width = (x1 - x0) * (1 + 2 * _AROUND_X) * width_px
    height = (y1 - y0) * (1 + 2 * _AROUND_Y) * height_px
    width = min(max(width, _LEAST_WIDE * height), width_px)
    height = min(max(height, width / _MOST_WIDE), height_px)
    left = min(max((x0 + x1) / 2 * width_px - width / 2, 0.0), width_px - width)
    upper = min(max((y0 + y1) / 2 * height_px - height / 2, 0.0), height_px - height)
    return round(left, 1), round(upper, 1), round(width, 1), round(height, 1)


def _closed(
    session: Session, floor: Floor, gap_id: int
) -> tuple[Discrepancy | None, tuple[Any, ...] | None]:
    """A gap that is not on the list any more, and where it was; of another aisle: nothing."""
    found = get_discrepancy(session, gap_id)
    for each in floor.shelf.stations:
        if each.station.id == found.station_id:
            return found, way_of(found, each, floor.lines[each.station.line_id], floor.shelf)
    return None, None
