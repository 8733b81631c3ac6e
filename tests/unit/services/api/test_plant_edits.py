"""Sites, lines, stations and cameras are renamed, moved, and removed where nothing needs them."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from db.engine import Database
from db.models import Calibration, Camera, CameraMinute
from tests.factories import decide, make_camera, make_line, make_shift, make_site, make_station


def change(client: FlaskClient, path: str, **body: Any) -> dict[str, Any]:
    answer = client.patch(f"/api/v1/{path}", json=body)
    assert answer.status_code == 200, answer.text
    assert client.get(f"/api/v1/{path}").json == answer.json
    changed: dict[str, Any] | None = answer.json
    assert changed is not None
    return changed


def refused(client: FlaskClient, path: str) -> str:
    """Why something is not removed; it is still there."""
    answer = client.delete(f"/api/v1/{path}")
    assert (answer.status_code, answer.mimetype) == (409, "application/problem+json"), answer.text
    assert client.get(f"/api/v1/{path}").status_code == 200
    return str(answer.json["detail"])  # type: ignore[index]


def removed(client: FlaskClient, path: str) -> TestResponse:
    answer = client.delete(f"/api/v1/{path}")
    assert (answer.status_code, answer.data) == (204, b""), answer.text
    assert client.get(f"/api/v1/{path}").status_code == 404
    return answer


def test_a_change_touches_only_what_it_names(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        site = make_site(session, key="north", name="North", timezone="Europe/Vienna")
        line = make_line(session, site, key="press", name="Press")
        make_station(session, line, key="press-1", name="Press 1")
    found = change(client, "sites/north", name="Plant North")
    assert (found["name"], found["timezone"], found["key"]) == (
        "Plant North",
        "Europe/Vienna",
        "north",
    )
    assert change(client, "sites/north", timezone="UTC")["name"] == "Plant North"
    assert change(client, "lines/press", kind="shelf")["name"] == "Press"
    assert change(client, "lines/press", name="Aisle")["kind"] == "shelf"
    assert change(client, "stations/press-1")["name"] == "Press 1"
    assert change(client, "stations/press-1", name="Bay 1")["recipe"] is not None


def test_a_station_moves_with_its_history(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        camera = make_camera(session)
        decide(session, camera)
        key, other = camera.station.key, make_line(session, key="other").id
    assert change(client, f"stations/{key}", line="other")["line_id"] == other
    assert len(client.get(f"/api/v1/inspections?station={key}").json["items"]) == 1


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("sites/north", {"timezone": "Middle/Earth"}, 422),
        ("sites/north", {"timezone": ""}, 422),
        ("sites/north", {"name": ""}, 422),
        ("sites/north", {"name": None}, 422),
        ("sites/north", {"key": "south"}, 422),
        ("lines/press", {"kind": "aisle"}, 422),
        ("stations/press-1", {"line": "nowhere"}, 404),
        ("stations/nowhere", {"name": "x"}, 404),
    ],
)
def test_what_no_change_may_be_is_refused(
    client: FlaskClient, database: Database, path: str, body: dict[str, Any], status: int
) -> None:
    with database.sessions.begin() as session:
        line = make_line(session, make_site(session, key="north"), key="press")
        make_station(session, line, key="press-1")
    answer = client.patch(f"/api/v1/{path}", json=body)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


def test_a_plant_is_taken_down_from_below(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        site = make_site(session, key="north")
        shift_id = make_shift(session, site).id
        line = make_line(session, site, key="press")
        station = make_station(session, line, key="press-1")
        session.add(Calibration(station_id=station.id, mm_per_px=0.1))
        camera = make_camera(session, station, key="cam")
        session.add(CameraMinute(camera_id=camera.id, minute=camera.created_at, reason="x"))
    assert "lines: 1, shifts: 1" in refused(client, "sites/north")
    assert "stations: 1" in refused(client, "lines/press")
    assert "cameras: 1" in refused(client, "stations/press-1")
    assert "switched off" in refused(client, "cameras/cam")
    assert client.post("/api/v1/cameras/cam/disable").status_code == 200
    for path in ("cameras/cam", "stations/press-1", "lines/press", f"shifts/{shift_id}"):
        removed(client, path)
    removed(client, "sites/north")
    with database.reads() as session:
        for model in (Calibration, Camera, CameraMinute):
            assert session.scalar(select(func.count()).select_from(model)) == 0


def test_what_has_seen_something_stays(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        camera = make_camera(session, enabled=False)
        calibration = Calibration(station_id=camera.station_id, mm_per_px=0.1)
        session.add_all(
            [calibration, CameraMinute(camera_id=camera.id, minute=camera.created_at, reason="x")]
        )
        session.flush()
        for _ in range(3):
            decide(session, camera, calibration_id=calibration.id)
        station, camera_key = camera.station.key, camera.key
    assert "acquisitions: 3" in refused(client, f"cameras/{camera_key}")
    assert "cameras: 1, acquisitions: 3" in refused(client, f"stations/{station}")
    assert client.delete("/api/v1/stations/nowhere").status_code == 404
    with database.reads() as session:
        for model in (Calibration, CameraMinute):
            assert session.scalar(select(func.count()).select_from(model)) == 1
