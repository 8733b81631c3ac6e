"""Labelling through the API: as a person would, and with what no person should send."""

import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from db.engine import Database
from db.frames import FrameStore
from inspection.datasets.masks import counts_to_rle
from inspection.decode import encode_jpeg
from services.api.views import label_exchange
from tests import factories
from tests.drawn_exports import cvat_export, write_zip

SIZE_WH = (120, 90)
BOX = [[8.0, 8.0, 20.0, 8.0, 20.0, 24.0, 8.0, 24.0]]


@pytest.fixture
def image_id(client: FlaskClient, database: Database, store: FrameStore) -> int:
    """A plate with a dark square, columns 40 to 69 and rows 30 to 59."""
    rgb = np.random.default_rng(1).normal(180, 4, (*SIZE_WH[::-1], 3)).clip(0, 255)
    rgb[30:60, 40:70] -= 100
    image = store.put(encode_jpeg(rgb.clip(0, 255).astype(np.uint8), 95), "jpg")
    with database.sessions.begin() as session:
        inspection = factories.decide(session, image=image, size_wh=SIZE_WH)
        acquisition_id = inspection.acquisition_id
    answer = client.post("/api/v1/labelled-images", json={"acquisition_id": acquisition_id})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Location"] == f"/api/v1/labelled-images/{answer.json['id']}"
    again = client.post("/api/v1/labelled-images", json={"acquisition_id": acquisition_id})
    assert again.json["id"] == answer.json["id"]
    return int(answer.json["id"])


def put(client: FlaskClient, image_id: int, revision: int | None, *labels: Any, **more: Any) -> Any:
    body = {"annotations": list(labels)} | more
    if revision is not None:
        body["revision"] = revision
    return client.put(f"/api/v1/labelled-images/{image_id}/annotations", json=body)


def label(segmentation: Any = BOX, name: Any = "crack", **more: Any) -> dict[str, Any]:
    return {"class": name, "segmentation": segmentation} | more


def test_a_picture_is_labelled_read_back_and_restored(client: FlaskClient, image_id: int) -> None:
    answer = put(client, image_id, 0, label(), state="done", actor="Emil")
    assert answer.status_code == 200, answer.text
    assert answer.headers["ETag"] == '"1"'
    (drawn,) = answer.json["annotations"]
    assert drawn["class"] == "crack"
    assert drawn["segmentation"] == BOX
    assert drawn["box"] == [8, 8, 20, 24]
    assert (drawn["area_px"], drawn["author"], drawn["origin"]) == (192, "Emil", "polygon")
    answer = put(client, image_id, 1, state="done", nothing=True)
    assert answer.json["image"]["counts"] == {}
    path = f"/api/v1/labelled-images/{image_id}"
    old = client.get(f"{path}/annotations?revision=1").json
    assert [each["class"] for each in old["annotations"]] == ["crack"]
    answer = client.post(f"{path}/restore", json={"revision": 2, "restore": 1})
    assert answer.json["image"]["state"] == "draft"
    assert answer.json["image"]["counts"] == {"crack": 1}
    history = client.get(f"{path}/history").json
    told = [
        (each["revision"], [one["what"] for one in each["changes"]]) for each in history["items"]
    ]
    assert told == [(1, ["added"]), (2, ["ended"]), (3, ["added"])]
    assert client.get(f"{path}/annotations?revision=9").status_code == 422
    listed = client.get("/api/v1/labelled-images?state=draft&class=crack").json["items"]
    assert [each["id"] for each in listed] == [image_id]
    assert client.get("/api/v1/labelled-images?state=done").json["items"] == []


def test_who_saves_second_is_told_what_changed(client: FlaskClient, image_id: int) -> None:
    put(client, image_id, 0, label(), actor="Ada")
    answer = put(client, image_id, 0, label(name="crack"), actor="Emil")
    assert answer.status_code == 409
    assert answer.headers["ETag"] == '"1"'
    assert "Ada saved revision 1 meanwhile" in answer.json["detail"]
    assert "added: crack by Ada" in answer.json["errors"][0]["detail"]
    path = f"/api/v1/labelled-images/{image_id}/annotations"
    body = {"annotations": []}
    assert client.put(path, json=body, headers={"If-Match": '"0"'}).status_code == 409
    assert client.put(path, json=body, headers={"If-Match": '"1"'}).status_code == 200
    for header in ({}, {"If-Match": "*"}, {"If-Match": '"ü"'}):
        assert client.put(path, json=body, headers=header).status_code == 422


