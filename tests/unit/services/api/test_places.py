"""Sites, lines, stations, calibrations, cameras: made, listed, and their passwords kept."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from structlog.testing import capture_logs

from db.credentials import SecretBox, join_url
from db.engine import Database
from db.models import Camera, CameraMinute
from services.api.values import ApiValues
from tests.factories import make_camera, make_station
from tests.unit.services.api.conftest import KeptEvents


def create(client: FlaskClient, what: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/api/v1/{what}", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] | None = answer.json
    assert made is not None
    assert client.get(answer.headers["Location"]).json == made
    return made


def items(client: FlaskClient, path: str) -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    found: list[dict[str, Any]] = answer.json["items"]
    return found


def test_a_plant_is_made_from_site_to_station(client: FlaskClient) -> None:
    site = create(client, "sites", key="north", name="Plant North", timezone="Europe/Vienna")
    line = create(client, "lines", site="north", key="press", name="Press")
    shelf = create(client, "lines", site=str(site["id"]), key="aisle", name="A", kind="shelf")
    station = create(client, "stations", line="press", key="press-1", name="Press 1")
    assert (station["recipe"], station["camera_ids"]) == (None, [])
    assert [row["key"] for row in items(client, "lines?site=north")] == ["press", "aisle"]
    assert items(client, f"stations?line={line['id']}") == [station]
    assert items(client, f"stations?line={shelf['key']}") == []


def test_a_key_is_taken_once(client: FlaskClient) -> None:
    create(client, "sites", key="north", name="Plant North")
    answer = client.post("/api/v1/sites", json={"key": "north", "name": "Another"})
    assert (answer.status_code, answer.mimetype) == (409, "application/problem+json")


@pytest.mark.parametrize("key", ["7", "1a", "a b", "a/b", "ä", "", "x" * 65, "-a"])
def test_a_key_that_could_be_mistaken_is_refused(client: FlaskClient, key: str) -> None:
    answer = client.post("/api/v1/sites", json={"key": key, "name": "North"})
    assert answer.status_code == 422


def test_sites_come_in_pages(client: FlaskClient) -> None:
    for number in range(3):
        create(client, "sites", key=f"s{number}", name="S")
    first = client.get("/api/v1/sites?limit=2").json
    assert first is not None
    assert [row["key"] for row in first["items"]] == ["s0", "s1"]
    second = client.get(f"/api/v1/sites?limit=2&cursor={first['next']}").json
    assert second is not None
    assert [row["key"] for row in second["items"]] == ["s2"]
    assert second["next"] is None


def test_the_newest_calibration_comes_first(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        key = make_station(session).key
    for mm_per_px in (0.1, 0.2):
        answer = client.post(
            f"/api/v1/stations/{key}/calibrations",
            json={"mm_per_px": mm_per_px, "expires_at": "2036-01-01T00:00:00Z"},
        )
        assert answer.status_code == 201
    found = items(client, f"stations/{key}/calibrations")
    assert [row["mm_per_px"] for row in found] == [0.2, 0.1]
    for body in ({"mm_per_px": 0}, {"mm_per_px": 1, "expires_at": "2020-01-01T00:00:00Z"}):
        answer = client.post(f"/api/v1/stations/{key}/calibrations", json=body)
        assert answer.status_code == 422


def test_a_password_goes_in_and_never_comes_out(
    client: FlaskClient, database: Database, values: ApiValues
) -> None:
    with database.sessions.begin() as session:
        station = make_station(session).key
    url = "rtsp://joe:top%20secret@10.0.0.7:554/live?channel=1"
    with capture_logs() as logs:
        made = create(client, "cameras", station=station, key="gate", kind="rtsp", source=url)
        shown = [
            client.get(path).text
            for path in ("/api/v1/cameras", "/api/v1/cameras/gate", "/api/v1/stations")
        ]
    assert made["source"] == "rtsp://10.0.0.7:554/live?channel=1"
    assert made["has_password"] is True
    for text in (*shown, str(made), str(logs)):
        assert "secret" not in text
        assert "joe" not in text
    with database.reads() as session:
        row = session.scalars(select(Camera)).one()
    assert row.secret is not None
    assert "secret" not in row.secret
    box: SecretBox = values.secrets()
    assert join_url(row.source, box.unlock(row.secret)) == url


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("rtsp", "rtsp://joe:p@ss@w/rd@host/live"),
        ("rtsp", "rtsp://joe:secretword@/live"),
        ("rtsp", "file:///etc/secretword"),
        ("rtsp", "joe:secretword"),
        ("file", "clips/secretword.mp4"),
        ("push", "secretword"),
        ("file", "/etc/passwd"),
        ("rtsp", "rtsp://joe:secretword@169.254.169.254/live"),
        ("fax", "secretword"),
    ],
)
def test_a_source_that_does_not_fit_is_refused_without_repeating_it(
    client: FlaskClient, database: Database, kind: str, source: str
) -> None:
    with database.sessions.begin() as session:
        station = make_station(session).key
    body = {"station": station, "key": "gate", "kind": kind, "source": source}
    answer = client.post("/api/v1/cameras", json=body)
    assert answer.status_code == 422
    assert "secretword" not in answer.text
    assert "p@ss" not in answer.text


def test_a_password_is_replaced_by_setting_the_source_again(
    client: FlaskClient, database: Database, values: ApiValues
) -> None:
    with database.sessions.begin() as session:
        camera = make_camera(session, kind="rtsp", source="rtsp://h/a", secret="of another key")
    path = f"/api/v1/cameras/{camera.id}"
    url = "rtsp://ann:newword@h/" + "b" * 500
    answer = client.put(f"{path}/source", json={"kind": "rtsp", "source": url})
    assert answer.status_code == 200
    assert "newword" not in answer.text
    with database.reads() as session:
        row = session.get_one(Camera, camera.id)
    assert row.secret is not None
    assert join_url(row.source, values.secrets().unlock(row.secret)) == url
    bare = client.put(f"{path}/source", json={"kind": "rtsp", "source": "rtsp://h/a"}).json
    assert bare is not None
    assert bare["has_password"] is False
    assert client.put(f"{path}/source", json={"kind": "usb", "source": "0"}).status_code == 422


def test_two_cameras_never_share_a_key(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        camera = make_camera(session)
        other = make_station(session).key
    body = {"station": other, "key": camera.key, "kind": "push"}
    assert client.post("/api/v1/cameras", json=body).status_code == 409


def test_a_camera_is_switched_off_and_on(
    client: FlaskClient, database: Database, kept_events: KeptEvents
) -> None:
    with database.sessions.begin() as session:
        camera = make_camera(session)
    path = f"/api/v1/cameras/{camera.key}"
    for _ in range(2):
        answer = client.post(f"{path}/disable").json
        assert answer is not None
        assert (answer["enabled"], answer["state"]) == (False, "disabled")
    answer = client.post(f"{path}/enable").json
    assert answer is not None
    assert (answer["enabled"], answer["state"]) == (True, "offline")
    assert kept_events.events[0]["type"] == "camera"


def test_minutes_without_rows_come_in_whole_minutes(
    client: FlaskClient, database: Database
) -> None:
    from datetime import UTC, datetime

    with database.sessions.begin() as session:
        camera = make_camera(session)
        for minute in (1, 2, 3):
            for reason in ("trigger", "database_away"):
                at = datetime(2026, 11, 20, 12, minute, tzinfo=UTC)
                session.add(
                    CameraMinute(camera_id=camera.id, minute=at, reason=reason, count=minute)
                )
    path = f"cameras/{camera.id}/minutes"
    first = client.get(f"/api/v1/{path}?limit=3").json
    assert first is not None
    assert [row["count"] for row in first["items"]] == [3, 3, 2, 2]
    rest = items(client, f"{path}?limit=3&cursor={first['next']}")
    assert [(row["count"], row["reason"]) for row in rest] == [
        (1, "database_away"),
        (1, "trigger"),
    ]
    assert items(client, f"{path}?cursor={10**18 - 1}") != []
