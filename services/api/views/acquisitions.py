"""Acquisitions: what became of a frame, its image and its overlay."""

import threading
import time
from datetime import datetime
from typing import Annotated

from flask import Response
from pydantic import Field

from db.access import Permission
from db.frames import FrameMissing
from db.models import Acquisition
from db.queries import inspections as queries
from inspection.verdicts import AcquisitionState, Verdict
from services.api.answers import answer
from services.api.fields import IdPath, Input, Output
from services.api.overlays import draw_overlay
from services.api.permissions import needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values
from services.api.views.inspections import InspectionOut, render

blueprint = make_blueprint("acquisitions", "Frames that ought to be inspected.")

_FIRST_LOOK_S, _LAST_LOOK_S = 0.02, 0.25
_MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png"}
_IMAGE_CONTENT: dict[str, dict[str, str]] = {
    name: {} for name in (*_MEDIA_TYPES.values(), "application/octet-stream")
}
# Content-addressed, so that it never changes; private, since it is behind a token.
_FOREVER = "private, max-age=31536000, immutable"


class WaitQuery(Input):
    wait: Annotated[float, Field(ge=0, le=30)] = Field(
        0, description="Seconds to wait for the verdict."
    )


class AcquisitionOut(Output):
    acquisition_id: int
    station_id: int
    camera_id: int
    sequence: int
    captured_at: datetime
    received_at: datetime
    state: AcquisitionState
    attempts: int
    parent_id: int | None = Field(description="The acquisition that was sent again as this one.")
    verdict: Verdict | None = Field(description="None as long as it is in flight.")
    reason: str | None
    inspection: InspectionOut | None


@blueprint.get("/acquisitions/<id>", responses=responses({200: AcquisitionOut}, 404))
@needs(Permission.VIEW)
def get_acquisition(path: IdPath, query: WaitQuery) -> Response:
    """One acquisition; with `wait`, as soon as it has its verdict."""
    database = values().database
    with database.reads() as session:
        queries.get_acquisition(session, path.id)
    _wait_for_verdict(path.id, min(query.wait, values().max_wait_s))
    with database.reads() as session:
        row = queries.get_acquisition(session, path.id)
        view = queries.inspection_of(session, path.id)
    return answer(_render(row, render(view) if view else None))


@blueprint.get(
    "/acquisitions/<id>/image",
    responses=responses(
        {200: {"description": "The file as it was acquired", "content": _IMAGE_CONTENT}}, 404
    ),
)
@needs(Permission.VIEW)
def get_image(path: IdPath) -> Response:
    """The image of an acquisition, byte for byte as it was acquired."""
    with values().database.reads() as session:
        row = queries.get_acquisition(session, path.id)
    data = _image_of(row)
    suffix = str(row.image_key).rpartition(".")[2]
    media_type = _MEDIA_TYPES.get(suffix, "application/octet-stream")
    response = Response(data, mimetype=media_type, headers={"Cache-Control": _FOREVER})
    if suffix not in _MEDIA_TYPES:
        response.headers["Content-Disposition"] = "attachment"
    response.set_etag(str(row.image_sha256))
    return response


@blueprint.get(
    "/acquisitions/<id>/overlay",
    responses=responses(
        {200: {"description": "The image with its findings", "content": {"image/jpeg": {}}}},
        404,
        409,
    ),
)
@needs(Permission.VIEW)
def get_overlay(path: IdPath) -> Response:
    """The image of an inspected acquisition with its findings drawn over it."""
    with values().database.reads() as session:
        row = queries.get_acquisition(session, path.id)
        view = queries.inspection_of(session, path.id)
    jpeg = draw_overlay(path.id, lambda: _image_of(row), view)
    return Response(jpeg, mimetype="image/jpeg", headers={"Cache-Control": _FOREVER})


def _wait_for_verdict(acquisition_id: int, wait_s: float) -> None:
    """Look again and again, ever less often, with no session open in between.

    Looking is one read of a unique index. The events channel could be lost, so that looking would
    be needed beside it anyway.
    """
    deadline = time.monotonic() + wait_s
    step_s = _FIRST_LOOK_S
    pause = threading.Event()
    while (left_s := deadline - time.monotonic()) > 0:
        with values().database.reads() as session:
            if queries.is_inspected(session, acquisition_id):
                return
        pause.wait(min(step_s, left_s))
        step_s = min(step_s * 1.5, _LAST_LOOK_S)


def _image_of(row: Acquisition) -> bytes:
    if row.image_key is None:
        raise FrameMissing("")
    return values().store.get(row.image_key)


def _render(row: Acquisition, inspection: InspectionOut | None) -> AcquisitionOut:
    return AcquisitionOut(
        acquisition_id=row.id,
        station_id=row.station_id,
        camera_id=row.camera_id,
        sequence=row.sequence,
        captured_at=row.captured_at,
        received_at=row.received_at,
        state=AcquisitionState(row.state),
        attempts=row.attempts,
        parent_id=row.parent_id,
        verdict=inspection.verdict if inspection else None,
        reason=inspection.reason if inspection else None,
        inspection=inspection,
    )
