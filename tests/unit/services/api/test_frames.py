"""Pushing frames: 202 once nothing can lose them, and why not where they are refused."""

import io
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from db.base import utc_now
from db.engine import Database
from db.frames import FrameStore, StoredImage, StoreFull
from db.models import Acquisition, Camera, Inspection, Lot, Part, Station
from services.api import create_app
from services.api.values import ApiValues
from tests.factories import make_camera, make_recipe_version, make_station, recipe_body
from tests.unit.services.api.conftest import KeptBell, TokenClient

JPEG = b"\xff\xd8\xff the rest is the worker's business"


@pytest.fixture
def station(database: Database) -> Station:
    with database.sessions.begin() as session:
        return make_station(session)


def push(
    client: FlaskClient, ref: object, data: bytes = JPEG, *, key: str = "", **fields: Any
) -> TestResponse:
    headers = {"Idempotency-Key": key} if key else {}
    form = {"image": (io.BytesIO(data), "frame.jpg")} | fields
    return client.post(f"/api/v1/stations/{ref}/frames", data=form, headers=headers)


def problem_of(answer: TestResponse) -> str:
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    return " ".join([answer.json["detail"], *(str(each) for each in answer.json.get("errors", ()))])


def test_a_frame_is_stored_before_its_row_and_rings_after(
    client: FlaskClient, database: Database, station: Station, store: FrameStore, bell: KeptBell
) -> None:
    answer = push(client, station.id)
    assert answer.status_code == 202
    assert answer.json is not None
    acquisition_id = answer.json["acquisition_id"]
    assert answer.headers["Location"] == f"/api/v1/acquisitions/{acquisition_id}"
    with database.reads() as session:
        row = session.get_one(Acquisition, acquisition_id)
        assert (row.state, row.sequence, row.image_bytes) == ("waiting", 1, len(JPEG))
        assert row.image_key is not None
        assert store.get(row.image_key) == JPEG
        assert row.camera.kind == "push"
        # Whatever copy lies in it, its picture is what is judged.
        assert not row.image_is_own
        assert row.camera.state == "online"
    assert bell.rings == ["inspect"]


def test_a_station_is_found_by_its_key_and_keeps_its_push_camera(
    client: FlaskClient, database: Database, station: Station
) -> None:
    assert [push(client, ref).status_code for ref in (station.key, station.id)] == [202, 202]
    with database.reads() as session:
        assert session.scalar(select(func.count()).select_from(Camera)) == 1


def test_part_and_lot_are_kept_as_they_are_written(
    client: FlaskClient, database: Database, station: Station
) -> None:
    answer = push(
        client, station.id, part="007", lot="1e5", captured_at="2026-11-20T10:00:00+01:00"
    )
    assert answer.status_code == 202
    with database.reads() as session:
        assert session.scalars(select(Part.serial)).all() == ["007"]
        assert session.scalars(select(Lot.code)).all() == ["1e5"]
        row = session.scalars(select(Acquisition)).one()
        assert row.captured_at.isoformat() == "2026-11-20T09:00:00+00:00"


def test_the_same_key_is_the_same_acquisition(
    client: FlaskClient, database: Database, station: Station
) -> None:
    first, again = push(client, station.id, key="a"), push(client, station.id, key="a")
    assert first.json is not None
    assert again.json == first.json | {"repeated": True}
    other = push(client, station.id, JPEG + b"!", key="a")
    assert other.status_code == 409
    assert "another image" in problem_of(other)
    with database.reads() as session:
        assert session.scalar(select(func.count()).select_from(Acquisition)) == 1


