"""Snoozing and undoing at a discrepancy's page, and what the lists then show."""

import re

import pytest
from flask.testing import FlaskClient

from db.engine import Database
from db.models import Discrepancy
from tests import factories
from tests.factories import Found
from tests.unit.dashboards.conftest import NOW, SAME_SITE

SCRIPT = SAME_SITE | {"X-Lineside": "script"}


@pytest.fixture
def opened(database: Database) -> Discrepancy:
    with database.sessions.begin() as session:
        site = factories.make_site(session, timezone="Europe/Vienna")
        station = factories.make_station(session, factories.make_line(session, site, key="vie"))
        camera = factories.make_camera(session, station)
        inspection = factories.decide(
            session, camera, "fail", found=[Found()], captured_at=NOW, detail="crack 4.8 mm"
        )
        return factories.make_discrepancy(session, inspection)


def act(client: FlaskClient, discrepancy: Discrepancy, action: str, **form: str) -> tuple[int, str]:
    path = f"/discrepancies/{discrepancy.id}/{action}"
    answer = client.post(path, data=form, headers=SCRIPT)
    return answer.status_code, answer.text


def test_what_is_snoozed_stands_in_its_own_list_until_it_wakes(
    client: FlaskClient, opened: Discrepancy
) -> None:
    row = f'data-key="d{opened.id}"'
    board = "/lines/vie/parts/discrepancies"
    assert row in client.get("/discrepancies").text
    status, text = act(client, opened, "snooze", hours="8")
    assert status == 200
    assert "20:00" in text  # eight hours after 12:00 in Vienna
    assert row not in client.get("/discrepancies").text
    asleep = client.get("/discrepancies?state=snoozed").text
    assert row in asleep
    assert "snoozed until" in asleep
    assert row not in client.get(board).text
    assert "1 snoozed" in client.get(board).text
    assert "Snoozed until" in client.get(f"/discrepancies/{opened.id}").text
    assert act(client, opened, "wake")[0] == 200
    assert row in client.get("/discrepancies").text
    assert row in client.get(board).text


@pytest.mark.parametrize("hours", ["", "0", "-1", "337", "x", "1e3", "²", "9" * 30])
def test_a_span_that_is_none_is_refused(
    client: FlaskClient, opened: Discrepancy, hours: str
) -> None:
    assert act(client, opened, "snooze", hours=hours)[0] == 400
    assert f'data-key="d{opened.id}"' in client.get("/discrepancies").text


@pytest.mark.parametrize("action", ["acknowledge", "resolve", "false-call", "snooze"])
def test_what_a_person_did_last_is_undone(
    client: FlaskClient, database: Database, opened: Discrepancy, action: str
) -> None:
    assert act(client, opened, action, hours="1")[0] == 200
    html = client.get(f"/discrepancies/{opened.id}").text
    event = re.search(r'name="event" value="(\d+)"', html)
    assert event is not None
    assert act(client, opened, "undo", event=event[1]) == (200, "Undone.")
    with database.reads() as session:
        row = session.get_one(Discrepancy, opened.id)
        assert (row.state, row.closed_at, row.snoozed_until) == ("open", None, None)
    assert act(client, opened, "undo", event=event[1])[0] in (400, 409)
    assert 'name="event"' not in client.get(f"/discrepancies/{opened.id}").text


@pytest.mark.parametrize("cycle", ["4", "3601", "x", "-5", "²", "9" * 30])
def test_a_cycle_that_is_none_is_refused(
    client: FlaskClient, opened: Discrepancy, cycle: str
) -> None:
    assert client.get(f"/lines/vie?cycle={cycle}").status_code == 400
    assert client.get("/lines/vie?cycle=30").status_code == 200