def test_every_bad_label_is_named_by_its_place_and_nothing_is_saved(
    client: FlaskClient, image_id: int
) -> None:
    text = json.dumps(
        {
            "revision": 0,
            "annotations": [
                label(),
                label([[8, 8, 20, 20, 20, 8, 8, 20]]),
                label([]),
                label([[8, 8, 200, 8, 200, 20]]),
                label([[8, 8, math.nan, 8, 20, 20]]),
                label(name="dragon"),
                label([[0, 0] * 6_000]),
                label({"size": [1, 1], "counts": "x"}),
                label(None),
            ],
        }
    )
    path = f"/api/v1/labelled-images/{image_id}/annotations"
    answer = client.put(path, data=text, content_type="application/json")
    assert answer.status_code == 422
    assert [(each["pointer"], each["detail"].split(":")[0]) for each in answer.json["errors"]] == [
        ("annotations.1", "self-crossing"),
        ("annotations.2", "empty-annotation"),
        ("annotations.3", "out-of-bounds"),
        ("annotations.4", "not-finite"),
        ("annotations.5", "unknown-class"),
        ("annotations.6", "too-many-points"),
        ("annotations.7", "wrong-size"),
        ("annotations.8", "broken-mask"),
    ]
    assert client.get(path).json["revision"] == 0
    assert put(client, image_id, 0, label(name="dragon"), new_classes=["dragon"]).status_code == 200
    assert "dragon" in client.get(path).json["classes"]


def test_a_body_that_is_too_large_is_refused(client: FlaskClient, image_id: int) -> None:
    many = label([[1.123456, 2.123456] * 60_000])
    assert put(client, image_id, 0, many).status_code == 413


def test_a_click_gives_a_mask_that_can_be_saved(client: FlaskClient, image_id: int) -> None:
    path = f"/api/v1/labelled-images/{image_id}/segment"
    answer = client.post(path, json={"on": [[55, 45]]})
    assert answer.status_code == 200, answer.text
    found = answer.json["segmentation"]
    saved = put(client, image_id, 0, label(found, origin="segment"))
    assert saved.json["annotations"][0]["area_px"] == pytest.approx(900, rel=0.06)
    whole = {"size": [90, 120], "counts": [0, 90 * 120]}
    assert put(client, image_id, 1, label(whole)).status_code == 200
    packed = dict(counts_to_rle([9, 9, 10782], [90, 120]))
    assert put(client, image_id, 2, label(packed)).json["annotations"][0]["area_px"] == 9
    for body in ({}, {"on": [[500, 1]]}, {"on": [[1]]}, {"box": [1, 2, 3]}, {"on": "x"}):
        assert client.post(path, json=body).status_code == 422, body


def test_what_is_not_there_is_said(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        gone = factories.decide(session).acquisition_id
    for acquisition_id in (gone, 10**9):
        body = {"acquisition_id": acquisition_id}
        assert client.post("/api/v1/labelled-images", json=body).status_code == 404
    for path in ("", "/annotations", "/history", "/image"):
        assert client.get(f"/api/v1/labelled-images/77{path}").status_code == 404


def send(client: FlaskClient, station: str, archive: bytes, **fields: str) -> Any:
    form = {"archive": (io.BytesIO(archive), "a.zip")} | fields
    return client.post(f"/api/v1/stations/{station}/labels/import", data=form)


@pytest.fixture
def station(database: Database) -> str:
    with database.sessions.begin() as session:
        return factories.make_station(session).key


def test_an_archive_comes_in_and_goes_out(
    client: FlaskClient, station: str, tmp_path: Path
) -> None:
    archive = cvat_export(tmp_path / "cvat.zip").read_bytes()
    refused = send(client, station, archive)
    assert refused.status_code == 422
    assert [(each["pointer"], each["detail"][:13]) for each in refused.json["errors"]] == [
        ("images/default/plate_1.jpg", "unknown-class")
    ]
    partly = send(client, station, archive, keep_good="true")
    assert partly.status_code == 200, partly.text
    assert (partly.json["done"], partly.json["drafts"], partly.json["labels"]) == (2, 1, 2)
    assert partly.json["problems"][0]["kind"] == "unknown-class"
    whole = send(client, station, archive, classes="stain, crack", replace="true")
    assert (whole.json["done"], whole.json["unchanged"], whole.json["labels"]) == (1, 2, 2)
    out = client.get(f"/api/v1/stations/{station}/labels/export?form=cvat")
    assert out.mimetype == "application/zip"
    again = send(client, station, out.data)
    assert (again.json["unchanged"], again.json["problems"]) == (3, [])


def test_what_may_not_come_out_of_an_archive_is_refused(
    client: FlaskClient, station: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = write_zip(tmp_path / "a.zip", {"../a.json": b"{}"}).read_bytes()
    for archive in (bad, b"no archive", b""):
        answer = send(client, station, archive)
        assert answer.status_code == 422, answer.text
        assert answer.json["errors"][0]["pointer"] == "archive"
    path = f"/api/v1/stations/{station}/labels/import"
    assert client.post(path, json={}).status_code == 415
    assert client.post(path, data={"archive": "text"}).status_code in (415, 422)
    assert send(client, station, bad, keep_good="perhaps").status_code == 422
    assert send(client, station, bad, unknown="1").status_code == 422
    assert send(client, "nowhere", bad).status_code == 404
    monkeypatch.setattr(label_exchange, "MAX_ARCHIVE_BYTES", 100)
    assert send(client, station, b"x" * 101).status_code == 413
    assert client.get(f"/api/v1/stations/{station}/labels/export").status_code == 422
