"""What programs say of results, and take back."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from db.engine import Database
from db.queries.dispositions import take_disposition_back
from tests import factories
from tests.factories import Found
from tests.unit.services.api.conftest import KeptEvents


@pytest.fixture
def failed(database: Database) -> int:
    """An inspection that failed, with one finding and one open discrepancy."""
    with database.sessions.begin() as session:
        inspection = factories.decide(session, verdict="fail", found=[Found()])
        factories.make_discrepancy(session, inspection)
        return inspection.id


def post(client: FlaskClient, path: str, **body: Any) -> tuple[int, Any]:
    answer = client.post(f"/api/v1/inspections/{path}", json=body)
    return answer.status_code, answer.json


def test_a_false_call_closes_what_rests_on_it_and_undoing_opens_it_again(
    client: FlaskClient, failed: int, kept_events: KeptEvents
) -> None:
    status, said = post(client, f"{failed}/reviews", verdict="false_call", actor="Bo", note="dust")
    assert status == 201
    assert (said["closed"], said["reopened"]) == ([1], [])
    assert said["review"]["actor"] == "Bo"
    assert [each["type"] for each in kept_events.events] == ["decision", "discrepancy"]
    assert post(client, f"{failed}/reviews", verdict="false_call")[0] == 200

    review_id = said["review"]["id"]
    status, back = post(client, f"{failed}/reviews/{review_id}/undo")
    assert status == 201
    assert (back["closed"], back["reopened"]) == ([], [1])
    assert (back["review"]["verdict"], back["review"]["undoes_id"]) == ("withdrawn", review_id)
    assert kept_events.events[-1]["state"] == "open"
    assert post(client, f"{failed}/reviews/{review_id}/undo")[0] == 409

    listed = client.get(f"/api/v1/inspections/{failed}/reviews").json
    assert listed is not None
    assert [each["verdict"] for each in listed["items"]] == ["withdrawn", "false_call"]
    assert listed["standing"] == []


def test_what_holds_is_one_of_each_subject(client: FlaskClient, failed: int) -> None:
    said = [
        post(client, f"{failed}/reviews", **body)[1]["review"]["id"]
        for body in (
            {"verdict": "confirmed"},
            {"verdict": "false_call", "finding_id": 1},
            {"verdict": "missed", "class": "crack"},
            {"verdict": "confirmed", "finding_id": 1},
        )
    ]
    listed = client.get(f"/api/v1/inspections/{failed}/reviews").json
    assert listed is not None
    assert listed["standing"] == [said[0], said[2], said[3]]
    assert {each["class"] for each in listed["items"]} == {"", "crack"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"verdict": "withdrawn"}, 422),
        ({"verdict": "missed"}, 422),
        ({"verdict": "confirmed", "class": "crack"}, 422),
        ({"verdict": "noted"}, 422),
        ({"verdict": "noted", "note": "x" * 1001}, 422),
        ({"verdict": "missed", "class": "a\nb"}, 422),
        ({"verdict": "confirmed", "finding_id": 999}, 404),
        ({"verdict": "confirmed", "finding_id": "1"}, 422),
        ({"verdict": "confirmed", "colour": "red"}, 422),
    ],
)
def test_what_cannot_be_said_is_explained(
    client: FlaskClient, failed: int, body: dict[str, Any], status: int
) -> None:
    assert post(client, f"{failed}/reviews", **body)[0] == status
    listed = client.get(f"/api/v1/inspections/{failed}/reviews").json
    assert listed is not None
    assert listed["items"] == []


def test_of_what_is_not_there_nothing_is_said(client: FlaskClient, failed: int) -> None:
    assert client.get("/api/v1/inspections/999/reviews").status_code == 404
    assert post(client, "999/reviews", verdict="confirmed")[0] == 404
    assert post(client, f"{failed}/reviews/999/undo")[0] == 404


def test_a_disposition_says_which_one_it_takes_back(
    client: FlaskClient, failed: int, database: Database
) -> None:
    _, made = post(client, f"{failed}/dispositions", action="scrap")
    assert made["undoes_id"] is None
    with database.sessions.begin() as session:
        take_disposition_back(session, failed, made["id"], "Ada")
    listed = client.get(f"/api/v1/inspections/{failed}/dispositions").json
    assert listed is not None
    assert [each["undoes_id"] for each in listed["items"]] == [made["id"], None]
