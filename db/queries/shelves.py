"""What the shelf board shows: the planogram's positions, what was seen there, gaps, fillings."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.errors import WrongState
from db.models import Discrepancy, DiscrepancyEvent, MeasurementRow, Product, RecipeVersion
from db.queries.discrepancies import acknowledge, get_discrepancy
from db.queries.inspections import dispose
from db.queries.shifts import Window
from inspection.recipe import Recipe
from inspection.verdicts import DiscrepancyState

OUT_OF_STOCK, LOW = "out_of_stock", "low"
GAP_KINDS = (OUT_OF_STOCK, LOW)
RESTOCKED = "restocked"


@dataclass(frozen=True)
class Restocking:
    """Somebody said that a gap was filled."""

    at: datetime
    actor: str | None


def recipes_by_version(session: Session, version_ids: Collection[int]) -> Mapping[int, Recipe]:
    """The recipes with their planograms, by id of their version."""
    statement = select(RecipeVersion.id, RecipeVersion.body).where(
        RecipeVersion.id.in_(version_ids)
    )
    return {
        version_id: Recipe.model_validate(body) for version_id, body in session.execute(statement)
    }


def seen_at(session: Session, inspection_ids: Collection[int]) -> Mapping[tuple[int, str], int]:
    """How many items an inspection saw at a position, by (inspection id, position)."""
    statement = select(
        MeasurementRow.inspection_id, MeasurementRow.place, MeasurementRow.value
    ).where(
        MeasurementRow.inspection_id.in_(inspection_ids),
        MeasurementRow.finding_id.is_(None),
        MeasurementRow.name == "facings",
    )
    return {
        (inspection_id, place): round(value)
        for inspection_id, place, value in session.execute(statement)
    }


def products_named(session: Session, names: Iterable[str]) -> Mapping[str, Product]:
    """The products that recipes name, by key or by name."""
    wanted = set(names)
    statement = select(Product).where(or_(Product.key.in_(wanted), Product.name.in_(wanted)))
    products = session.scalars(statement).all()
    return {product.name: product for product in products} | {
        product.key: product for product in products
    }


def unresolved_gaps(session: Session, station_ids: Collection[int]) -> Sequence[Discrepancy]:
    """Open and acknowledged gaps of the stations."""
    statement = select(Discrepancy).where(
        Discrepancy.station_id.in_(station_ids),
        Discrepancy.state.in_((DiscrepancyState.OPEN, DiscrepancyState.ACKNOWLEDGED)),
        Discrepancy.kind.in_(GAP_KINDS),
    )
    return session.scalars(statement).all()


def restockings(session: Session, discrepancy_ids: Collection[int]) -> Mapping[int, Restocking]:
    """The newest word that each gap was filled."""
    statement = (
        select(DiscrepancyEvent)
        .where(
            DiscrepancyEvent.discrepancy_id.in_(discrepancy_ids),
            DiscrepancyEvent.action == RESTOCKED,
        )
        .order_by(DiscrepancyEvent.id)
    )
    return {
        event.discrepancy_id: Restocking(event.at, event.actor)
        for event in session.scalars(statement)
    }


def out_of_stock_time(session: Session, station_ids: Collection[int], window: Window) -> timedelta:
    """For how long positions were empty in the window, added up over all of them."""
    statement = select(Discrepancy.opened_at, Discrepancy.closed_at).where(
        Discrepancy.station_id.in_(station_ids),
        Discrepancy.kind == OUT_OF_STOCK,
        Discrepancy.state != DiscrepancyState.FALSE_CALL,
        or_(Discrepancy.closed_at.is_(None), Discrepancy.closed_at >= window.start),
        Discrepancy.opened_at <= window.now,
    )
    empty = timedelta()
    for opened_at, closed_at in session.execute(statement):
        empty += min(closed_at or window.now, window.now) - max(opened_at, window.start)
    return max(empty, timedelta())


def restock(session: Session, discrepancy_id: int, actor: str, note: str = "") -> Discrepancy:
    """Somebody says that a gap was filled: it is believed, and the next scans check it.

    The gap stays on the list, acknowledged, until clean scans resolve it, so that one which was
    not filled after all is not forgotten.

    Raises:
        NotFound: there is none.
        WrongState: it is resolved, or was a false call.
    """
    discrepancy = get_discrepancy(session, discrepancy_id)
    if discrepancy.state == DiscrepancyState.OPEN:
        discrepancy = acknowledge(session, discrepancy_id, actor, note)
    elif discrepancy.state != DiscrepancyState.ACKNOWLEDGED:
        raise WrongState(
            "discrepancy",
            discrepancy_id,
            discrepancy.state,
            (DiscrepancyState.OPEN, DiscrepancyState.ACKNOWLEDGED),
        )
    discrepancy.history.append(
        DiscrepancyEvent(
            discrepancy_id=discrepancy_id, action=RESTOCKED, actor=actor, note=note, at=utc_now()
        )
    )
    dispose(session, discrepancy.last_inspection_id, RESTOCKED, actor, note)
    return discrepancy
