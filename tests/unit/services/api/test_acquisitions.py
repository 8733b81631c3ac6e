"""What became of a frame: its verdict, waited for or not, its image, its overlay."""

import threading

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from db.engine import Database
from db.frames import FrameStore
from db.models import Acquisition
from inspection.decode import decode_image, encode_jpeg
from services.api.values import ApiValues
from tests.factories import Found, decide, make_acquisition, make_camera


@pytest.fixture
def waiting_id(database: Database) -> int:
    with database.sessions.begin() as session:
        return make_acquisition(session).id


def test_what_waits_has_no_verdict_yet(client: FlaskClient, waiting_id: int) -> None:
    answer = client.get(f"/api/v1/acquisitions/{waiting_id}?wait=0.05")
    assert answer.json is not None
    assert (answer.json["state"], answer.json["verdict"]) == ("waiting", None)
    assert answer.json["inspection"] is None


def test_wait_ends_with_the_verdict(
    client: FlaskClient, database: Database, waiting_id: int
) -> None:
    def inspect() -> None:
        with database.sessions.begin() as session:
            decide(session, acquisition=session.get_one(Acquisition, waiting_id), verdict="warn")

    worker = threading.Timer(0.1, inspect)
    worker.start()
    answer = client.get(f"/api/v1/acquisitions/{waiting_id}?wait=30")
    worker.join()
    assert answer.json is not None
    assert (answer.json["state"], answer.json["verdict"]) == ("done", "warn")
    assert answer.json["inspection"]["acquisition_id"] == waiting_id


def test_waiting_holds_no_connection(
    app: Flask, values: ApiValues, database: Database, waiting_id: int
) -> None:
    """Of as many waiters as the pool never had connections for, all are answered."""
    statuses: list[int] = []

    def wait() -> None:
        url = f"/api/v1/acquisitions/{waiting_id}?wait=0.5"
        statuses.append(app.test_client().get(url).status_code)

    waiters = [threading.Thread(target=wait) for _ in range(20)]
    for waiter in waiters:
        waiter.start()
    for waiter in waiters:
        waiter.join()
    assert statuses == [200] * 20


@pytest.mark.parametrize("wait", ["-1", "31", "nan", "soon"])
def test_a_wait_out_of_bounds_is_422(client: FlaskClient, waiting_id: int, wait: str) -> None:
    assert client.get(f"/api/v1/acquisitions/{waiting_id}?wait={wait}").status_code == 422


def test_the_image_comes_back_byte_for_byte(
    client: FlaskClient, database: Database, store: FrameStore
) -> None:
    jpeg = encode_jpeg(np.full((48, 64, 3), 90, dtype=np.uint8))
    with database.sessions.begin() as session:
        shown = decide(session, image=store.put(jpeg, "jpg")).acquisition_id
        odd = decide(session, image=store.put(b"<svg onload=x>", "bin")).acquisition_id
        gone = decide(session).acquisition_id
    answer = client.get(f"/api/v1/acquisitions/{shown}/image")
    assert (answer.data, answer.mimetype) == (jpeg, "image/jpeg")
    assert "immutable" in answer.headers["Cache-Control"]
    answer = client.get(f"/api/v1/acquisitions/{odd}/image")
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment"
    assert client.get(f"/api/v1/acquisitions/{gone}/image").status_code == 404


def test_an_image_that_was_purged_is_404(
    client: FlaskClient, database: Database, store: FrameStore
) -> None:
    image = store.put(b"\xff\xd8\xff", "jpg")
    with database.sessions.begin() as session:
        purged = decide(session, image=image).acquisition_id
    store.delete(image.key)
    assert client.get(f"/api/v1/acquisitions/{purged}/image").status_code == 404


def test_the_overlay_shows_the_finding_where_it_is(
    client: FlaskClient, database: Database, store: FrameStore
) -> None:
    grey = np.full((480, 640, 3), 90, dtype=np.uint8)
    with database.sessions.begin() as session:
        shown = decide(
            session,
            verdict="fail",
            found=[Found(xyxy=(100, 120, 180, 140))],
            image=store.put(encode_jpeg(grey), "jpg"),
        ).acquisition_id
    answer = client.get(f"/api/v1/acquisitions/{shown}/overlay")
    assert answer.mimetype == "image/jpeg"
    drawn = decode_image(answer.data).astype(int)
    assert abs(drawn[130, 140] - 90).max() > 20
    assert abs(drawn[400, 500] - 90).max() < 5


def test_there_is_no_overlay_of_what_was_not_inspected(
    client: FlaskClient, database: Database, store: FrameStore, waiting_id: int
) -> None:
    broken = store.put(b"\xff\xd8\xff", "jpg")
    with database.sessions.begin() as session:
        camera = make_camera(session)
        refused = decide(session, camera, verdict="not_inspected", image=broken).acquisition_id
        unreadable = decide(session, camera, verdict="pass", image=broken).acquisition_id
    for acquisition_id in (waiting_id, refused, unreadable):
        answer = client.get(f"/api/v1/acquisitions/{acquisition_id}/overlay")
        assert (answer.status_code, answer.mimetype) == (409, "application/problem+json")
