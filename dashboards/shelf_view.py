"""What the shelf board shows, read in one go: gaps in the order to fill them, and each shelf."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from dashboards.freshness import Freshness, judge_age, worst_camera
from dashboards.line_view import shown_verdict
from dashboards.marks import Outline, outlines
from db.models import Camera, Discrepancy, Inspection, Line, Product
from db.queries import boards, shelves
from db.queries.restocking import RestockTimes, restock_times
from db.queries.shifts import Window, current_window
from inspection.recipe import Position, Recipe
from inspection.shelves.gaps import Gap, ranked


@dataclass(frozen=True)
class ShownPosition:
    """A place on the drawn shelf. `seen` None: nobody knows, which is not the same as empty."""

    position: Position
    product: str
    seen: int | None
    rank: int | None  # its number in the list of gaps

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
class ShownGap:
    gap: Gap
    discrepancy: Discrepancy
    station_key: str
    station_name: str
    product: str
    currency: str
    restocked: shelves.Restocking | None
    resolve_after: int  # clean scans in a row that close it

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


@dataclass(frozen=True)
class ShelfBoard:
    line: Line
    site_name: str
    timezone: str
    window: Window
    bays: Sequence[Bay]
    gaps: Sequence[ShownGap]
    positions: int
    out_of_stock: int
    unseen: int
    availability_in_window: float | None
    restocking: RestockTimes | None  # of the last seven days

    @property
    def availability(self) -> float | None:
        """Share of the positions in sight that are not empty; None where none is in sight."""
        in_sight = self.positions - self.unseen
        return 1 - self.out_of_stock / in_sight if in_sight else None

    @property
    def waiting_gaps(self) -> int:
        """Gaps that nobody has filled or said to have filled."""
        return sum(not gap.done for gap in self.gaps)


def load_shelves(session: Session, line: Line, now: datetime) -> ShelfBoard:
    """Read a board: about a dozen queries, whatever the number of bays."""
    window = current_window(session, line.site, now)
    stations = boards.stations_now(session, line_id=line.id)
    station_ids = [each.station.id for each in stations]
    inspection_ids = [each.inspection.id for each in stations if each.inspection]
    cameras = boards.cameras_of(session, station_ids)
    findings = boards.findings_of(session, inspection_ids)
    seen = shelves.seen_at(session, inspection_ids)
    recipes = shelves.recipes_by_version(
        session, {each.station.recipe_version_id or 0 for each in stations}
    )
    products = shelves.products_named(
        session, (place.product for recipe in recipes.values() for place in recipe.positions)
    )
    gaps = _gaps(session, stations, recipes, seen, products, now)
    ranks = {
        (shown.discrepancy.station_id, shown.gap.position.name): rank
        for rank, shown in enumerate(gaps, 1)
    }
    bays = []
    for each in stations:
        inspection = each.inspection
        of_station = cameras.get(each.station.id, ())
        age = judge_age(inspection.captured_at if inspection else None, of_station, now)
        verdict = shown_verdict(inspection, age.freshness)
        recipe = recipes.get(each.station.recipe_version_id or 0)
        in_sight = inspection is not None and verdict not in ("no_data", "not_inspected")
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
                positions=[
                    ShownPosition(
                        place,
                        _name(products, place),
                        seen.get((inspection.id, place.name)) if inspection and in_sight else None,
                        ranks.get((each.station.id, place.name)),
                    )
                    for place in (recipe.positions if recipe else ())
                ],
                outlines=outlines(findings.get(inspection.id, ()), tolerance_px=1.5)
                if inspection
                else (),
            )
        )
    return _board(session, line, window, bays, gaps, station_ids, now)


def _board(
    session: Session,
    line: Line,
    window: Window,
    bays: Sequence[Bay],
    gaps: Sequence[ShownGap],
    station_ids: Sequence[int],
    now: datetime,
) -> ShelfBoard:
    places = [place for bay in bays for place in bay.positions]
    empty = shelves.out_of_stock_time(session, station_ids, window)
    whole = (window.now - window.start) * len(places)
    return ShelfBoard(
        line=line,
        site_name=line.site.name,
        timezone=line.site.timezone,
        window=window,
        bays=bays,
        gaps=gaps,
        positions=len(places),
        out_of_stock=sum(place.state == "out" for place in places),
        unseen=sum(place.state == "unknown" for place in places),
        availability_in_window=max(1 - empty / whole, 0.0) if whole else None,
        restocking=restock_times(session, station_ids, now),
    )


def _gaps(
    session: Session,
    stations: Sequence[boards.StationNow],
    recipes: Mapping[int, Recipe],
    seen: Mapping[tuple[int, str], int],
    products: Mapping[str, Product],
    now: datetime,
) -> list[ShownGap]:
    by_id = {each.station.id: each for each in stations}
    unresolved = shelves.unresolved_gaps(session, list(by_id))
    restocked = shelves.restockings(session, [each.id for each in unresolved])
    found: dict[int, ShownGap] = {}
    for discrepancy in unresolved:
        each = by_id[discrepancy.station_id]
        recipe = recipes.get(each.station.recipe_version_id or 0)
        place = _place(recipe, discrepancy)
        product = products.get(place.product)
        in_sight = seen.get((each.inspection.id, place.name)) if each.inspection else None
        # What the newest scan saw; where it saw nothing, what opened the gap.
        at_opening = 0 if discrepancy.kind == shelves.OUT_OF_STOCK else place.min_facings - 1
        gap = Gap(
            position=place,
            seen=at_opening if in_sight is None else in_sight,
            since=discrepancy.opened_at,
            kind=discrepancy.kind,
            discrepancy_id=discrepancy.id,
            price=_price(place, product),
            rate_per_hour=_rate(place, product),
        )
        found[discrepancy.id] = ShownGap(
            gap=gap,
            discrepancy=discrepancy,
            station_key=each.station.key,
            station_name=each.station.name,
            product=_name(products, place),
            currency=product.currency if product else "EUR",
            restocked=restocked.get(discrepancy.id),
            resolve_after=recipe.discrepancies.resolve_after if recipe else 1,
        )
    order = [found[gap.discrepancy_id] for gap in ranked([g.gap for g in found.values()], now)]
    # What is filled, or said to be, comes after what is left to do.
    return sorted(order, key=lambda each: each.done)


def _place(recipe: Recipe | None, discrepancy: Discrepancy) -> Position:
    """The position of a gap; one that the active recipe no longer has stands for itself."""
    for place in recipe.positions if recipe else ():
        if place.name == discrepancy.place:
            return place
    name = discrepancy.place[:100] or "?"
    return Position(name=name, product=name, box=(0, 0, 1, 1))


def _name(products: Mapping[str, Product], place: Position) -> str:
    product = products.get(place.product)
    return product.name if product else place.product


def _price(place: Position, product: Product | None) -> float | None:
    if place.price is not None:
        return place.price
    return float(product.price) if product and product.price is not None else None


def _rate(place: Position, product: Product | None) -> float | None:
    return (
        place.rate_per_hour
        if place.rate_per_hour is not None or not product
        else (product.rate_per_hour)
    )
