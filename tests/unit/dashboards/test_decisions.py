"""What a person decides at a station's page: what is written, said, told to screens, and undone."""

import re
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from db.access import Role
from db.engine import Database
from db.models import Disposition, Inspection, Review, Station
from db.queries.people import Grant
from tests import factories
from tests.factories import Found
from tests.signed_in import sign_in, sign_in_device
from tests.unit.dashboards.conftest import NOW, SAME_SITE, ToldEvents

SCRIPT = SAME_SITE | {"X-Lineside": "script"}


@pytest.fixture
def failed(database: Database) -> Inspection:
    with database.sessions.begin() as session:
        inspection = factories.decide(session, None, "fail", found=[Found()], captured_at=NOW)
        factories.make_discrepancy(session, inspection)
    return inspection


def post(client: FlaskClient, path: str, **form: str) -> tuple[int, str]:
    answer = client.post(path, data=form, headers=SCRIPT)
    return answer.status_code, answer.text


def last_of(client: FlaskClient, inspection: Inspection) -> str:
    """What the page's undo button would take back."""
    html = client.get(f"/inspections/{inspection.id}/parts/decisions").text
    found = re.search(r'name="last" value="([^"]+)"', html)
    assert found is not None, "nothing to undo"
    return found[1]


@pytest.mark.parametrize(
    ("action", "said", "review", "disposition"),
    [
        ("confirm", "confirmed", "confirmed", None),
        ("false-call", "false call", "false_call", None),
        ("use-as-is", "use as is", None, "use_as_is"),
        ("rework", "rework", None, "rework"),
        ("repair", "repair", None, "repair"),
        ("scrap", "scrap", None, "scrap"),
        ("return", "return", None, "return"),
    ],
)
def test_each_decision_is_written_with_who_made_it_said_and_undone(
    app: Flask,
    database: Database,
    failed: Inspection,
    events: ToldEvents,
    action: str,
    said: str,
    review: str | None,
    disposition: str | None,
) -> None:
    client = sign_in(app, name="Ada")
    status, text = post(client, f"/inspections/{failed.id}/decisions/{action}", note="seen")
    assert status == 200
    assert text.startswith(f"Inspection {failed.id}: {said}.")
    assert {"type": "decision", "station_id": failed.station_id, "inspection_id": failed.id} in (
        events.told
    )
    with database.reads() as session:
        reviews = [(row.verdict, row.actor, row.note) for row in session.scalars(select(Review))]
        done = [(row.action, row.actor, row.note) for row in session.scalars(select(Disposition))]
    assert reviews == ([(review, "Ada", "seen")] if review else [])
    assert done == ([(disposition, "Ada", "seen")] if disposition else [])
    status, text = post(client, f"/inspections/{failed.id}/undo", last=last_of(client, failed))
    assert status == 200
    assert text.startswith("Undone.")
    assert "Nobody has decided" not in client.get(f"/inspections/{failed.id}").text  # a history
    assert "Nobody has decided" in client.get("/stations/1").text


def test_a_false_call_says_what_became_of_the_discrepancy(
    client: FlaskClient, failed: Inspection, events: ToldEvents
) -> None:
    _status, text = post(client, f"/inspections/{failed.id}/decisions/false-call")
    assert "Its discrepancy is closed." in text
    assert events.told[-1]["type"] == "discrepancy"
    assert events.told[-1]["state"] == "false_call"
    _status, text = post(client, f"/inspections/{failed.id}/undo", last=last_of(client, failed))
    assert "Its discrepancy is open again." in text


def test_undoing_what_somebody_else_has_decided_since_is_refused(
    app: Flask, failed: Inspection
) -> None:
    ada, ben = sign_in(app, name="Ada"), sign_in(app, name="Ben")
    post(ada, f"/inspections/{failed.id}/decisions/confirm")
    seen = last_of(ada, failed)
    post(ben, f"/inspections/{failed.id}/decisions/false-call")
    status, text = post(ada, f"/inspections/{failed.id}/undo", last=seen)
    assert status in (400, 409)
    assert "since" in text


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("decisions/explode", {}, 404),
        ("decisions/missed", {}, 400),
        ("decisions/missed", {"class": "x" * 101}, 400),
        ("decisions/note", {"note": "  "}, 400),
        ("decisions/confirm", {"note": "x" * 1001}, 400),
        ("undo", {}, 400),
        ("undo", {"last": "review:x"}, 400),
        ("undo", {"last": "inspection:1"}, 400),
        ("undo", {"last": "review:4711"}, 404),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(
    client: FlaskClient,
    database: Database,
    failed: Inspection,
    path: str,
    form: dict[str, str],
    status: int,
) -> None:
    assert post(client, f"/inspections/{failed.id}/{path}", **form)[0] == status
    with database.reads() as session:
        assert session.scalars(select(Review)).all() == []


