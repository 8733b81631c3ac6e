"""Pushing frames: the image into the store, then its row, then the bell."""

from datetime import datetime, timedelta
from typing import Any

from flask import Response, request
from pydantic import BaseModel, Field, ValidationError
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from db.access import Permission
from db.base import utc_now
from db.bell import INSPECT_QUEUE
from db.frames import StoredImage, StoreFull
from db.queries.acquisition_errors import NoRecipe
from db.queries.acquisitions import NewAcquisition, accept
from db.queries.camera_pages import saw_push
from db.queries.stations import get_station, push_camera
from inspection.image_file import MAX_BYTES as MAX_IMAGE_BYTES
from inspection.verdicts import Reason
from services.api.answers import answer
from services.api.fields import LINE_PATTERN, Input, Output, Ref, RefPath, Time
from services.api.invalid import InvalidRequest
from services.api.permissions import needs
from services.api.problems import from_validation, responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("frames", "Frames that somebody pushes.")

_MAX_AHEAD = timedelta(minutes=5)
_OLDEST_YEAR = 2000


class PushHeaders(BaseModel):
    key: str | None = Field(
        None,
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="The same key at the same station is the same acquisition.",
    )


class FrameForm(Input):
    """The form's fields beside the image."""

    camera: Ref | None = Field(None, description="Id or key, where a station has several.")
    part: str | None = Field(None, min_length=1, max_length=100, pattern=LINE_PATTERN)
    lot: str | None = Field(None, min_length=1, max_length=100, pattern=LINE_PATTERN)
    captured_at: Time | None = Field(None, description="RFC 3339 with its offset; default: now.")


class PushedFrame(FrameForm):
    """The form as it is documented; pydantic reads all but the image from it."""

    image: str = Field(json_schema_extra={"format": "binary"}, description="JPEG or PNG file.")


class AcceptedFrame(Output):
    acquisition_id: int
    sequence: int
    repeated: bool = Field(description="The key had been accepted before; nothing is new.")


_BODY = {
    "required": True,
    "content": {"multipart/form-data": {"schema": {"$ref": "#/components/schemas/PushedFrame"}}},
}


@blueprint.post(
    "/stations/<ref>/frames",
    responses=responses({202: AcceptedFrame}, 400, 404, 409, 413, 415, 429),
    openapi_extensions={"requestBody": _BODY},
)
@needs(Permission.PUSH)
def push_frame(path: RefPath, header: PushHeaders) -> Response:
    """Push a frame to be inspected.

    Answers 202 once nothing can lose it any more; the verdict is at the acquisition's address.
    A damaged image is an acquisition too, and its verdict is not_inspected.
    """
    form, data = _read_form()
    captured_at = _plausible(form.captured_at)
    these = values()
    with these.database.reads() as session:
        # Refused before anything is stored that nobody would ever look at.
        station = get_station(session, path.ref)
        if station.recipe_version_id is None:
            raise NoRecipe(station.id)
    image, refusal = _store(data)
    with these.database.sessions.begin() as session:
        station = get_station(session, path.ref)
        camera = push_camera(session, station, form.camera)
        new = NewAcquisition(
            camera_id=camera.id,
            captured_at=captured_at,
            image=image,
            part_serial=form.part,
            lot_code=form.lot,
            idempotency_key=header.key,
            refusal=refusal,
        )
        (accepted,) = accept(session, [new])
        saw_push(session, camera)
    these.bell.ring(INSPECT_QUEUE)
    shown = AcceptedFrame(
        acquisition_id=accepted.acquisition_id,
        sequence=accepted.sequence,
        repeated=accepted.repeated,
    )
    location = f"/api/v1/acquisitions/{accepted.acquisition_id}"
    return answer(shown, 202, headers={"Location": location})


def _read_form() -> tuple[FrameForm, bytes]:
    """The fields and the file's bytes. flask-openapi3 would read a part's serial 007 as JSON."""
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType("Expected multipart/form-data with the field `image`.")
    fields: dict[str, Any] = request.form.to_dict()
    if "image" in fields:
        raise InvalidRequest([("image", "expected a file, got a text field")])
    unknown = sorted(set(request.files) - {"image"})
    if unknown:
        raise InvalidRequest([(name, "there is no such field") for name in unknown])
    file = request.files.get("image")
    if file is None:
        raise InvalidRequest([("image", "expected a file, got none")])
    try:
        form = FrameForm.model_validate(fields)
    except ValidationError as error:
        raise from_validation(error) from error
    return form, _read_image(file)


def _read_image(file: FileStorage) -> bytes:
    data = file.stream.read(MAX_IMAGE_BYTES + 1)
    if len(data) > MAX_IMAGE_BYTES:
        raise RequestEntityTooLarge(f"Expected an image of at most {MAX_IMAGE_BYTES} bytes.")
    if not data:
        raise InvalidRequest([("image", "expected a file, got an empty one")])
    return data


def _plausible(captured_at: datetime | None) -> datetime:
    now = utc_now()
    if captured_at is None:
        return now
    if captured_at.year < _OLDEST_YEAR or captured_at > now + _MAX_AHEAD:
        raise InvalidRequest(
            [("captured_at", f"expected a time from {_OLDEST_YEAR} on that is not in the future")]
        )
    return captured_at


def _store(data: bytes) -> tuple[StoredImage | None, tuple[Reason, str] | None]:
    """Keep the image. A full disk makes an acquisition too, since the frame ought to be seen."""
    try:
        return values().store.put(data, _suffix(data)), None
    except StoreFull:
        return None, (Reason.STORAGE_FULL, "the frame store is full")


def _suffix(data: bytes) -> str:
    """By what the file begins with; what is named so need not be one."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    return "bin"
