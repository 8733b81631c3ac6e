"""What ought to stand at the stations of some aisles, and what the newest scans saw there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from db.models import Product
from db.queries import shelves
from db.queries.boards import StationNow
from inspection.recipe import Position, Recipe


@dataclass(frozen=True)
class Planograms:
    """What ought to stand at the stations of some aisles."""

    stations: Sequence[StationNow]
    recipes: Mapping[int, Recipe]  # by version
    products: Mapping[str, Product]  # by key and by name
    seen: Mapping[tuple[int, str], int]  # by inspection and position

    def recipe(self, each: StationNow) -> Recipe | None:
        return self.recipes.get(each.station.recipe_version_id or 0)

    def facings(self) -> dict[tuple[int, str], int]:
        return {
            (each.station.id, place.name): place.facings
            for each in self.stations
            if (recipe := self.recipe(each)) is not None
            for place in recipe.positions
        }

    def sales(self, place: Position) -> tuple[float | None, float | None, str]:
        """Price and units an hour, of the position itself or else of its product; currency."""
        product = self.products.get(place.product)
        price, rate = place.price, place.rate_per_hour
        if product is not None and price is None and product.price is not None:
            price = float(product.price)
        if product is not None and rate is None:
            rate = product.rate_per_hour
        return price, rate, product.currency if product else "EUR"

    def product_name(self, place: Position) -> str:
        product = self.products.get(place.product)
        return product.name if product else place.product


def planograms(session: Session, stations: Sequence[StationNow]) -> Planograms:
    versions = {each.station.recipe_version_id or 0 for each in stations}
    recipes = shelves.recipes_by_version(session, versions)
    names = (place.product for recipe in recipes.values() for place in recipe.positions)
    return Planograms(
        stations=stations,
        recipes=recipes,
        products=shelves.products_named(session, names),
        seen=shelves.seen_at(session, [each.inspection.id for each in stations if each.inspection]),
    )
