"""Calibrations through the API: a scale, a lens and a plane, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from db.base import utc_now
from db.engine import Database
from db.models import Calibration, MeasurementRow, Station
from tests.factories import Found, decide, make_camera, make_station

PLANE = {
    "mm_per_px": 0.1,
    "u_mm_per_px": 0.0004,
    "method": "checkerboard",
    "size_wh": [640, 480],
    "lens": {
        "camera": [[600.0, 0.0, 320.0], [0.0, 600.0, 240.0], [0.0, 0.0, 1.0]],
        "distortion": [-0.2, 0.05, 0.0, 0.0, 0.0],
    },
    "plane": [[0.1, 0.001, 0.0], [0.0, 0.1, 2.0], [0.0, 1e-05, 1.0]],
    "residual_px": 0.12,
    "expires_at": "2036-01-01T00:00:00Z",
    "note": "board 7",
}


@pytest.fixture
def address(database: Database) -> str:
    with database.sessions.begin() as session:
        return f"/api/v1/stations/{make_station(session).key}/calibrations"


def test_a_plane_comes_back_as_it_was_given(client: FlaskClient, address: str) -> None:
    made = client.post(address, json=PLANE)
    assert made.status_code == 201, made.text
    assert made.json is not None
    assert {key: made.json[key] for key in PLANE} == PLANE
    listed = client.get(address).json
    assert listed is not None
    assert listed["items"] == [made.json]


def test_a_scale_has_neither_lens_nor_plane(client: FlaskClient, address: str) -> None:
    made = client.post(address, json={"mm_per_px": 0.25}).json
    assert made is not None
    assert (made["method"], made["lens"], made["plane"]) == ("scale", None, None)
    assert made["u_mm_per_px"] == 0
    assert made["made_at"].endswith("Z")


@pytest.mark.parametrize(
    ("days_left", "state", "whole"),
    [(None, "valid", None), (14.5, "valid", 14), (13.5, "expires_soon", 13), (-1, "expired", 0)],
)
def test_it_says_when_a_new_one_is_due(
    client: FlaskClient,
    address: str,
    database: Database,
    days_left: float | None,
    state: str,
    whole: int | None,
) -> None:
    now = utc_now()
    with database.sessions.begin() as session:
        expires_at = None if days_left is None else now + timedelta(days=days_left)
        (station,) = session.scalars(select(Station)).all()
        session.add(
            Calibration(
                station_id=station.id,
                mm_per_px=0.1,
                made_at=now - timedelta(days=400),
                expires_at=expires_at,
            )
        )
    listed = client.get(address).json
    assert listed is not None
    (item,) = listed["items"]
    assert (item["state"], item["expires_in_days"]) == (state, whole)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"size_wh": None}, "size_wh"),
        ({"plane": [[0.1, 0, 0], [0.2, 0, 0], [0, 0, 1]]}, "inverted"),
        ({"plane": [[0.1, 0], [0, 0.1], [0, 0]]}, "plane"),
        ({"lens": PLANE["lens"] | {"distortion": [0.1]}}, "distortion"),  # type: ignore[operator]
        ({"mm_per_px": -1}, "mm_per_px"),
        ({"u_mm_per_px": -1}, "u_mm_per_px"),
        ({"made_at": "2099-01-01T00:00:00Z"}, "made_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"scale": 1}, "scale"),
    ],
)
def test_what_is_no_calibration_is_refused(
    client: FlaskClient, address: str, change: dict[str, Any], pointer: str
) -> None:
    refused = client.post(address, json=PLANE | change)
    assert refused.status_code == 422
    assert pointer in refused.text
    listed = client.get(address).json
    assert listed is not None
    assert listed["items"] == []


def test_measurements_tell_their_uncertainty(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        inspection = decide(session, make_camera(session), "fail", found=[Found()])
        for row in session.query(MeasurementRow).filter_by(name="length"):
            row.uncertainty = 0.12
        id_ = inspection.id
    shown = client.get(f"/api/v1/inspections/{id_}").json
    assert shown is not None
    length = shown["findings"][0]["measurements"]["length"]
    assert length["uncertainty"] == 0.12