def test_a_damaged_image_is_an_acquisition_too(client: FlaskClient, station: Station) -> None:
    assert push(client, station.id, b"<html>").status_code == 202


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"image": (io.BytesIO(b""), "a.jpg")}, "empty"),
        ({"image": "text"}, "text field"),
        ({"picture": (io.BytesIO(b"x"), "a.jpg")}, "picture"),
        ({}, "got none"),
        ({"image": (io.BytesIO(b"x"), "a.jpg"), "colour": "red"}, "colour"),
        ({"image": (io.BytesIO(b"x"), "a.jpg"), "part": "a\x00b"}, "part"),
        ({"image": (io.BytesIO(b"x"), "a.jpg"), "captured_at": "2026-11-20T10:00:00"}, "offset"),
        ({"image": (io.BytesIO(b"x"), "a.jpg"), "captured_at": "1970-01-01T00:00:00Z"}, "2000"),
    ],
)
def test_a_form_that_is_not_as_expected(
    client: FlaskClient, station: Station, fields: dict[str, Any], told: str
) -> None:
    answer = client.post(
        f"/api/v1/stations/{station.id}/frames", data=fields, content_type="multipart/form-data"
    )
    assert answer.status_code == 422
    assert told in problem_of(answer)


def test_a_time_in_the_future_is_refused(client: FlaskClient, station: Station) -> None:
    soon = (utc_now() + timedelta(hours=1)).isoformat()
    answer = push(client, station.id, captured_at=soon)
    assert answer.status_code == 422
    assert "future" in problem_of(answer)


def test_a_file_over_32_mib_is_413(client: FlaskClient, station: Station) -> None:
    answer = push(client, station.id, b"\xff\xd8\xff" + bytes(32 * 2**20))
    assert answer.status_code == 413
    problem_of(answer)


def test_no_multipart_is_415(client: FlaskClient, station: Station) -> None:
    answer = client.post(f"/api/v1/stations/{station.id}/frames", data=JPEG)
    assert answer.status_code == 415


def test_a_station_without_recipe_is_409_and_stores_nothing(
    client: FlaskClient, database: Database, store: FrameStore
) -> None:
    with database.sessions.begin() as session:
        station = make_station(session, recipe_version_id=None)
    answer = push(client, station.id)
    assert answer.status_code == 409
    assert "recipe" in problem_of(answer)
    assert store.usage_bytes() == 0


def test_a_full_queue_is_429_with_a_time(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        version = make_recipe_version(
            session, body=recipe_body(frames={"policy": "every", "max_waiting": 1})
        )
        station = make_station(session, recipe=version)
    assert push(client, station.id, key="a").status_code == 202
    answer = push(client, station.id, key="b")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert push(client, station.id, key="a").status_code == 202  # a repeat needs no room


def test_a_camera_that_ingest_reads_takes_no_pushes(
    client: FlaskClient, database: Database, station: Station
) -> None:
    with database.sessions.begin() as session:
        session.add(station)
        read = make_camera(session, station, kind="rtsp")
        off = make_camera(session, station, enabled=False)
        elsewhere = make_camera(session)
    for camera, status in ((read, 409), (off, 409), (elsewhere, 404)):
        assert push(client, station.id, camera=camera.key).status_code == status


def test_two_push_cameras_ask_for_a_name(
    client: FlaskClient, database: Database, station: Station
) -> None:
    with database.sessions.begin() as session:
        session.add(station)
        first, _second = make_camera(session, station), make_camera(session, station)
    assert push(client, station.id).status_code == 409
    assert push(client, station.id, camera=str(first.id)).status_code == 202


class FullStore:
    """A store on a full disk."""

    def put(self, data: bytes, suffix: str) -> StoredImage:
        raise StoreFull


def test_a_full_disk_makes_an_acquisition_that_says_so(
    values: ApiValues, database: Database, station: Station
) -> None:
    from dataclasses import replace

    app = create_app(replace(values, store=FullStore()))  # type: ignore[arg-type]
    app.test_client_class = TokenClient
    answer = push(app.test_client(), station.id)
    assert answer.status_code == 202
    with database.reads() as session:
        row = session.scalars(select(Inspection)).one()
    assert (row.verdict, row.reason) == ("not_inspected", "storage_full")
