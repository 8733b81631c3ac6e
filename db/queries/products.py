"""Products: what is made or sold, with price and rate of sale."""

from decimal import Decimal
from enum import Enum

from sqlalchemy import ColumnElement, false, select
from sqlalchemy.orm import Session

from db.errors import Conflict, NotFound
from db.models import Lot, Part, Product, RecipeRow, RecipeVersion, Station
from db.paging import Page, flush_new, page_of_entities
from db.queries.removal import Use, remove


class Unchanged(Enum):
    """In place of a value that a change leaves as it is, where None is a value."""

    PRICE_OR_RATE = "unchanged"


def list_products(session: Session, *, after: int | None, limit: int) -> Page[Product]:
    return page_of_entities(session, Product, select(Product), Product.id, after=after, limit=limit)


def get_product(session: Session, ref: str) -> Product:
    """A product by its id or key.

    Raises:
        NotFound: there is none.
    """
    which: ColumnElement[bool] = Product.key == ref
    if ref.isascii() and ref.isdigit():
        # Keys made by the API begin with a letter, but those that a recipe's names gave may be
        # digits alone.
        by_id = Product.id == int(ref) if len(ref) < 19 else false()
        product = session.scalars(select(Product).where(by_id)).one_or_none()
        if product is not None:
            return product
    product = session.scalars(select(Product).where(which)).one_or_none()
    if product is None:
        raise NotFound("product", ref)
    return product


def create_product(
    session: Session,
    key: str,
    name: str,
    *,
    price: Decimal | None = None,
    currency: str = "EUR",
    rate_per_hour: float | None = None,
) -> Product:
    """Write a new product; `rate_per_hour` is units sold an hour.

    Raises:
        Conflict: there is a product of that key.
    """
    product = Product(
        key=key, name=name, price=price, currency=currency, rate_per_hour=rate_per_hour
    )
    session.add(product)
    flush_new(session, "product", key)
    return product


def edit_product(
    session: Session,
    ref: str,
    *,
    name: str | None = None,
    currency: str | None = None,
    price: Decimal | Unchanged | None = Unchanged.PRICE_OR_RATE,
    rate_per_hour: float | Unchanged | None = Unchanged.PRICE_OR_RATE,
) -> Product:
    """Change what is given; price and rate may be None, which is "not known". Raises NotFound."""
    product = get_product(session, ref)
    if name is not None:
        product.name = name
    if currency is not None:
        product.currency = currency
    if not isinstance(price, Unchanged):
        product.price = price
    if not isinstance(rate_per_hour, Unchanged):
        product.rate_per_hour = rate_per_hour
    session.flush()
    return product


def remove_product(session: Session, ref: str) -> None:
    """Remove a product.

    Raises:
        NotFound: there is none.
        Conflict: lots or parts are of it, or a recipe that a station inspects by names it.
    """
    product = get_product(session, ref)
    named = session.execute(
        select(RecipeRow.name, RecipeVersion.version, RecipeVersion.body)
        .join(RecipeRow, RecipeRow.id == RecipeVersion.recipe_id)
        .where(RecipeVersion.id.in_(select(Station.recipe_version_id)))
        .order_by(RecipeVersion.id)
    )
    recipes = [
        f"{name} v{version}"
        for name, version, body in named
        if product.key in _products_of(body) or product.name in _products_of(body)
    ]
    if recipes:
        raise Conflict("product", f"{product.key!r} is named by recipes: {', '.join(recipes)}")
    uses = (Use("lots", Lot.product_id), Use("parts", Part.product_id))
    remove(session, "product", product, product.id, uses)


def _products_of(body: dict[str, object]) -> set[object]:
    positions = body.get("positions")
    return (
        {place.get("product") for place in positions if isinstance(place, dict)}
        if isinstance(positions, list)
        else set()
    )
