"""Dead letters: what ended without a result after all its attempts."""

from datetime import datetime

from flask import Response

from db import audit
from db.access import Permission
from db.bell import INSPECT_QUEUE
from db.queries.acquisitions import resend
from db.queries.inspections import (
    InspectionFilter,
    InspectionView,
    get_acquisition,
    list_inspections,
)
from db.queries.stations import get_station
from inspection.verdicts import Reason
from services.api import answers
from services.api.answers import answer
from services.api.fields import IdPath, Output, Ref
from services.api.paging import PageQuery
from services.api.permissions import needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values
from services.api.views.frames import AcceptedFrame

blueprint = make_blueprint("dead-letters", "Acquisitions that no attempt could inspect.")


class DeadLetter(Output):
    acquisition_id: int
    inspection_id: int
    station_id: int
    camera_id: int
    captured_at: datetime
    detail: str | None


class DeadLetterPage(Output):
    items: list[DeadLetter]
    next: str | None


class DeadLetterQuery(PageQuery):
    station: Ref | None = None


@blueprint.get("/dead-letters", responses=responses({200: DeadLetterPage}, 404))
@needs(Permission.LAB)
def list_dead_letters(query: DeadLetterQuery) -> Response:
    """List dead letters, the newest first."""
    with values().database.reads() as session:
        wanted = InspectionFilter(
            station_id=get_station(session, query.station).id if query.station else None,
            reason=Reason.FAILED,
        )
        rows = list_inspections(session, wanted, after=query.after, limit=query.limit)
    return answers.page(DeadLetterPage, rows, _render)


@blueprint.post(
    "/dead-letters/<id>/resend", responses=responses({202: AcceptedFrame}, 404, 409, 429)
)
@needs(Permission.LAB)
def resend_dead_letter(path: IdPath) -> Response:
    """Send an acquisition that was not inspected again, by its acquisition's id.

    It becomes a new acquisition that names the old one; the old verdict stays.
    """
    with values().database.sessions.begin() as session:
        station_id = get_acquisition(session, path.id).station_id
        accepted = resend(session, path.id)
        audit.record(
            session,
            "sent again",
            kind="acquisition",
            id=path.id,
            station_id=station_id,
            detail={"as": accepted.acquisition_id},
        )
    values().bell.ring(INSPECT_QUEUE)
    shown = AcceptedFrame(
        acquisition_id=accepted.acquisition_id, sequence=accepted.sequence, repeated=False
    )
    location = f"/api/v1/acquisitions/{accepted.acquisition_id}"
    return answer(shown, 202, headers={"Location": location})


def _render(view: InspectionView) -> DeadLetter:
    row = view.inspection
    return DeadLetter(
        acquisition_id=row.acquisition_id,
        inspection_id=row.id,
        station_id=row.station_id,
        camera_id=row.camera_id,
        captured_at=row.captured_at,
        detail=row.detail,
    )
