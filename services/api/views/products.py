"""Products: what is made or sold, with what a gap on a shelf costs."""

from decimal import Decimal
from typing import Annotated, Any, Self

from flask import Response
from pydantic import Field

from db.access import Permission
from db.models import Product
from db.queries import products
from services.api import answers
from services.api.answers import REMOVED, answer, removed
from services.api.fields import Body, NewKey, NewName, Output, RefPath
from services.api.paging import PageQuery
from services.api.permissions import needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("products", "What is made or sold.")

Price = Annotated[
    float, Field(ge=0, le=9_999_999_999, description="Of one unit; rounded to hundredths.")
]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217, such as EUR.")]
Rate = Annotated[float, Field(ge=0, le=1_000_000, description="Units sold an hour.")]
_CENT = Decimal("0.01")


class ProductOut(Output):
    id: int
    key: str
    name: str
    price: float | None
    currency: str
    rate_per_hour: float | None

    @classmethod
    def of(cls, row: Product) -> Self:
        return cls.model_validate(row)


class ProductPage(Output):
    items: list[ProductOut]
    next: str | None


class NewProduct(Body):
    key: NewKey
    name: NewName
    price: Price | None = None
    currency: Currency = "EUR"
    rate_per_hour: Rate | None = None


class ProductChange(Body):
    name: NewName = Field(default_factory=str)
    price: Price | None = Field(None, description="null: not known.")
    currency: Currency = Field(default_factory=str)
    rate_per_hour: Rate | None = Field(None, description="null: not known.")


@blueprint.get("/products", responses=responses({200: ProductPage}))
@needs(Permission.VIEW)
def list_products(query: PageQuery) -> Response:
    """List products."""
    with values().database.reads() as session:
        rows = products.list_products(session, after=query.after, limit=query.limit)
    return answers.page(ProductPage, rows, ProductOut.of)


@blueprint.post("/products", responses=responses({201: ProductOut}, 400, 409, 413, 415))
@needs(Permission.LAB)
def create_product(body: NewProduct) -> Response:
    """Create a product. A recipe's positions name it by its key or its name."""
    with values().database.sessions.begin() as session:
        row = products.create_product(session, **_with_money(body.given()))
        session.refresh(row)
    return answer(ProductOut.of(row), 201, headers={"Location": f"/api/v1/products/{row.id}"})


@blueprint.get("/products/<ref>", responses=responses({200: ProductOut}, 404))
@needs(Permission.VIEW)
def get_product(path: RefPath) -> Response:
    """One product, by its id or key."""
    with values().database.reads() as session:
        row = products.get_product(session, path.ref)
    return answer(ProductOut.of(row))


@blueprint.patch("/products/<ref>", responses=responses({200: ProductOut}, 400, 404, 413, 415))
@needs(Permission.LAB)
def edit_product(path: RefPath, body: ProductChange) -> Response:
    """Change a product's name, price, currency or rate of sale. Its key stays."""
    with values().database.sessions.begin() as session:
        row = products.edit_product(session, path.ref, **_with_money(body.given()))
        session.refresh(row)
    return answer(ProductOut.of(row))


@blueprint.delete("/products/<ref>", responses=responses({204: REMOVED}, 404, 409))
@needs(Permission.LAB)
def remove_product(path: RefPath) -> Response:
    """Remove a product that no lot, no part and no recipe in use refers to."""
    with values().database.sessions.begin() as session:
        products.remove_product(session, path.ref)
    return removed()


def _with_money(given: dict[str, Any]) -> dict[str, Any]:
    if given.get("price") is None:
        return given
    # By its shortest decimal form, so that 1.15 is not 1.149999….
    return given | {"price": Decimal(repr(given["price"])).quantize(_CENT)}
