"""A station's calibrations: what makes its pixels into millimetres."""

from datetime import datetime
from typing import Annotated, Literal

from flask import Response
from pydantic import Field, ValidationError

from db.access import Permission
from db.base import utc_now
from db.models import Calibration as Row
from db.queries import stations
from db.queries.calibrations import to_domain
from inspection import calibration as domain
from services.api import answers
from services.api.answers import answer
from services.api.fields import Body, Note, Output, RefPath, Time
from services.api.paging import PageQuery
from services.api.permissions import needs
from services.api.problems import from_validation, responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("calibrations", "What makes a station's pixels into millimetres.")

Number = Annotated[float, Field(ge=-1e9, le=1e9)]
Row3 = Annotated[list[Number], Field(min_length=3, max_length=3)]
Matrix = Annotated[list[Row3], Field(min_length=3, max_length=3)]
SizeWh = Annotated[list[Annotated[int, Field(ge=1, le=100_000)]], Field(min_length=2, max_length=2)]


class Lens(Body):
    camera: Matrix = Field(description="Focal lengths and centre, px: fx 0 cx, 0 fy cy, 0 0 1.")
    distortion: list[Number] = Field(
        min_length=4, max_length=14, description="k1, k2, p1, p2 and on, as OpenCV counts them."
    )


class NewCalibration(Body):
    """What `lineside calibrate` writes into a file; a scale alone needs `mm_per_px` only."""

    mm_per_px: float = Field(gt=0, le=1000, description="Millimetres per pixel.")
    u_mm_per_px: float = Field(0.0, ge=0, le=1000, description="Its standard uncertainty.")
    method: Literal["scale", "checkerboard", "plane"] = "scale"
    size_wh: SizeWh | None = Field(None, description="Of the images; goes with lens and plane.")
    lens: Lens | None = None
    plane: Matrix | None = Field(None, description="From undistorted px to mm, row by row.")
    residual_px: float | None = Field(None, ge=0, le=1e6, description="Of the fit, RMS.")
    made_at: Time | None = Field(None, description="None: now.")
    expires_at: Time | None = None
    note: Note = Field("", max_length=300)


class LensOut(Output):
    camera: list[list[float]]
    distortion: list[float]


class CalibrationOut(Output):
    id: int
    station_id: int
    mm_per_px: float
    u_mm_per_px: float = Field(description="Standard uncertainty (k = 1).")
    method: str
    size_wh: list[int] | None
    lens: LensOut | None
    plane: list[list[float]] | None
    residual_px: float | None
    made_at: datetime
    expires_at: datetime | None
    state: domain.CalibrationState = Field(
        description="`expires_soon` from a fortnight before; by an `expired` one nothing passes."
    )
    expires_in_days: int | None = Field(description="Whole days; null: it never expires.")
    note: str


class CalibrationPage(Output):
    items: list[CalibrationOut]
    next: str | None


@blueprint.get("/stations/<ref>/calibrations", responses=responses({200: CalibrationPage}, 404))
@needs(Permission.LAB)
def list_calibrations(path: RefPath, query: PageQuery) -> Response:
    """A station's calibrations, the newest first; the first unexpired one counts."""
    with values().database.reads() as session:
        station_id = stations.get_station(session, path.ref).id
        rows = stations.list_calibrations(session, station_id, after=query.after, limit=query.limit)
    return answers.page(CalibrationPage, rows, _render)


@blueprint.post(
    "/stations/<ref>/calibrations",
    responses=responses({201: CalibrationOut}, 400, 404, 413, 415),
)
@needs(Permission.LAB)
def add_calibration(path: RefPath, body: NewCalibration) -> Response:
    """Calibrate a station: a scale, or with a lens and a plane."""
    try:
        made = domain.Calibration.model_validate(body.model_dump())
    except ValidationError as error:
        raise from_validation(error) from error
    with values().database.sessions.begin() as session:
        row = stations.store_calibration(session, path.ref, made)
    return answer(_render(row), 201)


def _render(row: Row) -> CalibrationOut:
    made, now = to_domain(row), utc_now()
    shown = made.model_dump(mode="json")
    return CalibrationOut.model_validate(
        shown
        | {
            "id": row.id,
            "station_id": row.station_id,
            "made_at": row.made_at,
            "expires_at": row.expires_at,
            "state": made.state_at(now),
            "expires_in_days": made.days_left(now),
        }
    )
