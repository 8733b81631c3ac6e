"""What a person does with a discrepancy, and what that tells whom."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from db.engine import Database
from db.models import Alert, Discrepancy
from tests.factories import make_discrepancy, make_station
from tests.unit.services.api.conftest import KeptEvents


@pytest.fixture
def discrepancy(database: Database) -> Discrepancy:
    with database.sessions.begin() as session:
        return make_discrepancy(session)


def told(database: Database) -> list[str]:
    with database.reads() as session:
        return list(session.scalars(select(Alert.event)))


def test_acknowledge_then_resolve(
    client: FlaskClient, database: Database, discrepancy: Discrepancy, kept_events: KeptEvents
) -> None:
    path = f"/api/v1/discrepancies/{discrepancy.id}"
    answer = client.post(f"{path}/acknowledge", json={"actor": "Ada", "note": "on my way"})
    assert answer.status_code == 200
    assert answer.json is not None
    assert (answer.json["state"], answer.json["actor"]) == ("acknowledged", "Ada")
    assert told(database) == []
    answer = client.post(f"{path}/resolve")
    assert answer.json is not None
    assert answer.json["state"] == "resolved"
    assert answer.json["closed_at"] is not None
    assert answer.json["revision"] == 3
    assert told(database) == ["discrepancy.resolved"]
    history = client.get(path).json
    assert history is not None
    assert [(step["action"], step["actor"], step["note"]) for step in history["history"]] == [
        ("opened", None, ""),
        ("acknowledged", "Ada", "on my way"),
        ("resolved", "api", ""),
    ]
    assert [event["state"] for event in kept_events.events] == ["acknowledged", "resolved"]
    assert kept_events.events[0] == {
        "type": "discrepancy",
        "station_id": discrepancy.station_id,
        "discrepancy_id": discrepancy.id,
        "state": "acknowledged",
    }


@pytest.mark.parametrize(
    ("before", "verb"),
    [
        ("acknowledge", "acknowledge"),
        ("resolve", "acknowledge"),
        ("resolve", "resolve"),
        ("resolve", "false-call"),
        ("false-call", "resolve"),
        ("false-call", "acknowledge"),
    ],
)
def test_the_wrong_state_is_409_and_changes_nothing(
    client: FlaskClient,
    database: Database,
    discrepancy: Discrepancy,
    kept_events: KeptEvents,
    before: str,
    verb: str,
) -> None:
    path = f"/api/v1/discrepancies/{discrepancy.id}"
    assert client.post(f"{path}/{before}").status_code == 200
    first, alerts = client.get(path).json, told(database)
    answer = client.post(f"{path}/{verb}")
    assert (answer.status_code, answer.mimetype) == (409, "application/problem+json")
    assert client.get(path).json == first
    assert told(database) == alerts
    assert len(kept_events.events) == 1


def test_a_false_call_ends_it_and_tells_who_was_told_of_its_opening(
    client: FlaskClient, database: Database, discrepancy: Discrepancy
) -> None:
    answer = client.post(f"/api/v1/discrepancies/{discrepancy.id}/false-call", json={})
    assert answer.json is not None
    assert answer.json["state"] == "false_call"
    assert told(database) == ["discrepancy.resolved"]


def test_after_its_end_the_same_place_can_open_again(
    client: FlaskClient, database: Database, discrepancy: Discrepancy
) -> None:
    assert client.post(f"/api/v1/discrepancies/{discrepancy.id}/resolve").status_code == 200
    with database.sessions.begin() as session:
        make_discrepancy(session, station_id=discrepancy.station_id, place=discrepancy.place)


def test_filters(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        station = make_station(session, key="here")
        crack = make_discrepancy(session, station_id=station.id, kind="crack").id
        gap = make_discrepancy(session, kind="out_of_stock", state="resolved").id
        seen = make_discrepancy(session, kind="low", state="acknowledged").id

    def ids(query: str) -> list[int]:
        answer = client.get(f"/api/v1/discrepancies?{query}").json
        assert answer is not None
        return [item["id"] for item in answer["items"]]

    assert ids("") == [seen, gap, crack]
    assert ids("state=open") == [crack]
    assert ids("state=open&state=acknowledged") == [seen, crack]
    assert ids("station=here") == [crack]
    assert ids("kind=out_of_stock") == [gap]
    assert ids("limit=1") == [seen]


def test_alerts_are_listed_with_their_payload(
    client: FlaskClient, discrepancy: Discrepancy
) -> None:
    client.post(f"/api/v1/discrepancies/{discrepancy.id}/resolve")
    answer = client.get(f"/api/v1/alerts?discrepancy_id={discrepancy.id}").json
    assert answer is not None
    (alert,) = answer["items"]
    assert alert["event"] == "discrepancy.resolved"
    assert alert["payload"]["state"] == "resolved"
    assert alert["deliveries"] == []
