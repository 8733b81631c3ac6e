"""The page of inspections: filtered as the address says, led to from where their class stands."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from db.access import Role
from db.engine import Database
from db.queries.people import Grant
from tests import factories
from tests.factories import Found
from tests.signed_in import sign_in
from tests.unit.dashboards.conftest import NOW


@pytest.fixture
def line(database: Database) -> Any:
    """A line in Vienna with one station, where fifty passed and then one failed by a crack."""
    with database.sessions.begin() as session:
        site = factories.make_site(session, timezone="Europe/Vienna")
        line = factories.make_line(session, site, key="press", name="Press")
        station = factories.make_station(session, line, key="press-1", name="Press 1")
        camera = factories.make_camera(session, station)
        for number in range(50):
            at = NOW - timedelta(minutes=60 - number)
            factories.decide(session, camera, captured_at=at)
        factories.decide(
            session, camera, "fail", captured_at=NOW, found=[Found(class_name="crack")]
        )
        return line


def cards(client: FlaskClient, query: str = "") -> list[int]:
    answer = client.get(f"/inspections{query}")
    assert answer.status_code == 200, answer.text
    main = answer.text.partition("<main")[2]
    return [int(id_) for id_ in re.findall(r'<a href="/inspections/(\d+)">', main)]


def test_the_pages_hold_all_the_newest_first(client: FlaskClient, line: Any) -> None:
    first = cards(client)
    assert first == list(range(51, 3, -1))
    older = re.search(r'rel="next" href="([^"]+)"', client.get("/inspections").text)
    assert older is not None
    assert cards(client, older[1].removeprefix("/inspections")) == [3, 2, 1]


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("?verdict=fail", 1),
        ("?class=crack", 1),
        ("?class=pit", 0),
        ("?class==1%2B1", 0),
        ("?station=press-1&verdict=fail", 1),
        ("?line=press&verdict=warn", 0),
        ("?reviewed=yes", 0),
        ("?verdict=fail&reviewed=no", 1),
        ("?model=4711", 0),
        # Summer time: twelve at noon in Vienna is ten o'clock in UTC.
        ("?from=2026-07-01T12:00", 1),
        ("?from=2026-07-01T12:01", 0),
        ("?from=2026-07-01T10:00:00%2B00:00", 1),
        ("?to=2026-07-01T11:02", 2),
    ],
)
def test_a_filter_lets_through_what_it_says(
    client: FlaskClient, line: Any, query: str, number: int
) -> None:
    assert len(cards(client, query)) == number


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?verdict=good", 400),
        ("?reviewed=perhaps", 400),
        ("?model=x", 400),
        ("?from=yesterday", 400),
        ("?to=9999-12-31T23:59-12:00", 400),
        ("?before=x", 400),
        ("?before=999999999999999999-1", 400),
        ("?station=nowhere", 404),
        ("?line=nowhere", 404),
    ],
)
def test_what_is_not_understood_is_said(
    client: FlaskClient, line: Any, query: str, status: int
) -> None:
    assert client.get(f"/inspections{query}").status_code == status


def test_it_is_reached_from_the_station_and_the_pareto(client: FlaskClient, line: Any) -> None:
    assert 'href="/inspections?station=press-1"' in client.get("/stations/press-1").text
    link = re.search(
        r'href="(/inspections\?[^"]*class=crack[^"]*)"', client.get("/lines/press").text
    )
    assert link is not None
    assert cards(client, link[1].replace("&amp;", "&").removeprefix("/inspections")) == [51]


def test_who_sees_another_line_sees_none_of_it(app: Flask, database: Database, line: Any) -> None:
    with database.sessions.begin() as session:
        other = factories.make_line(session, key="other", name="Other").id
    client = sign_in(app, Grant(Role.OPERATOR, line_id=other))
    assert cards(client) == []
    assert "Press" not in client.get("/inspections").text
    assert client.get("/inspections?station=press-1").status_code == 404
    assert client.get("/inspections?line=press").status_code == 404


def test_many_rows_cost_no_more_questions(
    client: FlaskClient, line: Any, count_queries: Any
) -> None:
    counted = []
    for query in ("?verdict=fail", ""):
        with count_queries() as statements:
            client.get(f"/inspections{query}")
        counted.append(len(statements))
    assert counted[0] == counted[1]
