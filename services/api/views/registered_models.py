"""The registry: models that may judge, and foreign folders that are being checked."""

import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from flask import Response, request
from pydantic import BaseModel, Field
from werkzeug.exceptions import UnsupportedMediaType

from db.access import Permission
from db.bell import TRIAL_QUEUE
from db.errors import NotFound
from db.queries import model_uploads, registry
from db.queries.registry_list import ListedModel, listed
from inspection.model_folder import ModelFolder, ModelFolderError
from inspection.model_intake import (
    MAX_ARCHIVE_BYTES,
    check_classes,
    remove_incoming,
    take_in,
)
from services.api.answers import answer
from services.api.fields import IdPath, Output
from services.api.invalid import InvalidRequest
from services.api.permissions import actor_name, needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("registered-models", "Models that may judge, and where they do.")

Name = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$")]
_FIELDS = {"parent", "new_classes"}
_FORM_AROUND_BYTES = 1_000_000


class ModelPath(BaseModel):
    name: Name


class RegisteredOut(Output):
    id: int | None = Field(description="None: a folder that nobody has registered yet.")
    name: str
    version: str = Field(description="Of its content: the same version is the same model.")
    source: Literal["trained", "uploaded", "shipped", "found", ""]
    state: Literal["candidate", "shadow", "champion", "archived"]
    champion_at: list[str] = Field(description="Keys of stations.")
    shadow_at: list[str]
    parent_id: int | None
    snapshot_id: int | None
    registered_at: datetime | None
    registered_by: str
    problem: str = Field(description="Why it cannot be used here; empty: it can.")
    manifest: dict[str, Any] = Field(description="model.json, with the SHA-256 of each file.")


class RegisteredList(Output):
    items: list[RegisteredOut]


class UploadOut(Output):
    id: int
    name: str
    version: str
    state: Literal["checking", "listed", "refused"]
    reason: str
    model_id: int | None
    asked_at: datetime
    asked_by: str
    ended_at: datetime | None


class UploadForm(BaseModel):
    """As it is documented; the archive is a ZIP or TAR of one model folder."""

    archive: str = Field(json_schema_extra={"format": "binary"})
    parent: str | None = Field(None, description="Name of the registered model it was made from.")
    new_classes: Literal["yes", "no"] = Field(
        "no", description="`yes`: its classes need not fit any recipe that is active."
    )


_BODY = {
    "required": True,
    "content": {"multipart/form-data": {"schema": {"$ref": "#/components/schemas/UploadForm"}}},
}


@blueprint.get("/registered-models", responses=responses({200: RegisteredList}))
@needs(Permission.LAB)
def list_registered_models() -> Response:
    """Every model by name, folders that lie here and nobody has registered among them."""
    with values().database.reads() as session:
        found = listed(session, values().models_dirs)
    return answer(RegisteredList(items=[_render(each) for each in found]))


@blueprint.get("/registered-models/<name>", responses=responses({200: RegisteredOut}, 404))
@needs(Permission.LAB)
def get_registered_model(path: ModelPath) -> Response:
    """One model."""
    return answer(_one(path.name))


@blueprint.post(
    "/registered-models",
    responses=responses({202: UploadOut}, 400, 404, 409, 413, 415),
    openapi_extensions={"requestBody": _BODY},
)
@needs(Permission.LAB)
def upload_model() -> Response:
    """Send a model folder as an archive.

    Answers 202 once archive, hashes, weights and classes are as they should be; a worker then
    does one trial inference, and the upload's own address says how it ended.
    """
    folder, models_dir, parent = _received()
    these = values()
    try:
        with these.database.sessions.begin() as session:
            parent_id = registry.get_named(session, parent).id if parent else None
            if request.form.get("new_classes", "no") != "yes":
                check_classes(folder, model_uploads.classes_wanted(session))
            upload = model_uploads.ask(
                session, folder, models_dir, parent_id=parent_id, by=actor_name(None)
            )
    except Exception as error:
        remove_incoming(folder.path, models_dir)
        if isinstance(error, ModelFolderError):
            raise InvalidRequest([("archive", str(error))]) from error
        raise
    these.bell.ring(TRIAL_QUEUE)
    headers = {"Location": f"/api/v1/model-uploads/{upload.id}"}
    return answer(UploadOut.model_validate(upload), 202, headers=headers)


@blueprint.get("/model-uploads/<id>", responses=responses({200: UploadOut}, 404))
@needs(Permission.LAB)
def get_model_upload(path: IdPath) -> Response:
    """How the checks of an upload went."""
    with values().database.reads() as session:
        upload = model_uploads.get_upload(session, path.id)
    return answer(UploadOut.model_validate(upload))


@blueprint.post(
    "/registered-models/<name>/archive", responses=responses({200: RegisteredOut}, 404, 409)
)
@needs(Permission.LAB)
def archive_model(path: ModelPath) -> Response:
    """Take a model out of what may be promoted; refused while it runs anywhere."""
    with values().database.sessions.begin() as session:
        registry.adopt(session, path.name, values().models_dirs, by=actor_name(None))
        registry.archive(session, path.name)
    return answer(_one(path.name))


@blueprint.post("/registered-models/<name>/restore", responses=responses({200: RegisteredOut}, 404))
@needs(Permission.LAB)
def restore_model(path: ModelPath) -> Response:
    """Make an archived model a candidate again."""
    with values().database.sessions.begin() as session:
        registry.restore(session, path.name)
    return answer(_one(path.name))


def _received() -> tuple[ModelFolder, Path, str]:
    """The folder that was sent, checked as far as it can be here, and its parent's name."""
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType("Expected multipart/form-data with the field `archive`.")
    if not values().models_dirs:
        raise InvalidRequest([("archive", "no folder for models is set here")])
    request.max_content_length = MAX_ARCHIVE_BYTES + _FORM_AROUND_BYTES
    # The parser's buffer counts as memory of the form too.
    request.max_form_memory_size = _FORM_AROUND_BYTES
    unknown = sorted((set(request.form) - _FIELDS) | (set(request.files) - {"archive"}))
    if unknown:
        raise InvalidRequest([(name, "there is no such field") for name in unknown])
    file = request.files.get("archive")
    if file is None:
        raise InvalidRequest([("archive", "expected a file, got none")])
    models_dir = values().models_dirs[0]
    with tempfile.TemporaryDirectory(prefix="lineside-model-") as folder:
        archive = Path(folder) / "archive"
        with archive.open("wb") as sink:
            shutil.copyfileobj(file.stream, sink, 1 << 20)
        try:
            return take_in(archive, models_dir), models_dir, request.form.get("parent", "")
        except ModelFolderError as error:
            raise InvalidRequest([("archive", str(error))]) from error


def _one(name: str) -> RegisteredOut:
    with values().database.reads() as session:
        for each in listed(session, values().models_dirs):
            if each.name == name:
                return _render(each)
    raise NotFound("model", name)


def _render(each: ListedModel) -> RegisteredOut:
    row = each.row
    return RegisteredOut(
        id=row.id if row else None,
        name=each.name,
        version=each.version,
        source=each.source,
        state=each.standing.state.value,
        champion_at=list(each.standing.champion_at),
        shadow_at=list(each.standing.shadow_at),
        parent_id=row.parent_id if row else None,
        snapshot_id=row.snapshot_id if row else None,
        registered_at=row.registered_at if row else None,
        registered_by=row.registered_by if row else "",
        problem=each.problem,
        manifest=each.manifest,
    )
