"""Products and shifts: made, listed, changed, removed."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from db.engine import Database
from db.models import Lot, Part, Product
from db.queries.shifts import current_window
from db.queries.stations import get_site
from tests.factories import make_recipe_version, make_site, make_station, recipe_body
from tests.unit.services.api.test_places import create, items
from tests.unit.services.api.test_plant_edits import change, refused, removed

POSITION = {"name": "A1", "box": [0, 0, 1, 1], "facings": 4}


def test_a_product_is_made_and_changed(client: FlaskClient) -> None:
    milk = create(client, "products", key="milk", name="Oat milk", price=2.495, rate_per_hour=6)
    assert {**milk, "id": 0} == {
        "id": 0,
        "key": "milk",
        "name": "Oat milk",
        "price": 2.5,  # half to even, in hundredths
        "currency": "EUR",
        "rate_per_hour": 6.0,
    }
    assert items(client, "products") == [milk]
    assert change(client, "products/milk", price=1.15) == {**milk, "price": 1.15}
    assert change(client, "products/milk", price=None, currency="CHF")["price"] is None
    found = change(client, f"products/{milk['id']}", rate_per_hour=None, name="Milk")
    assert (found["rate_per_hour"], found["name"], found["currency"]) == (None, "Milk", "CHF")
    again = client.post("/api/v1/products", json={"key": "milk", "name": "x"})
    assert again.status_code == 409
    removed(client, "products/milk")


@pytest.mark.parametrize(
    "body",
    [{"price": -1}, {"price": "2"}, {"currency": "euro"}, {"currency": None}, {"rate": 1}],
)
def test_what_no_product_is_is_refused(client: FlaskClient, body: dict[str, Any]) -> None:
    create(client, "products", key="milk", name="Oat milk")
    answer = client.patch("/api/v1/products/milk", json=body)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")


def test_a_product_that_something_names_stays(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        rows = {key: Product(key=key, name=f"The {key}") for key in ("made", "milk", "tea", "old")}
        session.add_all(rows.values())
        session.flush()
        lot = Lot(code="L1", product_id=rows["made"].id)
        session.add(lot)
        session.flush()
        session.add(Part(serial="1", product_id=rows["made"].id, lot_id=lot.id))
        body = recipe_body(
            positions=[{**POSITION, "product": "milk"}, {**POSITION, "product": "The tea"}]
        )
        make_station(session, recipe=make_recipe_version(session, body=body))
        # No station inspects by this one.
        make_recipe_version(session, body=recipe_body(positions=[{**POSITION, "product": "old"}]))
    assert "lots: 1, parts: 1" in refused(client, "products/made")
    assert "named by recipes: tile-" in refused(client, "products/milk")
    assert "named by recipes: tile-" in refused(client, "products/tea")
    removed(client, "products/old")


def test_shifts_are_what_boards_count_by(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        make_site(session, key="north", timezone="Europe/Vienna")
    noon = datetime(2026, 7, 1, 10, tzinfo=UTC)  # 12:00 there

    def running() -> str | None:
        with database.reads() as session:
            return current_window(session, get_site(session, "north"), noon).name

    early = client.post(
        "/api/v1/sites/north/shifts",
        json={"name": "Early", "starts_at": "06:00", "ends_at": "14:00"},
    )
    assert early.status_code == 201
    path = f"shifts/{early.json['id']}"
    assert early.headers["Location"] == f"/api/v1/{path}"
    assert items(client, "sites/north/shifts") == [early.json]
    assert running() == "Early"
    late = {"name": "Late", "starts_at": "22:00", "ends_at": "06:00"}
    assert client.post("/api/v1/sites/north/shifts", json=late).status_code == 201
    assert change(client, path, ends_at="12:00")["starts_at"] == "06:00"
    assert running() is None
    assert client.patch(f"/api/v1/{path}", json={"name": "Late"}).status_code == 409
    assert change(client, path, name="Morning", ends_at="13:30")["ends_at"] == "13:30"
    assert running() == "Morning"
    removed(client, path)
    assert running() is None


@pytest.mark.parametrize("at", ["24:00", "6:00", "06:60", "06:00:00", 6, None])
def test_a_time_of_day_is_written_in_one_way(
    client: FlaskClient, database: Database, at: object
) -> None:
    with database.sessions.begin() as session:
        make_site(session, key="north")
    body = {"name": "Early", "starts_at": at, "ends_at": "14:00"}
    assert client.post("/api/v1/sites/north/shifts", json=body).status_code == 422
