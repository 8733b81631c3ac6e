"""Gaps as the shelf board lists them: what each is worth, where it is, what was done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from dashboards.shelf.planograms import Planograms
from db.models import Discrepancy, DiscrepancyEvent, Line, Site
from db.queries import boards, gap_work, shelves
from db.queries.snoozing import is_snoozed
from inspection.recipe import Position, Recipe
from inspection.shelves.gaps import Gap, ranked
from inspection.shelves.opening import Span, WallClock, common, open_spans, total
from inspection.shelves.walking import Step, natural, steps

# For so long the board shows what somebody did, with a button that takes it back.
UNDO_SHOWN = timedelta(minutes=30)
_NOWHERE = Step(0, 0)


@dataclass(frozen=True)
class ShownGap:
    """A gap in words and numbers. `way` sorts gaps as one walks by them."""

    gap: Gap
    discrepancy: Discrepancy
    line: Line
    station_id: int
    station_key: str
    station_name: str
    product: str
    currency: str
    lost: float | None  # sales missed so far, while the store was open
    restocked: DiscrepancyEvent | None
    last: DiscrepancyEvent | None  # what can be taken back
    resolve_after: int  # clean scans in a row that close it
    snoozed: bool
    unworkable: bool
    way: tuple[Any, ...]

    @property
    def filled(self) -> bool:
        """Enough is seen there again; it closes by itself when that stays so."""
        return self.gap.seen >= self.gap.position.min_facings

    @property
    def done(self) -> bool:
        """Nothing is left to do but to wait for the next scans."""
        return self.filled or (self.restocked is not None and not self.still_empty)

    @property
    def still_empty(self) -> bool:
        """Said to be filled, and seen as a gap again since."""
        return self.restocked is not None and self.discrepancy.last_seen_at > self.restocked.at

    @property
    def to_do(self) -> bool:
        """Somebody can go and fill it."""
        return not (self.done or self.snoozed or self.unworkable)


@dataclass(frozen=True)
class Deed:
    """What somebody did a moment ago and may take back."""

    event: DiscrepancyEvent
    discrepancy: Discrepancy
    line: Line
    product: str


@dataclass(frozen=True)
class GapList:
    """All gaps of some aisles, the most worth filling first, and what was done a moment ago."""

    gaps: Sequence[ShownGap]
    deeds: Sequence[Deed]

    @property
    def to_do(self) -> Sequence[ShownGap]:
        return [each for each in self.gaps if each.to_do]

    @property
    def done(self) -> Sequence[ShownGap]:
        return [each for each in self.gaps if each.done and not each.snoozed]

    @property
    def unworkable(self) -> Sequence[ShownGap]:
        """Not workable for now, the one that comes back first on top."""
        waiting = [
            each for each in self.gaps if each.unworkable and not each.done and not each.snoozed
        ]
        return sorted(waiting, key=lambda each: str(each.discrepancy.unworkable_until))

    @property
    def snoozed(self) -> Sequence[ShownGap]:
        return sorted(
            (each for each in self.gaps if each.snoozed),
            key=lambda each: str(each.discrepancy.snoozed_until),
        )

    @property
    def loss_per_hour(self) -> Mapping[str, float]:
        """What the gaps that are left to do cost an hour, by currency."""
        found: dict[str, float] = {}
        for each in self.to_do:
            if each.gap.loss_per_hour:
                found[each.currency] = found.get(each.currency, 0.0) + each.gap.loss_per_hour
        return found

    def along_the_way(self) -> GapList:
        """The same in the order in which one walks by them."""
        return GapList(sorted(self.gaps, key=lambda each: each.way), self.deeds)

    def changes_at(self) -> datetime | None:
        """When the first of them comes back by itself."""
        times = [each.discrepancy.snoozed_until for each in self.gaps if each.snoozed]
        times += [each.discrepancy.unworkable_until for each in self.gaps if each.unworkable]
        return min((time for time in times if time is not None), default=None)


def load_gaps(
    session: Session,
    lines: Mapping[int, Line],
    site: Site,
    shelf: Planograms,
    shifts: Sequence[WallClock],
    now: datetime,
) -> GapList:
    """The gaps of the planograms' stations: four queries, whatever their number.

    Args:
        lines: the stations' lines, by id.
        shifts: of the site.
    """
    by_id = {each.station.id: each for each in shelf.stations}
    unresolved = shelves.unresolved_gaps(session, list(by_id))
    closed = shelves.closed_gaps(session, list(by_id), now - UNDO_SHOWN)
    told = gap_work.histories(session, [each.id for each in (*unresolved, *closed)])
    standing = {key: gap_work.standing_actions(events) for key, events in told.items()}
    open_time = _open_time(unresolved, ZoneInfo(site.timezone), shifts, now)
    found: dict[int, ShownGap] = {}
    for discrepancy in unresolved:
        each = by_id[discrepancy.station_id]
        shown = _shown(discrepancy, each, lines[each.station.line_id], shelf, standing, now)
        found[discrepancy.id] = replace(shown, lost=shown.gap.lost(open_time[discrepancy.id]))
    order = ranked([shown.gap for shown in found.values()], now)
    deeds = []
    for discrepancy in (*unresolved, *closed):
        deeds_here = standing.get(discrepancy.id)
        if not deeds_here or deeds_here[-1].at < now - UNDO_SHOWN:
            continue
        each = by_id[discrepancy.station_id]
        place = place_of(shelf.recipe(each), discrepancy)
        line = lines[each.station.line_id]
        deeds.append(Deed(deeds_here[-1], discrepancy, line, shelf.product_name(place)))
    deeds.sort(key=lambda deed: deed.event.id, reverse=True)
    return GapList([found[gap.discrepancy_id] for gap in order], deeds)


def way_of(
    discrepancy: Discrepancy, each: boards.StationNow, line: Line, shelf: Planograms
) -> tuple[Any, ...]:
    """What sorts gaps as one walks: aisle, bay, shelf from the top, and along it."""
    recipe = shelf.recipe(each)
    step = steps(recipe.positions).get(discrepancy.place, _NOWHERE) if recipe else _NOWHERE
    station = each.station
    return natural(line.name), line.id, natural(station.name), station.id, step, discrepancy.id


def _shown(
    discrepancy: Discrepancy,
    each: boards.StationNow,
    line: Line,
    shelf: Planograms,
    standing: Mapping[int, Sequence[DiscrepancyEvent]],
    now: datetime,
) -> ShownGap:
    recipe = shelf.recipe(each)
    place = place_of(recipe, discrepancy)
    price, rate, currency = shelf.sales(place)
    in_sight = shelf.seen.get((each.inspection.id, place.name)) if each.inspection else None
    # What the newest scan saw; where it saw nothing, what opened the gap.
    at_opening = 0 if discrepancy.kind == shelves.OUT_OF_STOCK else place.min_facings - 1
    deeds = standing.get(discrepancy.id, ())
    until = discrepancy.unworkable_until
    return ShownGap(
        gap=Gap(
            position=place,
            seen=at_opening if in_sight is None else in_sight,
            since=discrepancy.opened_at,
            kind=discrepancy.kind,
            discrepancy_id=discrepancy.id,
            price=price,
            rate_per_hour=rate,
        ),
        discrepancy=discrepancy,
        line=line,
        station_id=each.station.id,
        station_key=each.station.key,
        station_name=each.station.name,
        product=shelf.product_name(place),
        currency=currency,
        lost=None,
        restocked=next((deed for deed in reversed(deeds) if deed.action == "restocked"), None),
        last=deeds[-1] if deeds else None,
        resolve_after=recipe.discrepancies.resolve_after if recipe else 1,
        snoozed=is_snoozed(discrepancy, now),
        unworkable=until is not None and until > now,
        way=way_of(discrepancy, each, line, shelf),
    )


def _open_time(
    unresolved: Sequence[Discrepancy],
    zone: ZoneInfo,
    shifts: Sequence[WallClock],
    now: datetime,
) -> dict[int, timedelta]:
    """For how long the store was open since each gap opened."""
    first = min((each.opened_at for each in unresolved), default=now)
    spans = open_spans(shifts, zone, Span(first, max(first, now)))
    return {
        each.id: total(common(spans, [Span(each.opened_at, now)]))
        if each.opened_at < now
        else timedelta()
        for each in unresolved
    }


def place_of(recipe: Recipe | None, discrepancy: Discrepancy) -> Position:
    """The position of a gap; one that the active recipe no longer has stands for itself."""
    for place in recipe.positions if recipe else ():
        if place.name == discrepancy.place:
            return place
    name = discrepancy.place[:100] or "?"
    return Position(name=name, product=name, box=(0, 0, 1, 1))
