"""Inspections with their findings, and what was done with the parts."""

from datetime import datetime
from typing import Any, Literal

from flask import Response
from pydantic import Field

from db.access import Permission
from db.models import Finding, MeasurementRow
from db.queries import inspections as queries
from db.queries.dispositions import dispose, dispositions_of
from db.queries.inspections import InspectionFilter, InspectionView
from db.queries.stations import get_station
from inspection.verdicts import Reason, Verdict
from services.api import answers
from services.api.answers import answer
from services.api.fields import Actor, Body, IdPath, Note, Output, Ref, Time
from services.api.fields import Line as OneLine
from services.api.paging import PageQuery
from services.api.permissions import actor_name, needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("inspections", "Verdicts, findings and dispositions.")

Action = Literal["use_as_is", "rework", "repair", "scrap", "return", "restocked", "not_workable"]


class MeasurementOut(Output):
    value: float
    unit: str
    uncertainty: float | None = Field(
        description="Standard uncertainty (k = 1), same unit; None: a count, or not known."
    )
    warn_limit: float | None
    fail_limit: float | None
    verdict: Verdict | None = Field(description="None: no limit is set on it.")


class PlacedMeasurement(MeasurementOut):
    name: str
    place: str


class MaskRle(Output):
    size: list[int] = Field(description="[height, width] of the upright image, px.")
    counts: str = Field(description="COCO compressed run-length encoding.")


class FindingOut(Output):
    id: int
    class_name: str = Field(alias="class")
    score: float
    box_xyxy: list[float] = Field(description="Left, upper, right, lower; px, upright image.")
    verdict: Verdict
    place: str
    measurements: dict[str, MeasurementOut]
    mask_rle: MaskRle | None = Field(description="In a single inspection; None in lists.")


class RecipeRef(Output):
    version_id: int
    name: str
    version: int


class ModelRef(Output):
    version_id: int
    name: str
    version: str


class InspectionOut(Output):
    id: int
    acquisition_id: int
    station_id: int
    station: str = Field(description="The station's key.")
    camera_id: int
    camera: str = Field(description="The camera's key.")
    sequence: int
    captured_at: datetime
    created_at: datetime
    verdict: Verdict
    reason: str | None = Field(description="Why it was not inspected.")
    detail: str | None = Field(description="One line for a person.")
    part: str | None
    lot: str | None
    recipe: RecipeRef
    model: ModelRef | None
    calibration_id: int | None
    image_sha256: str | None
    image_width_px: int | None
    image_height_px: int | None
    engine_ms: float | None
    findings: list[FindingOut]
    measurements: list[PlacedMeasurement] = Field(description="Counts and facings.")


class InspectionPage(Output):
    items: list[InspectionOut]
    next: str | None


class InspectionQuery(PageQuery):
    station: Ref | None = Field(None, description="Only of this station, by its id or key.")
    verdict: Verdict | None = None
    reason: Reason | None = Field(None, description="Not inspected for this reason.")
    since: Time | None = Field(None, description="Captured at this time or later.")
    until: Time | None = Field(None, description="Captured before this time.")
    class_name: OneLine | None = Field(
        None, alias="class", max_length=100, description="With a finding of this class."
    )


class NewDisposition(Body):
    action: Action
    actor: Actor = "api"
    note: Note = ""


class DispositionOut(Output):
    id: int
    inspection_id: int
    action: str
    actor: str
    note: str
    undoes_id: int | None = Field(
        description="The disposition that this one takes back; it says again what held before."
    )
    created_at: datetime


class DispositionList(Output):
    items: list[DispositionOut]


@blueprint.get("/inspections", responses=responses({200: InspectionPage}, 404))
@needs(Permission.VIEW)
def list_inspections(query: InspectionQuery) -> Response:
    """List inspections, the newest first, without their masks."""
    with values().database.reads() as session:
        wanted = InspectionFilter(
            station_id=get_station(session, query.station).id if query.station else None,
            verdict=query.verdict,
            reason=query.reason,
            since=query.since,
            until=query.until,
            class_name=query.class_name,
        )
        rows = queries.list_inspections(session, wanted, after=query.after, limit=query.limit)
    return answers.page(InspectionPage, rows, lambda view: render(view, masks=False))


@blueprint.get("/inspections/<id>", responses=responses({200: InspectionOut}, 404))
@needs(Permission.VIEW)
def get_inspection(path: IdPath) -> Response:
    """One inspection with findings, measurements and masks."""
    with values().database.reads() as session:
        view = queries.get_inspection(session, path.id)
    return answer(render(view))


@blueprint.get("/inspections/<id>/dispositions", responses=responses({200: DispositionList}, 404))
@needs(Permission.VIEW)
def list_dispositions(path: IdPath) -> Response:
    """What was done with the part, the newest first; the newest counts."""
    with values().database.reads() as session:
        rows = dispositions_of(session, path.id)
    return answer(DispositionList(items=[DispositionOut.model_validate(row) for row in rows]))


@blueprint.post(
    "/inspections/<id>/dispositions",
    responses=responses({201: DispositionOut}, 400, 404, 413, 415),
)
@needs(Permission.ACT)
def add_disposition(path: IdPath, body: NewDisposition) -> Response:
    """Say what was done with the part."""
    with values().database.sessions.begin() as session:
        actor = actor_name(body.given().get("actor"))
        row = dispose(session, path.id, body.action, actor, body.note)
    return answer(DispositionOut.model_validate(row), 201)


def render(view: InspectionView, *, masks: bool = True) -> InspectionOut:
    """An inspection as it goes out; `masks=False` where they were not loaded."""
    row = view.inspection
    same: dict[str, Any] = {
        name: getattr(row, name)
        for name in InspectionOut.model_fields
        if name in type(row).__table__.columns
    }
    model = None
    if row.model_version_id is not None:
        model = ModelRef(
            version_id=row.model_version_id,
            name=view.model_name or "",
            version=view.model_version or "",
        )
    return InspectionOut(
        **same,
        station=view.station_key,
        camera=view.camera_key,
        sequence=view.sequence,
        part=view.part_serial,
        lot=view.lot_code,
        recipe=RecipeRef(
            version_id=row.recipe_version_id, name=view.recipe_name, version=view.recipe_version
        ),
        model=model,
        findings=[_finding(finding, masks) for finding in row.findings],
        measurements=[_placed(measurement) for measurement in row.measurements],
    )


def _finding(row: Finding, masks: bool) -> FindingOut:
    return FindingOut(
        id=row.id,
        class_name=row.class_name,
        score=row.score,
        box_xyxy=[row.x0, row.y0, row.x1, row.y1],
        verdict=Verdict(row.verdict),
        place=row.place,
        measurements={
            measurement.name: MeasurementOut.model_validate(measurement)
            for measurement in row.measurements
        },
        mask_rle=MaskRle.model_validate(row.mask_rle) if masks else None,
    )


def _placed(row: MeasurementRow) -> PlacedMeasurement:
    return PlacedMeasurement.model_validate(row)
