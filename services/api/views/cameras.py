"""Cameras. A password in a URL goes in and never comes out again."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Literal, Self

from flask import Response
from pydantic import Field, model_validator

from db.access import Permission
from db.camera_sources import SourceForbidden
from db.credentials import BadSourceUrl
from db.errors import Conflict
from db.models import Camera
from db.queries import camera_pages, plant_edits, stations
from db.queries.cameras import CameraExists, add_camera, change_source
from inspection.verdicts import CameraState
from services.api import answers
from services.api.answers import REMOVED, answer, removed
from services.api.fields import LINE_PATTERN, Body, NewKey, Output, Ref, RefPath, Whole
from services.api.fields import Line as OneLine
from services.api.invalid import InvalidRequest
from services.api.paging import PageQuery
from services.api.permissions import needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("cameras", "Where frames come from.")

Kind = Literal["file", "folder", "rtsp", "usb", "push", "sample-surfaces", "sample-shelf"]
_URL_SCHEMES = ("rtsp://", "rtsps://", "http://", "https://")


SourceText = Annotated[str, Field(max_length=1000, pattern=LINE_PATTERN)]


class CameraOut(Output):
    id: int
    station_id: int
    key: str
    name: str
    kind: str
    source: str = Field(description="Path, device or URL, without user and password.")
    has_password: bool
    enabled: bool
    state: CameraState
    state_reason: str
    state_since: datetime
    heartbeat_at: datetime | None
    interval_s: float | None = Field(description="Measured seconds between acquisitions.")


class CameraPage(Output):
    items: list[CameraOut]
    next: str | None


class CameraQuery(PageQuery):
    station: Ref | None = Field(None, description="Only of this station, by its id or key.")


class NewOptions(Body):
    loop: bool = Field(False, description="file: begin again at the end.")
    fast: bool = Field(False, description="file: as fast as frames are taken.")
    watch: bool = Field(False, description="folder: stay, and take images that come later.")
    seed: Annotated[int, Field(ge=0, le=2**31), Whole] = Field(
        0, description="sample-*: the same seed draws the same."
    )
    interval_s: float = Field(2.5, gt=0, le=3600, description="sample-*: seconds between frames.")


class NewSource(Body):
    kind: Kind
    source: SourceText = Field(
        "",
        description="rtsp: a URL, whose password is kept apart and never shown. file and folder:"
        " an absolute path on ingest's host, in `clips` of the data folder or another folder that"
        " LINESIDE_CAMERA_FOLDERS allows. usb: a device such as /dev/video0.",
    )
    options: NewOptions = Field(default_factory=NewOptions)

    @model_validator(mode="after")
    def _source_fits(self) -> Self:
        if self.kind == "rtsp":
            if not self.source.startswith(_URL_SCHEMES):
                raise ValueError(f"expected a source that begins with {', '.join(_URL_SCHEMES)}")
        elif self.kind in ("file", "folder", "usb"):
            if not self.source.startswith("/"):
                raise ValueError("expected a source that is an absolute path")
        elif self.source:
            raise ValueError(f"expected no source for a camera of kind {self.kind}")
        return self


class NewCamera(NewSource):
    station: Ref = Field(description="The station's id or key.")
    key: NewKey
    name: OneLine = ""


class Minute(Output):
    minute: datetime
    reason: str
    count: int


class MinutePage(Output):
    items: list[Minute]
    next: str | None


@blueprint.get("/cameras", responses=responses({200: CameraPage}, 404))
@needs(Permission.LAB)
def list_cameras(query: CameraQuery) -> Response:
    """List cameras."""
    with values().database.reads() as session:
        station_id = stations.get_station(session, query.station).id if query.station else None
        rows = camera_pages.list_cameras(
            session, station_id=station_id, after=query.after, limit=query.limit
        )
    return answers.page(CameraPage, rows, _render)


@blueprint.post("/cameras", responses=responses({201: CameraOut}, 400, 404, 409, 413, 415))
@needs(Permission.LAB)
def create_camera(body: NewCamera) -> Response:
    """Add a camera to a station; ingest finds it within seconds."""
    with values().database.sessions.begin() as session, _refusing_sources():
        values().sources.check_new(body.kind, body.source)
        station = stations.get_station(session, body.station)
        row = add_camera(
            session,
            station.id,
            body.key,
            body.kind,
            body.source,
            box=values().secrets(),
            name=body.name,
            options=body.options.model_dump(),
        )
    return answer(_render(row), 201, headers={"Location": f"/api/v1/cameras/{row.id}"})


@blueprint.put("/cameras/<ref>/source", responses=responses({200: CameraOut}, 400, 404, 413, 415))
@needs(Permission.LAB)
def change_camera_source(path: RefPath, body: NewSource) -> Response:
    """Give a camera another source, or another password; it plays from the start."""
    with values().database.sessions.begin() as session, _refusing_sources():
        values().sources.check_new(body.kind, body.source)
        row = camera_pages.get_camera(session, path.ref)
        change_source(
            session,
            row,
            body.kind,
            body.source,
            box=values().secrets(),
            options=body.options.model_dump(),
        )
    return answer(_render(row))


@blueprint.get("/cameras/<ref>", responses=responses({200: CameraOut}, 404))
@needs(Permission.LAB)
def get_camera(path: RefPath) -> Response:
    """One camera, by its id or key."""
    with values().database.reads() as session:
        row = camera_pages.get_camera(session, path.ref)
    return answer(_render(row))


@blueprint.post("/cameras/<ref>/enable", responses=responses({200: CameraOut}, 404))
@needs(Permission.LAB)
def enable_camera(path: RefPath) -> Response:
    """Switch a camera on."""
    return _switch(path.ref, True)


@blueprint.post("/cameras/<ref>/disable", responses=responses({200: CameraOut}, 404))
@needs(Permission.LAB)
def disable_camera(path: RefPath) -> Response:
    """Switch a camera off; what it has given already is inspected."""
    return _switch(path.ref, False)


@blueprint.delete("/cameras/<ref>", responses=responses({204: REMOVED}, 404, 409))
@needs(Permission.LAB)
def remove_camera(path: RefPath) -> Response:
    """Remove a camera that is switched off and gave no frame."""
    with values().database.sessions.begin() as session:
        plant_edits.remove_camera(session, path.ref)
    return removed()


@blueprint.get("/cameras/<ref>/minutes", responses=responses({200: MinutePage}, 404))
@needs(Permission.LAB)
def list_minutes(path: RefPath, query: PageQuery) -> Response:
    """Frames that could have no row, counted by minute and reason, the newest first."""
    with values().database.reads() as session:
        camera = camera_pages.get_camera(session, path.ref)
        rows = camera_pages.list_minutes(session, camera.id, after=query.after, limit=query.limit)
    return answers.page(MinutePage, rows, Minute.model_validate)


@contextmanager
def _refusing_sources() -> Iterator[None]:
    try:
        yield
    except CameraExists as error:
        raise Conflict("camera", f"there is already one named {error.key!r}") from error
    except (BadSourceUrl, SourceForbidden) as error:
        # Its words hold no password.
        raise InvalidRequest([("source", str(error))]) from error


def _switch(ref: str, enabled: bool) -> Response:
    with values().database.sessions.begin() as session:
        row = camera_pages.set_enabled(session, ref, enabled)
    values().events.publish(
        {
            "type": "camera",
            "station_id": row.station_id,
            "camera_id": row.id,
            "state": row.state,
        }
    )
    return answer(_render(row))


def _render(row: Camera) -> CameraOut:
    shown = {name: getattr(row, name) for name in CameraOut.model_fields if name != "has_password"}
    return CameraOut(**shown, has_password=row.secret is not None)
