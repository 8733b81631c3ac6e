"""Items of another product at a planogram's position, as the shelf board lists them.

A model with several classes tells them (`inspection.shelves.counting`); with one class there are
none. They are put back, not filled: so they stand below the gaps and count for no availability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from dashboards.shelf.gaps import place_of, way_of
from dashboards.shelf.planograms import Planograms
from db.models import Discrepancy, Line
from db.queries import shelves
from db.queries.snoozing import is_snoozed
from inspection.recipe import Position


@dataclass(frozen=True)
class Misplaced:
    """Something that does not belong where it stands. `product` is what does."""

    discrepancy: Discrepancy
    line: Line
    station_id: int
    station_name: str
    position: Position
    product: str


def load_misplaced(
    session: Session, lines: Mapping[int, Line], shelf: Planograms, now: datetime
) -> Sequence[Misplaced]:
    """What is misplaced and not snoozed, as one walks by: one query, whatever its number."""
    by_id = {each.station.id: each for each in shelf.stations}
    found = []
    for discrepancy in shelves.unresolved_misplaced(session, list(by_id)):
        if is_snoozed(discrepancy, now):
            continue
        each = by_id[discrepancy.station_id]
        line = lines[each.station.line_id]
        position = place_of(shelf.recipe(each), discrepancy)
        shown = Misplaced(
            discrepancy,
            line,
            each.station.id,
            each.station.name,
            position,
            shelf.product_name(position),
        )
        found.append((way_of(discrepancy, each, line, shelf), shown))
    return [shown for _way, shown in sorted(found, key=lambda pair: pair[0])]