def test_a_missed_defect_is_reported_on_a_passed_image(
    client: FlaskClient, database: Database
) -> None:
    with database.sessions.begin() as session:
        passed = factories.decide(session, None, "pass", captured_at=NOW)
    html = client.get("/stations/1").text
    assert 'value="crack"' in html  # the recipe's class
    assert "False call" not in html.split("<dialog")[0]  # nothing was called
    _status, text = post(client, f"/inspections/{passed.id}/decisions/missed", **{"class": "crack"})
    assert text == f"Inspection {passed.id}: missed defect, crack."


def test_who_sees_another_line_can_neither_look_nor_decide(
    app: Flask, database: Database, failed: Inspection
) -> None:
    with database.sessions.begin() as session:
        other = factories.make_line(session, key="other")
        factories.make_station(session, other, key="theirs")
        line_id = other.id
    client = sign_in(app, Grant(Role.OPERATOR, line_id=line_id))
    assert client.get("/stations/theirs").status_code == 200
    for path in (
        "/stations/1",
        "/lines/1",
        "/lines/1/tiles/1",
        "/lines/1/parts/feed",
        f"/inspections/{failed.id}",
        f"/inspections/{failed.id}/parts/decisions",
        f"/events?stations={failed.station_id}",
    ):
        assert client.get(path).status_code == 404, path
    for path in ("decisions/confirm", "decisions/scrap", "undo"):
        status, _text = post(client, f"/inspections/{failed.id}/{path}", last="review:1")
        assert status == 404, path
    with database.reads() as session:
        assert session.scalars(select(Review)).all() == []
        assert session.scalars(select(Disposition)).all() == []


def test_a_wall_board_looks_and_does_not_decide(app: Flask, failed: Inspection) -> None:
    device = sign_in_device(app, "1")
    assert device.get("/stations/1").status_code == 200
    assert post(device, f"/inspections/{failed.id}/decisions/confirm")[0] == 403


def test_the_strip_holds_the_last_fails_and_says_how_many_are_to_decide(
    client: FlaskClient, database: Database
) -> None:
    with database.sessions.begin() as session:
        camera = factories.make_camera(session)
        fails = [factories.decide(session, camera, "fail", captured_at=NOW) for _ in range(52)]
        warned = factories.decide(session, camera, "warn", captured_at=NOW)
        passed = factories.decide(session, camera, "pass", captured_at=NOW)
    key = camera.station.key
    post(client, f"/inspections/{fails[-1].id}/decisions/scrap")
    html = client.get(f"/stations/{key}").text
    strip = html[html.index('class="strip') :]
    assert strip.count('data-key="s') == 50
    assert "49 to decide" in strip
    assert f'data-key="s{fails[-1].id}" class="decided"' in strip
    assert f'data-key="s{fails[0].id}"' not in strip
    assert f'data-key="s{warned.id}"' not in strip
    assert f'data-inspection="{passed.id}"' in html  # the newest is shown, though it is no fail
    assert f'data-key="s{warned.id}"' in client.get(f"/stations/{key}?only=deviating").text
    assert f'data-key="s{passed.id}"' in client.get(f"/stations/{key}?only=all").text
    assert client.get(f"/stations/{key}?only=nonsense").status_code == 400


def test_notes_and_classes_are_text_and_nothing_else(
    client: FlaskClient, failed: Inspection
) -> None:
    nasty = "<script>alert(1)</script>"
    post(client, f"/inspections/{failed.id}/decisions/note", note=nasty)
    post(client, f"/inspections/{failed.id}/decisions/missed", **{"class": nasty})
    for path in ("/stations/1", f"/inspections/{failed.id}"):
        html = client.get(path).text
        assert nasty not in html
        assert "&lt;script&gt;alert(1)" in html


def test_at_a_screen_nobody_is_named_at_the_page_leads_to_name_and_pin(
    app: Flask, failed: Inspection, database: Database
) -> None:
    with database.reads() as session:
        its = session.get_one(Inspection, failed.id)
        station = session.get_one(Station, its.station_id)
        key, line_key = station.key, station.line.key
    tablet = sign_in_device(app, line_key)
    page = f"/stations/{key}?inspection={failed.id}"
    for path, back in (
        (f"/stations/{key}", f"/stations/{key}"),
        (page, page),
        (f"/stations/{key}/parts/now?inspection={failed.id}&only=all", f"{page}&only=all"),
        (f"/inspections/{failed.id}", f"/inspections/{failed.id}"),
        ("/discrepancies/1", "/discrepancies/1"),
    ):
        html = tablet.get(path).text
        link = re.search(r'href="/pin\?back=([^"]+)">Sign in with name and PIN to decide', html)
        assert link is not None, path
        assert unquote(link[1]) == back
        assert "data-act" not in html, path
    for path in (f"/lines/{line_key}", "/discrepancies"):
        assert "data-act" not in tablet.get(path).text, path
    # A person, at a screen of their own, decides at once.
    html = sign_in(app, Grant(Role.OPERATOR)).get(page).text
    assert "data-decision" in html
    assert "to decide</a>" not in html
