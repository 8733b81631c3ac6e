"""Foreign model folders at the door: what is refused, with which words, and what is let in."""

import io
import json
import shutil
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from db.engine import Database
from db.models import AuditEntry, ModelUpload, RegisteredModel
from inspection.detections import Detections
from inspection.model_folder import MANIFEST, find_model
from services.api.values import EXTENSION
from tests import factories
from tests.integration.drain.plant import BrightnessDetector
from tests.unit.services.api.conftest import TOKEN
from workers.inspecting.models import Models
from workers.inspecting.runtime import Runtime
from workers.inspecting.uploads import upload_step

HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def client(app: Flask, models_dir: Path) -> FlaskClient:
    object.__setattr__(app.extensions[EXTENSION], "models_dirs", (models_dir,))
    return app.test_client()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The surface starter under another name."""
    made = tmp_path / "sent" / "mine"
    shutil.copytree(find_model("surface-starter"), made)
    change(made, name="mine")
    return made


def change(folder: Path, **values: Any) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | values))


def hashed(folder: Path) -> None:
    """Write the hashes of the files as they are now."""
    files = json.loads((folder / MANIFEST).read_text())["files"]
    change(folder, files={name: sha256((folder / name).read_bytes()).hexdigest() for name in files})


def send(client: FlaskClient, folder: Path, **fields: str) -> Any:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))
    packed.seek(0)
    data = {"archive": (packed, "model.zip"), **fields}
    return client.post("/api/v1/registered-models", data=data, headers=HEADERS)


def wrong_hash(folder: Path) -> None:
    (folder / "graph.onnx").write_bytes((folder / "graph.onnx").read_bytes() + b"\0")


def pickle(folder: Path) -> None:
    (folder / "weights.safetensors").write_bytes(b"\x80\x04\x95rest of a pickle")
    hashed(folder)


def torch_zip(folder: Path) -> None:
    with zipfile.ZipFile(folder / "weights.safetensors", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02")
    hashed(folder)


def more_files(folder: Path) -> None:
    (folder / "setup.py").write_text("import os")


def not_finite(folder: Path) -> None:
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-4:] = np.float32(np.nan).tobytes()
    path.write_bytes(content)
    hashed(folder)


def cut_off(folder: Path) -> None:
    path = folder / "graph.onnx"
    path.write_bytes(path.read_bytes()[:-1000])
    hashed(folder)


def no_schema(folder: Path) -> None:
    change(folder, classes=[])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (wrong_hash, "graph.onnx has SHA-256"),
        (pickle, "nothing that unpickles is ever loaded"),
        (torch_zip, "is a ZIP, as torch saves pickles in"),
        (more_files, "holds 'setup.py'"),
        (not_finite, "weights have to be finite"),
        (cut_off, "graph.onnx is no onnx file"),
        (no_schema, "classes: Tuple should have at least 1 item"),
    ],
)
def test_a_folder_that_may_not_be_used_is_refused_with_the_reason(
    client: FlaskClient, folder: Path, models_dir: Path, database: Database, spoil: Any, said: str
) -> None:
    spoil(folder)
    answer = send(client, folder)
    assert answer.status_code == 422, answer.text
    assert said in answer.json["errors"][0]["detail"]
    # Nothing of it is left, and nothing was written down.
    assert list((models_dir / ".incoming").iterdir()) == []
    with database.reads() as session:
        assert session.scalars(select(ModelUpload)).all() == []


def test_an_archive_that_leads_elsewhere_is_refused(client: FlaskClient, models_dir: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../evil", b"x")
    packed.seek(0)
    data = {"archive": (packed, "model.zip")}
    answer = client.post("/api/v1/registered-models", data=data, headers=HEADERS)
    assert answer.status_code == 422
    assert not (models_dir.parent / "evil").exists()


def test_classes_that_fit_no_active_recipe_are_refused_unless_they_are_meant(
    client: FlaskClient, folder: Path, database: Database
) -> None:
    with database.sessions.begin() as session:
        body = factories.recipe_body(name="bottles", classes={"bottle": {}})
        factories.make_station(session, recipe=factories.make_recipe_version(session, body=body))
    answer = send(client, folder)
    assert answer.status_code == 422
    assert "which fits no active recipe (bottles: bottle)" in answer.text
    assert send(client, folder, new_classes="yes").status_code == 202


class Broken(BrightnessDetector):
    def _detect(self, image: Any) -> Detections:
        found = Detections.empty((640, 480))
        return Detections(
            found.size_wh,
            np.zeros((1, 4), np.float32),
            np.array([np.nan], np.float32),
            np.array([0]),
            (super()._detect(image * 0).masks[0],),
        )


@pytest.fixture
def runtime(database: Database, models_dir: Path) -> Runtime:
    kinds: dict[str, type[BrightnessDetector]] = {"mine": BrightnessDetector}

    def load(folder: Any) -> BrightnessDetector:
        return kinds[folder.name](folder.classes)

    made: Any = Runtime.__new__(Runtime)
    made.database = database
    made.models = Models(load, models_dir=models_dir, budget_bytes=1)
    made.kinds = kinds
    return made  # type: ignore[no-any-return]


def test_what_is_as_it_should_be_is_tried_by_a_worker_and_listed(
    client: FlaskClient, folder: Path, models_dir: Path, database: Database, runtime: Runtime
) -> None:
    sent = send(client, folder)
    assert sent.status_code == 202, sent.text
    assert sent.json["state"] == "checking"
    # Not listed, and not twice at once.
    assert client.get("/api/v1/registered-models/mine", headers=HEADERS).status_code == 404
    assert send(client, folder).status_code == 409
    assert upload_step(runtime) is True
    assert upload_step(runtime) is False
    upload = client.get(sent.headers["Location"], headers=HEADERS).json
    assert upload["state"] == "listed", upload
    model = client.get("/api/v1/registered-models/mine", headers=HEADERS).json
    assert (model["state"], model["source"], model["problem"]) == ("candidate", "uploaded", "")
    assert list((models_dir / ".incoming").iterdir()) == []
    with database.reads() as session:
        assert session.scalars(
            select(AuditEntry).where(AuditEntry.object_kind == "model_upload")
        ).first()
    # A name stands for one content for good.
    change(folder, licence="another")
    assert send(client, folder).status_code == 409


def test_what_fails_its_trial_inference_is_refused(
    client: FlaskClient, folder: Path, models_dir: Path, database: Database, runtime: Any
) -> None:
    runtime.kinds["mine"] = Broken
    sent = send(client, folder)
    upload_step(runtime)
    upload = client.get(sent.headers["Location"], headers=HEADERS).json
    assert upload["state"] == "refused"
    assert "no finite numbers" in upload["reason"]
    assert not (models_dir / "mine").exists()
    with database.reads() as session:
        assert session.scalars(select(RegisteredModel)).all() == []


def test_a_champion_is_not_archived(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        key = factories.make_station(session).key
    answer = client.post("/api/v1/registered-models/surface-starter/archive", headers=HEADERS)
    assert answer.status_code == 409
    assert f"surface-starter is champion at {key}" in answer.json["detail"]
