"""Rules and channels over the API: written, read back, and no address among what comes out."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from db.engine import Database
from db.models import Alert, AlertChannel, Delivery
from tests import factories

WEBHOOK = {
    "name": "Chat",
    "kind": "webhook",
    "url": "https://hooks.example/T0/very-secret",
    "secret": "0123456789abcdef",
}


def add_channel(client: FlaskClient, **fields: Any) -> Any:
    return client.post("/api/v1/alert-channels", json=WEBHOOK | fields)


def test_an_address_goes_in_and_never_comes_out(client: FlaskClient, database: Database) -> None:
    made = add_channel(client)
    assert made.status_code == 201
    path = made.headers["Location"]
    changed = client.patch(path, json={"name": "Other", "enabled": True})
    for answer in (made, changed, client.get(path), client.get("/api/v1/alert-channels")):
        assert "very-secret" not in answer.text
        assert "https://hooks.example/…" in answer.text
    with database.reads() as session:
        assert "very-secret" not in str(session.scalars(select(AlertChannel.secret)).one())


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://x/very-secret"},
        {"secret": "short"},
        {"kind": "apprise"},
        {"kind": "apprise", "url": "gnome://very-secret"},
        {"kind": "mail", "url": "smtp://very-secret@mail.example"},
        {"site_id": 1, "line_id": 1},
    ],
)
def test_a_wrong_address_is_refused_and_not_shown(client: FlaskClient, wrong: Any) -> None:
    answer = add_channel(client, **wrong)
    assert answer.status_code == 422
    assert "very-secret" not in answer.text


def test_a_test_is_asked_for(client: FlaskClient) -> None:
    path = add_channel(client).headers["Location"]
    answer = client.post(f"{path}/test")
    assert answer.status_code == 202
    assert answer.json is not None
    assert answer.json["test_asked_at"] is not None
    client.patch(path, json={"enabled": False})
    assert client.post(f"{path}/test").status_code == 409


def test_a_rule_is_written_read_replaced_snoozed_and_removed(
    client: FlaskClient, database: Database
) -> None:
    channel = add_channel(client).json["id"]
    with database.sessions.begin() as session:
        line = factories.make_line(session).id
    said = {
        "name": "Night",
        "channels": [channel],
        "line_id": line,
        "kinds": ["crack"],
        "open_for_s": 300,
        "quiet_from": "22:00",
        "quiet_to": "06:00",
        "escalate_after_s": 900,
        "escalation_channels": [channel],
    }
    made = client.post("/api/v1/alert-rules", json=said)
    assert made.status_code == 201
    path = made.headers["Location"]
    read = client.get(path).json
    assert read is not None
    assert {name: read[name] for name in said} == said
    assert client.delete(f"/api/v1/alert-channels/{channel}").status_code == 409
    changed = client.put(path, json=said | {"name": "Day", "enabled": False})
    assert changed.json is not None
    assert (changed.json["name"], changed.json["revision"]) == ("Day", 2)
    late = client.post(f"{path}/snooze", json={"until": "2020-01-01T00:00:00Z"})
    assert late.status_code == 422
    assert client.post(f"{path}/snooze", json={"until": None}).status_code == 200
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.delete(f"/api/v1/alert-channels/{channel}").status_code == 204


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"channels": []}, 422),
        ({"channels": [4711]}, 404),
        ({"line_id": 4711}, 404),
        ({"line_id": 1, "site_id": 1}, 422),
        ({"quiet_from": "22:00"}, 422),
        ({"quiet_from": "25:00", "quiet_to": "06:00"}, 422),
        ({"escalate_after_s": 60}, 422),
        ({"open_for_s": -1}, 422),
        ({"min_severity": "pass"}, 422),
        ({"unknown": 1}, 422),
    ],
)
def test_a_wrong_rule_is_refused(client: FlaskClient, wrong: Any, status: int) -> None:
    channel = add_channel(client).json["id"]
    answer = client.post("/api/v1/alert-rules", json={"name": "r", "channels": [channel]} | wrong)
    assert answer.status_code == status
    assert client.get("/api/v1/alert-rules").json == {"items": [], "next": None}


def test_a_delivery_that_was_given_up_is_tried_again(
    client: FlaskClient, database: Database
) -> None:
    with database.sessions.begin() as session:
        discrepancy = factories.make_discrepancy(session)
        alert = Alert(discrepancy_id=discrepancy.id, event="x", idempotency_key="k", payload={})
        session.add(alert)
        session.flush()
        session.add(Delivery(alert_id=alert.id, channel="smtp", state="failed", attempts=12))
    answer = client.post("/api/v1/deliveries/1/again")
    assert answer.json is not None
    assert (answer.json["state"], answer.json["attempts"]) == ("due", 0)
    assert client.post("/api/v1/deliveries/1/again").status_code == 409
    assert client.post("/api/v1/deliveries/4711/again").status_code == 404
