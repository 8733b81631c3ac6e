"""Snapshots and training runs over the API: made, refused with what is missing, told of."""

import io
import zipfile
from typing import Any

import pytest
from flask.testing import FlaskClient

from db.bell import TRAIN_QUEUE
from db.engine import Database
from db.frames import FrameStore
from db.models import DatasetSnapshot
from db.queries import training_runs
from inspection.training_request import INSTALL
from tests import factories
from tests.labelled import draw_labelled
from tests.unit.services.api.conftest import KeptBell

SHARES = {"train": 0.6, "validation": 0.4, "test": 0.0}


@pytest.fixture
def labelled(database: Database, store: FrameStore) -> str:
    with database.sessions.begin() as session:
        station = factories.make_station(session, key="press")
        draw_labelled(session, store, station, 6)
        training_runs.note_trainer(session, "here:cpu", "cpu")
    return "press"


@pytest.fixture
def snapshot(client: FlaskClient, labelled: str) -> dict[str, Any]:
    made = client.post("/api/v1/dataset-snapshots", json={"name": "first", "shares": SHARES})
    assert made.status_code == 201, made.text
    document: dict[str, Any] = made.get_json()
    return document


def test_a_snapshot_is_made_listed_and_downloaded(
    client: FlaskClient, snapshot: dict[str, Any]
) -> None:
    assert snapshot["classes"] == ["pit", "stain"]
    assert sum(snapshot["counts"]["images"].values()) == 6
    listed = client.get("/api/v1/dataset-snapshots").get_json()
    assert [row["name"] for row in listed["items"]] == ["first"]
    path = f"/api/v1/dataset-snapshots/{snapshot['id']}"
    assert client.get(path).get_json() == snapshot
    archive = client.get(f"{path}/archive")
    assert archive.mimetype == "application/zip"
    names = zipfile.ZipFile(io.BytesIO(archive.data)).namelist()
    assert len([name for name in names if name.startswith("images/")]) == 6
    assert "annotations.json" in names


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"name": "first"}, 409, "first"),
        ({"stations": ["nowhere"]}, 404, "nowhere"),
        ({"classes": ["rust"]}, 422, "no label of the class rust"),
        ({"shares": {"train": 0.9, "validation": 0.9, "test": 0.0}}, 422, "1 together"),
        ({"since": "2030-01-01T00:00:00Z"}, 422, "no picture whose labels are done"),
        ({"sample": 1}, 422, "expected at least one for each"),
        ({"station": ["press"]}, 422, "station"),
    ],
)
def test_what_makes_no_snapshot_is_said(
    client: FlaskClient, snapshot: dict[str, Any], body: dict[str, Any], status: int, says: str
) -> None:
    answer = client.post("/api/v1/dataset-snapshots", json=body)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert says in answer.text


def test_a_run_is_asked_for_cancelled_and_resumed(
    client: FlaskClient, snapshot: dict[str, Any], bell: KeptBell
) -> None:
    body = {"snapshot_id": snapshot["id"], "network": "pspnet", "encoder": "light", "steps": 5}
    made = client.post("/api/v1/training-runs", json=body)
    assert made.status_code == 201, made.text
    run = made.get_json()
    assert (run["state"], run["name"]) == ("waiting", f"pspnet-first-{run['id']}")
    assert bell.rings[-1] == TRAIN_QUEUE
    path = f"/api/v1/training-runs/{run['id']}"
    assert client.get(path).get_json()["curves"] == []
    cancelled = client.post(f"{path}/cancel").get_json()
    assert (cancelled["state"], cancelled["reason"][:12]) == ("cancelled", "cancelled by")
    assert client.post(f"{path}/cancel").status_code == 409
    assert client.post(f"{path}/resume").get_json()["state"] == "waiting"
    assert client.post(f"{path}/resume").status_code == 409
    assert [row["id"] for row in client.get("/api/v1/training-runs").get_json()["items"]] == [
        run["id"]
    ]


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({"network": "alexnet"}, 422, "mask-rcnn-light"),
        ({"network": "mask-rcnn-r18", "encoder": "light"}, 422, "has its own"),
        ({"steps": 5, "budget_s": 60}, 422, "not both"),
        ({"steps": 0}, 422, "steps"),
        ({"init": "no-such-model"}, 422, "the name of a model"),
        ({"name": "surface-starter"}, 409, "surface-starter"),
        ({"name": "../etc"}, 422, "name"),
        ({"snapshot_id": 10**6}, 404, "snapshot"),
    ],
)
def test_a_run_that_cannot_be_is_refused(
    client: FlaskClient, snapshot: dict[str, Any], asked: dict[str, Any], status: int, says: str
) -> None:
    body = {"snapshot_id": snapshot["id"], "steps": 5} | asked
    if "budget_s" in asked:
        body["budget_s"] = 60.0
    answer = client.post("/api/v1/training-runs", json=body)
    assert answer.status_code == status, answer.text
    assert says in answer.text
    assert client.get("/api/v1/training-runs").get_json()["items"] == []


def test_a_snapshot_that_teaches_nothing_says_what_is_missing(
    client: FlaskClient, database: Database, snapshot: dict[str, Any]
) -> None:
    """Without a validation part, with a class that one part has not, and without any picture."""
    part = {"train": 0.8, "validation": 0.0, "test": 0.2}
    made = client.post("/api/v1/dataset-snapshots", json={"shares": part}).get_json()
    answer = client.post("/api/v1/training-runs", json={"snapshot_id": made["id"]})
    assert answer.status_code == 422
    assert "its part validation holds no picture" in answer.text
    counts = {
        "images": {"train": 3, "validation": 1, "test": 0},
        "classes": {"pit": {"instances": {"train": 4, "validation": 0, "test": 0}}},
    }
    for counted, says in (
        (counts, "its part validation has no label of the class pit"),
        ({"images": {}, "classes": {}}, "it holds no picture"),
    ):
        with database.sessions.begin() as session:
            session.get_one(DatasetSnapshot, snapshot["id"]).counts = counted
        answer = client.post("/api/v1/training-runs", json={"snapshot_id": snapshot["id"]})
        assert answer.status_code == 422
        assert [each["detail"] for each in answer.get_json()["errors"]] == [says]


def test_where_nobody_can_train_it_says_what_to_install(
    client: FlaskClient,
    database: Database,
    snapshot: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from db.models import Trainer

    monkeypatch.setattr(training_runs, "torch_is_here", lambda: False)
    body = {"snapshot_id": snapshot["id"], "steps": 5}
    assert client.post("/api/v1/training-runs", json=body).status_code == 201
    with database.sessions.begin() as session:
        session.delete(session.get_one(Trainer, "here:cpu"))
    answer = client.post("/api/v1/training-runs", json=body)
    assert answer.status_code == 409
    assert INSTALL in answer.get_json()["detail"]
