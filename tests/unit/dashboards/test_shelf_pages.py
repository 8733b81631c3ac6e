"""The shelf's pages as a store manager meets them: lists, walk, actions, and bad input."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from db.access import Role
from db.engine import Database
from db.models import Discrepancy, Inspection, Line
from db.queries import gap_work, snoozing
from db.queries.people import Grant
from tests import factories
from tests.signed_in import sign_in, sign_in_device
from tests.unit.dashboards.conftest import NOW, SAME_SITE, ToldEvents

NASTY = "<script>alert(1)</script>"


@dataclass(frozen=True)
class Aisle:
    """Gaps by the name of their position: A1 is worth least and comes first on the way."""

    site: str
    line: str
    line_id: int
    gaps: dict[str, int]

    def act(self, place: str, action: str) -> str:
        return f"/shelves/{self.line}/gaps/{self.gaps[place]}/{action}"


def make_aisle(database: Database, key: str = "aisle", **product: Any) -> Aisle:
    places = [
        {"name": f"A{number}", "product": f"Product {number}", "box": [x, 0.1, x + 0.2, 0.6]}
        | {"facings": 4, "price": float(number), "rate_per_hour": 2.0}
        | product
        for number, x in ((1, 0.1), (2, 0.4), (3, 0.7))
    ]
    with database.sessions.begin() as session:
        site = factories.make_site(session, key=f"site-of-{key}", timezone="Europe/Berlin")
        factories.make_shift(session, site, name="Open", starts_at=time(8), ends_at=time(20))
        line = factories.make_line(session, site, key=key, name=f"Aisle {key}", kind="shelf")
        recipe = factories.make_recipe_version(
            session, body=factories.recipe_body(positions=places)
        )
        station = factories.make_station(session, line, recipe=recipe, name="Bay 1")
        camera = factories.make_camera(session, station, interval_s=60.0)
        inspection = factories.decide(
            session,
            camera,
            "fail",
            counts=[("facings", str(place["name"]), 0, 1) for place in places],
            captured_at=NOW,
        )
        gaps = {
            str(place["name"]): factories.make_discrepancy(
                session,
                inspection,
                kind="out_of_stock",
                place=str(place["name"]),
                opened_at=NOW - timedelta(minutes=30),
            ).id
            for place in places
        }
        return Aisle(site.key, line.key, line.id, gaps)


@pytest.fixture
def aisle(database: Database) -> Aisle:
    return make_aisle(database)


def order_of(html: str) -> list[str]:
    """The products of the list, in its order."""
    return [piece.split("</a>")[0].split(">")[-1] for piece in html.split('class="product"')[1:]]


def event_of(database: Database, gap_id: int) -> int:
    with database.reads() as session:
        return gap_work.standing_actions(gap_work.histories(session, [gap_id])[gap_id])[-1].id


def test_the_list_is_by_worth_and_along_the_way(client: FlaskClient, aisle: Aisle) -> None:
    assert order_of(client.get("/shelves/aisle").text) == ["Product 3", "Product 2", "Product 1"]
    walk = client.get("/shelves/aisle?order=walk").text
    assert order_of(walk) == ["Product 1", "Product 2", "Product 3"]
    # Each part of the page is read again in the same order.
    assert "/shelves/aisle/parts/gaps?order=walk" in walk
    assert client.get("/shelves/aisle?order=price").status_code == 400


def test_money_has_its_currency_and_is_written_as_the_reader_writes_it(
    client: FlaskClient, aisle: Aisle
) -> None:
    assert "~€6.00 an hour" in client.get("/shelves/aisle").text
    german = client.get("/shelves/aisle", headers={"Accept-Language": "de"}).text
    assert "6,00\xa0€" in german


def test_what_cannot_be_filled_goes_to_the_end_and_says_why(
    client: FlaskClient, aisle: Aisle, events: ToldEvents
) -> None:
    form = {"reason": "supplier", "end": "opening"}
    answer = client.post(aisle.act("A3", "not-workable"), data=form, headers=SAME_SITE)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/shelves/aisle"
    html = client.get("/shelves/aisle").text
    assert order_of(html) == ["Product 2", "Product 1", "Product 3"]
    # Tomorrow at eight of the store's clock.
    assert "Not workable until 2 Jul 08:00: supplier does not deliver" in html
    assert events.told[-1]["discrepancy_id"] == aisle.gaps["A3"]
    client.post(aisle.act("A3", "workable"), headers=SAME_SITE)
    assert order_of(client.get("/shelves/aisle").text)[0] == "Product 3"


@pytest.mark.parametrize(
    ("form", "until"),
    [
        ({"end": "hour"}, datetime(2026, 7, 1, 11, tzinfo=UTC)),
        ({"end": "shift"}, datetime(2026, 7, 1, 18, tzinfo=UTC)),
        ({"end": "opening"}, datetime(2026, 7, 2, 6, tzinfo=UTC)),
        ({"end": "week"}, datetime(2026, 7, 8, 6, tzinfo=UTC)),
        ({"end": "at", "at": "2026-07-01T15:30"}, datetime(2026, 7, 1, 13, 30, tzinfo=UTC)),
    ],
)
def test_a_snoozed_gap_is_counted_but_not_listed(
    client: FlaskClient,
    database: Database,
    aisle: Aisle,
    form: dict[str, str],
    until: datetime,
) -> None:
    client.post(aisle.act("A3", "snooze"), data=form, headers=SAME_SITE)
    with database.reads() as session:
        assert session.get_one(Discrepancy, aisle.gaps["A3"]).snoozed_until == until
    html = client.get("/shelves/aisle").text
    assert order_of(html) == ["Product 2", "Product 1"]
    assert "1 snoozed" in html
    # The list is read again then at the latest.
    due = re.search(r'data-refresh-at="([^"]+)"', client.get("/shelves/aisle/parts/gaps").text)
    assert due is not None
    assert NOW < datetime.fromisoformat(due[1]) <= until
    client.post(aisle.act("A3", "wake"), headers=SAME_SITE)
    assert len(order_of(client.get("/shelves/aisle").text)) == 3


@pytest.mark.parametrize(
    ("action", "form"),
    [
        ("snooze", {}),
        ("snooze", {"end": "never"}),
        ("snooze", {"end": "at", "at": "2026-07-01T11:59"}),  # a minute ago in Berlin
        ("snooze", {"end": "at", "at": "2027-01-01T00:00"}),
        ("snooze", {"end": "at", "at": "tomorrow"}),
        ("snooze", {"end": "at"}),
        ("not-workable", {"end": "hour"}),
        ("not-workable", {"end": "hour", "reason": NASTY}),
        ("not-workable", {"reason": "supplier"}),
        ("undo", {}),
        ("undo", {"event": "1 OR 1=1"}),
        ("undo", {"event": "4711"}),
        ("restocked", {"note": "x" * 501}),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    client: FlaskClient, database: Database, aisle: Aisle, action: str, form: dict[str, str]
) -> None:
    answer = client.post(aisle.act("A3", action), data=form, headers=SAME_SITE)
    assert answer.status_code in (400, 409)
    assert NASTY not in answer.text
    with database.reads() as session:
        gap = session.get_one(Discrepancy, aisle.gaps["A3"])
        assert (gap.state, gap.revision, gap.snoozed_until) == ("open", 1, None)


@pytest.mark.parametrize(
    ("action", "form", "listed"),
    [
        ("restocked", {}, 3),
        ("acknowledge", {}, 3),
        ("false-call", {}, 2),
        ("snooze", {"end": "hour"}, 2),
        ("not-workable", {"end": "hour", "reason": "planogram"}, 3),
    ],
)
def test_each_action_is_offered_to_be_taken_back(
    client: FlaskClient,
    database: Database,
    aisle: Aisle,
    action: str,
    form: dict[str, str],
    listed: int,
) -> None:
    before = order_of(client.get("/shelves/aisle").text)
    client.post(aisle.act("A3", action), data=form, headers=SAME_SITE)
    html = client.get("/shelves/aisle").text
    assert len(order_of(html)) == listed
    event_id = event_of(database, aisle.gaps["A3"])
    assert f'name="event" value="{event_id}"' in html
    undo = {"event": str(event_id)}
    answer = client.post(aisle.act("A3", "undo"), data=undo, headers=SAME_SITE)
    assert answer.status_code == 303
    html = client.get("/shelves/aisle").text
    assert order_of(html) == before
    assert "Undo" not in html
    again = client.post(aisle.act("A3", "undo"), data=undo, headers=SAME_SITE)
    assert again.status_code in (400, 409)


def test_a_walk_stands_before_one_gap_and_leads_to_the_next(
    client: FlaskClient, aisle: Aisle
) -> None:
    one, two, three = (aisle.gaps[name] for name in ("A1", "A2", "A3"))
    html = client.get("/shelves/aisle/walk").text
    assert "1 of 3 to fill" in html
    assert ">Product 1</h2>" in html
    assert f"/shelves/aisle/walk?gap={two}" in html
    # A tap leads on to the next gap, and an undo back to this one.
    form = {"back": f"/shelves/aisle/walk?gap={two}"}
    answer = client.post(aisle.act("A1", "restocked"), data=form, headers=SAME_SITE)
    assert answer.headers["Location"] == f"/shelves/aisle/walk?gap={two}"
    html = client.get(f"/shelves/aisle/walk?gap={two}").text
    assert "1 of 2 to fill" in html
    assert "Undo" in html
    # The page that is read again stays where one stands.
    assert f'data-part="/shelves/aisle/walk/part?gap={two}"' in html
    assert ">Product 2</h2>" in client.get(f"/shelves/aisle/walk/part?gap={two}").text
    done = client.get(f"/shelves/aisle/walk?gap={one}").text
    assert "waiting for the next scan" in done
    for name in ("A2", "A3"):
        client.post(aisle.act(name, "restocked"), headers=SAME_SITE)
    assert "Nothing is left to fill" in client.get(f"/shelves/aisle/walk?gap={three}").text
    assert "You are through" in client.get("/shelves/aisle/walk").text


def test_a_walk_says_that_its_gap_has_closed(
    client: FlaskClient, database: Database, aisle: Aisle
) -> None:
    with database.sessions.begin() as session:
        gap = session.get_one(Discrepancy, aisle.gaps["A2"])
        gap.state, gap.closed_at = "resolved", NOW
    html = client.get(f"/shelves/aisle/walk?gap={aisle.gaps['A2']}").text
    assert "This gap is closed" in html
    assert f"walk?gap={aisle.gaps['A3']}" in html


def test_nobody_is_sent_to_another_site(client: FlaskClient, aisle: Aisle) -> None:
    for back in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"):
        answer = client.post(aisle.act("A1", "acknowledge"), data={"back": back}, headers=SAME_SITE)
        assert answer.headers.get("Location", "/shelves/aisle") == "/shelves/aisle"


def test_a_shelf_is_drawn_and_each_gap_leads_to_its_row(client: FlaskClient, aisle: Aisle) -> None:
    html = client.get("/shelves/aisle").text
    for name, gap_id in aisle.gaps.items():
        assert f'<a href="#gap-{gap_id}"' in html
        assert f'id="gap-{gap_id}"' in html
        assert f"Product {name[1]}, {name}: 0 of 4" in html
    assert html.count(">OUT</text>") == 3


def test_a_store_lists_its_aisles_and_all_their_gaps(
    client: FlaskClient, database: Database, aisle: Aisle
) -> None:
    html = client.get(f"/stores/{aisle.site}").text
    assert "/shelves/aisle" in html
    assert order_of(html) == ["Product 3", "Product 2", "Product 1"]
    assert "Aisle aisle · Bay 1" in html
    for name in ("summary", "aisles", "gaps"):
        assert client.get(f"/stores/{aisle.site}/parts/{name}").status_code == 200
    assert client.get(f"/stores/{aisle.site}/parts/nothing").status_code == 404
    assert client.get(f"/stores/{aisle.site}/walk").status_code == 200
    with database.sessions.begin() as session:
        factories.make_site(session, key="bare", name="Bare")
    assert "No aisle here yet" in client.get("/stores/bare").text
    assert client.get("/stores/bare/walk").status_code == 404
    assert client.get("/stores/nowhere").status_code == 404


def test_the_fortnight_is_drawn_and_exported(
    client: FlaskClient, database: Database, aisle: Aisle
) -> None:
    with database.sessions.begin() as session:
        camera = session.get_one(Line, aisle.line_id).stations[0].cameras[0]
        factories.decide(session, camera, "fail", captured_at=NOW - timedelta(minutes=50))
    html = client.get("/shelves/aisle/history").text
    assert "Product 3" in html
    rows = list(csv.DictReader(io.StringIO(client.get("/shelves/aisle/history.csv").text)))
    assert len(rows) == 14
    assert rows[-1]["day"] == "2026-07-01"
    # Empty for half of the one hour in which anybody looked.
    assert rows[-1]["on_shelf_availability"] == "0.5"
    assert rows[-2]["on_shelf_availability"] == ""


def test_names_are_text_wherever_they_come_from(client: FlaskClient, database: Database) -> None:
    aisle = make_aisle(database, "nasty", product=NASTY)
    for path in (
        "/shelves/nasty",
        "/shelves/nasty/walk",
        "/shelves/nasty/history",
        f"/stores/{aisle.site}",
    ):
        html = client.get(path).text
        assert NASTY not in html
        assert "&lt;script&gt;" in html or "history" in path


def test_who_has_another_aisle_finds_neither_page_nor_gap(
    app: Flask, database: Database, aisle: Aisle
) -> None:
    other = make_aisle(database, "other")
    manager = sign_in(app, Grant(Role.MANAGER, line_id=other.line_id))
    gap = aisle.gaps["A1"]
    for path in (
        "/shelves/aisle",
        "/shelves/aisle/parts/gaps",
        "/shelves/aisle/walk",
        "/shelves/aisle/history",
        "/shelves/aisle/history.csv",
        f"/stores/{aisle.site}",
        f"/stores/{aisle.site}/parts/gaps",
        f"/stores/{aisle.site}/walk",
        f"/shelves/other/walk?gap={gap}",
    ):
        assert manager.get(path).status_code == 404, path
    for path in (aisle.act("A1", "restocked"), f"/shelves/other/gaps/{gap}/restocked"):
        assert manager.post(path, headers=SAME_SITE).status_code == 404, path
    assert manager.post(other.act("A1", "restocked"), headers=SAME_SITE).status_code == 303
    # Also for somebody who may see both: a gap is acted on at its own aisle.
    admin = sign_in(app)
    wrong = f"/shelves/other/gaps/{gap}/restocked"
    assert admin.post(wrong, headers=SAME_SITE).status_code == 404


def test_a_store_shows_each_their_own_aisles(app: Flask, database: Database, aisle: Aisle) -> None:
    with database.sessions.begin() as session:
        site = session.get_one(Line, aisle.line_id).site
        hidden = factories.make_line(session, site, key="hidden", name="Not mine", kind="shelf")
        assert hidden.site_id == site.id
    everything = sign_in(app).get(f"/stores/{aisle.site}").text
    assert "Not mine" in everything
    mine = sign_in(app, Grant(Role.MANAGER, line_id=aisle.line_id))
    html = mine.get(f"/stores/{aisle.site}").text
    assert "Aisle aisle" in html
    assert "Not mine" not in html


def test_a_wall_board_shows_gaps_and_no_buttons(app: Flask, aisle: Aisle) -> None:
    wall = sign_in_device(app, aisle.line)
    html = wall.get("/shelves/aisle").text
    assert len(order_of(html)) == 3
    assert "Restocked" not in html
    assert wall.post(aisle.act("A1", "restocked"), headers=SAME_SITE).status_code in (403, 404)


def test_pages_cost_the_same_number_of_queries_however_many_gaps(
    client: FlaskClient,
    database: Database,
    aisle: Aisle,
    count_queries: Callable[[], Any],
) -> None:
    paths = (
        "/shelves/aisle",
        "/shelves/aisle/walk",
        "/shelves/aisle/history",
        f"/stores/{aisle.site}",
    )

    def asked() -> list[int]:
        found = []
        for path in paths:
            client.get(path)
            with count_queries() as statements:
                client.get(path)
            found.append(len(statements))
        return found

    before = asked()
    with database.sessions.begin() as session:
        line = session.get_one(Line, aisle.line_id)
        recipe_id = line.stations[0].recipe_version_id
        for _ in range(4):
            station = factories.make_station(session, line, recipe_version_id=recipe_id)
            camera = factories.make_camera(session, station)
            one = factories.decide(session, camera, "fail", captured_at=NOW)
            for place in ("A1", "A2", "A3"):
                factories.make_discrepancy(session, one, kind="out_of_stock", place=place)
    assert asked() == before
    assert max(before) <= 24, before


def test_a_bay_that_nobody_sees_is_said_in_large_letters(
    client: FlaskClient, database: Database, aisle: Aisle
) -> None:
    assert "NO DATA from" not in client.get("/shelves/aisle").text
    with database.sessions.begin() as session:
        station = session.get_one(Line, aisle.line_id).stations[0]
        station.cameras[0].interval_s = 1.0
        recipe_id = station.recipe_version_id
        line = session.get_one(Line, aisle.line_id)
        dark = factories.make_station(session, line, name="Dark bay", recipe_version_id=recipe_id)
        camera = factories.make_camera(session, dark, interval_s=1.0)
        factories.decide(session, camera, "fail", captured_at=NOW - timedelta(minutes=1))
    html = client.get("/shelves/aisle").text
    assert "NO DATA from Dark bay" in html
    assert html.count('class="position is-unknown"') == 3
    # A store says it as loudly; and each part that would otherwise go on showing what was true is
    # read again when the next bay grows old, though no event comes.
    store = client.get("/stores/site-of-aisle").text
    assert "NO DATA from Aisle aisle · Dark bay" in store
    for page, parts in (
        (html, ("gaps", "bays", "summary")),
        (store, ("gaps", "aisles", "summary")),
    ):
        for name in parts:
            tag = re.search(rf"<section[^>]*/parts/{name}[^>]*>", page)
            assert tag is not None
            assert "data-refresh-at" in tag[0], name


def test_a_bay_without_a_planogram_says_what_to_do(
    client: FlaskClient, database: Database, aisle: Aisle
) -> None:
    with database.sessions.begin() as session:
        line = session.get_one(Line, aisle.line_id)
        factories.make_station(session, line, name="Bare bay")
    assert "lineside planogram learn" in client.get("/shelves/aisle").text


def test_what_stands_where_something_else_belongs_is_listed_and_drawn(
    client: FlaskClient, database: Database, aisle: Aisle
) -> None:
    board = "/shelves/aisle"
    assert "To put back" not in client.get(board).text
    with database.sessions.begin() as session:
        gap = session.get_one(Discrepancy, aisle.gaps["A2"])
        inspection = session.get_one(Inspection, gap.last_inspection_id)
        strange = factories.make_discrepancy(
            session,
            inspection,
            kind="misplaced",
            place="A2",
            severity="warn",
            detail="milk misplaced at Product 2",
        ).id
    for path, where in ((board, "Bay 1 · A2"), ("/stores/site-of-aisle", "Aisle aisle · Bay 1")):
        html = client.get(path).text
        listed = html.split("To put back")[1]
        assert f"/discrepancies/{strange}" in listed
        assert "milk misplaced at Product 2" in listed
        assert where in listed
    html = client.get(board).text
    assert html.count('<g class="strange"') == 1
    # It is no gap: it has no number among them, and nothing is filled up.
    assert order_of(html) == ["Product 3", "Product 2", "Product 1"]
    assert "Restocked" not in client.get(f"/discrepancies/{strange}").text
    with database.sessions.begin() as session:
        snoozing.snooze(session, strange, NOW + timedelta(hours=1), "Ada", "", NOW)
    assert "To put back" not in client.get(board).text


def test_the_days_of_a_shelf_are_one_plain_link_away(client: FlaskClient, aisle: Aisle) -> None:
    assert re.search(
        r'<a class="button" href="/shelves/aisle/history">Last 14 days',
        client.get("/shelves/aisle").text,
    )
    assert 'href="/shelves/aisle/history"' in client.get("/stores/site-of-aisle").text
