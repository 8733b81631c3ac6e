"""The sample plant: what `lineside up` shows on a host where nobody has set up anything yet.

A line station that replays drawn surfaces with and without defects, and a shelf that loses and
regains items. Prices, rates of sale and scale are made up, and their names say "sample".
"""

from datetime import time
from decimal import Decimal
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Camera, Product, Shift, Station
from db.queries import recipes, stations
from inspection.recipe import Recipe
from inspection.recipes.file import load_recipe

SITE_KEY = "sample"
SURFACE_STATION_KEY = "sample-surface"
SHELF_STATION_KEY = "sample-shelf"
# The drawn surfaces are 512 px wide; as a part of 51.2 mm a crack of 80 px is 8 mm long.
SURFACE_MM_PER_PX = 0.1

_SHIFTS = (
    ("early", time(6), time(14)),
    ("late", time(14), time(22)),
    ("night", time(22), time(6)),
)


def seed_if_empty(session: Session) -> bool:
    """Add the sample plant where there is no station at all. Says whether it did."""
    if session.scalar(select(Station.id).limit(1)) is not None:
        return False
    _site(session)
    line = stations.create_line(session, SITE_KEY, "line-1", "Sample line 1", "production")
    aisle = stations.create_line(session, SITE_KEY, "aisle-1", "Sample aisle 1", "shelf")
    surface, shelf = load_recipe("surface-sample"), load_recipe("shelf-sample")

    _station(session, line.key, SURFACE_STATION_KEY, "Surface", surface, "sample-surfaces")
    stations.add_calibration(
        session, SURFACE_STATION_KEY, SURFACE_MM_PER_PX, note="made up for the sample plant"
    )
    session.add(Product(key="sample-plate", name="Sample plate", price=Decimal("12.50")))

    _station(session, aisle.key, SHELF_STATION_KEY, "Shelf bay 1", shelf, "sample-shelf")
    add_products(session, shelf)
    return True


def _site(session: Session) -> None:
    site = stations.create_site(session, SITE_KEY, "Sample plant", local_timezone())
    for name, starts_at, ends_at in _SHIFTS:
        session.add(Shift(site_id=site.id, name=name, starts_at=starts_at, ends_at=ends_at))


def _station(
    session: Session, line_key: str, key: str, name: str, recipe: Recipe, camera_kind: str
) -> None:
    station = stations.create_station(session, line_key, key, name)
    version, _ = recipes.draft(session, recipe)
    recipes.activate(session, key, version.id)
    session.add(
        Camera(
            station_id=station.id,
            key=f"{key}-camera",
            name=f"{name} camera",
            kind=camera_kind,
            options={"seed": 1},
        )
    )
    session.flush()


def add_products(session: Session, recipe: Recipe) -> None:
    """Write the products that a recipe's positions name and that nobody has written yet."""
    known = set(session.scalars(select(Product.key)))
    for position in recipe.positions:
        key = product_key(position.product)
        if key in known:
            continue
        known.add(key)
        price = None if position.price is None else Decimal(str(position.price))
        session.add(
            Product(
                key=key,
                name=position.product,
                price=price,
                rate_per_hour=position.rate_per_hour,
            )
        )


def product_key(name: str) -> str:
    """A key of at most 64 letters, digits and hyphens."""
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    return "-".join(words)[:64]


def local_timezone() -> str:
    """This host's time zone as an IANA name; UTC where the host does not say."""
    from tzlocal import get_localzone_name

    name = get_localzone_name()
    return name if name in available_timezones() else "UTC"
