"""What the shelf board shows: the planogram's positions, what was seen there, and gaps."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.models import Discrepancy, MeasurementRow, Product, RecipeVersion
from inspection.recipe import Recipe
from inspection.shelves.counting import MISPLACED
from inspection.verdicts import DiscrepancyState

OUT_OF_STOCK, LOW = "out_of_stock", "low"
GAP_KINDS = (OUT_OF_STOCK, LOW)


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
    # Nothing is said of the finding, of which a count has none: SQLite would go through all that
    # have none, which is nearly every measurement of a shelf.
    statement = select(
        MeasurementRow.inspection_id, MeasurementRow.place, MeasurementRow.value
    ).where(MeasurementRow.inspection_id.in_(inspection_ids), MeasurementRow.name == "facings")
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
    return _unresolved(session, station_ids, GAP_KINDS)


def unresolved_misplaced(session: Session, station_ids: Collection[int]) -> Sequence[Discrepancy]:
    """Positions of the stations at which something else stands, open and acknowledged."""
    return _unresolved(session, station_ids, (MISPLACED,))


def _unresolved(
    session: Session, station_ids: Collection[int], kinds: Collection[str]
) -> Sequence[Discrepancy]:
    statement = select(Discrepancy).where(
        Discrepancy.station_id.in_(station_ids),
        Discrepancy.state.in_((DiscrepancyState.OPEN, DiscrepancyState.ACKNOWLEDGED)),
        Discrepancy.kind.in_(kinds),
    )
    return session.scalars(statement).all()


def closed_gaps(
    session: Session, station_ids: Collection[int], since: datetime
) -> Sequence[Discrepancy]:
    """Gaps that were closed, or called false, since a moment."""
    statement = select(Discrepancy).where(
        Discrepancy.station_id.in_(station_ids),
        Discrepancy.closed_at >= since,
        Discrepancy.kind.in_(GAP_KINDS),
    )
    return session.scalars(statement).all()
