"""What the shelf board shows, read in one go: gaps in the order to fill them, and each shelf."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from dashboards.freshness import Freshness, judge_age, worst_camera
from dashboards.line_view import shown_verdict
from dashboards.marks import Outline, outlines
from dashboards.shelf.days import Days, load_days
from dashboards.shelf.floor import Floor, load_floor
from dashboards.shelf.gaps import GapList, ShownGap
from db.models import Camera, Discrepancy, Inspection, Line
from db.queries import boards
from db.queries.restocking import RestockTimes, restock_times
from inspection.recipe import Position

WORTH, WALK = "worth", "walk"
ORDERS = (WORTH, WALK)
# Today, and the week that it is held against.
WEEK_AND_TODAY = 8


@dataclass(frozen=True)
class ShownPosition:
    """A place on the drawn shelf. `seen` None: nobody knows, which is not the same as empty."""

    position: Position
    product: str
    seen: int | None
    rank: int | None  # its number in the list of gaps
    gap: ShownGap | None
    misplaced: Discrepancy | None  # something else stands there

    @property
    def state(self) -> str:
        """`full`, `short` (some missing, but enough), `low`, `out`, `excess` or `unknown`."""
        if self.seen is None:
            return "unknown"
        if self.seen == 0:
            return "out"
        if self.seen < self.position.min_facings:
            return "low"
        if self.seen > self.position.facings:
            return "excess"
        return "full" if self.seen == self.position.facings else "short"


@dataclass(frozen=True)
class Bay:
    station_id: int
    key: str
    name: str
    verdict: str
    inspection: Inspection | None
    image_stored: bool
    freshness: Freshness
    changes_at: datetime | None
    camera: Camera | None
    positions: Sequence[ShownPosition]
    outlines: Sequence[Outline]

    def count(self, state: str) -> int:
        return sum(place.state == state for place in self.positions)


@dataclass(frozen=True)
class ShelfBoard:
    line: Line
    floor: Floor
    order: str
    bays: Sequence[Bay]
    gaps: GapList
    days: Days | None  # None where nobody asked
    restocking: RestockTimes | None  # of the last seven days

    @property
    def timezone(self) -> str:
        return self.floor.site.timezone

    @property
    def places(self) -> Sequence[ShownPosition]:
        return [place for bay in self.bays for place in bay.positions]

    @property
    def unseen(self) -> int:
        return sum(place.state == "unknown" for place in self.places)

    @property
    def availability(self) -> float | None:
        """Share of the facings in sight whose position is not empty; None: none is in sight."""
        return availability_of(self.places)


def load_shelves(
    session: Session, line: Line, now: datetime, order: str = WORTH, *, with_days: bool = True
) -> ShelfBoard:
    """Read a board: about a dozen queries, whatever the number of bays.

    Args:
        order: `worth`, the most worth filling first, or `walk`, as one comes by.
        with_days: also what the last days were like.
    """
    floor = load_floor(session, line.site, [line], now)
    gaps = floor.gaps.along_the_way() if order == WALK else floor.gaps
    facings = floor.shelf.facings()
    station_ids = [each.station.id for each in floor.shelf.stations]
    return ShelfBoard(
        line=line,
        floor=floor,
        order=order,
        bays=load_bays(session, floor, gaps, now),
        gaps=gaps,
        days=load_days(session, line.site.timezone, floor.shifts, facings, now, WEEK_AND_TODAY)
        if with_days
        else None,
        restocking=restock_times(session, station_ids, now) if with_days else None,
    )


def availability_of(places: Sequence[ShownPosition]) -> float | None:
    """Share of the facings in sight whose position is not empty; None: none is in sight."""
    in_sight = [place for place in places if place.state != "unknown"]
    whole = sum(place.position.facings for place in in_sight)
    empty = sum(place.position.facings for place in in_sight if place.state == "out")
    return 1 - empty / whole if whole else None


def load_bays(session: Session, floor: Floor, gaps: GapList, now: datetime) -> Sequence[Bay]:
    """The floor's stations, each with its photo and its positions as they stand now."""
    shelf = floor.shelf
    inspection_ids = [each.inspection.id for each in shelf.stations if each.inspection]
    cameras = boards.cameras_of(session, [each.station.id for each in shelf.stations])
    findings = boards.findings_of(session, inspection_ids)
    at_place = {(each.station_id, each.gap.position.name): each for each in gaps.gaps}
    strange = {(each.station_id, each.position.name): each.discrepancy for each in floor.misplaced}
    ranks = {each.discrepancy.id: rank for rank, each in enumerate(gaps.to_do, 1)}
    bays = []
    for each in shelf.stations:
        inspection = each.inspection
        of_station = cameras.get(each.station.id, ())
        age = judge_age(inspection.captured_at if inspection else None, of_station, now)
        verdict = shown_verdict(inspection, age.freshness)
        recipe = shelf.recipe(each)
        in_sight = inspection is not None and verdict not in ("no_data", "not_inspected")
        positions = []
        for place in recipe.positions if recipe else ():
            gap = at_place.get((each.station.id, place.name))
            seen = shelf.seen.get((inspection.id, place.name)) if inspection and in_sight else None
            rank = ranks.get(gap.discrepancy.id) if gap else None
            wrong = strange.get((each.station.id, place.name))
            positions.append(
                ShownPosition(place, shelf.product_name(place), seen, rank, gap, wrong)
            )
        bays.append(
            Bay(
                station_id=each.station.id,
                key=each.station.key,
                name=each.station.name,
                verdict=verdict,
                inspection=inspection,
                image_stored=each.image_stored,
                freshness=age.freshness,
                changes_at=age.changes_at,
                camera=worst_camera(of_station),
                positions=positions,
                outlines=outlines(findings.get(inspection.id, ()), tolerance_px=1.5)
                if inspection
                else (),
            )
        )
    return bays
