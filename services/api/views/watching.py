"""Watching: references, hourly checks, and stations on hold."""

from datetime import datetime, timedelta
from typing import Any

from flask import Response
from pydantic import Field

from db.access import Permission
from db.base import utc_now
from db.models import StationCheck, StationHold, StationReference
from db.queries import holds, station_checks, station_references
from db.queries.stations import get_station
from services.api import answers
from services.api.answers import answer
from services.api.fields import Body, Note, Output, RefPath, Time
from services.api.paging import PageQuery
from services.api.permissions import actor_name, needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint(
    "watching", "Whether a station sees what it used to, and may be trusted."
)

_SHOWN = timedelta(days=7)


class NewHold(Body):
    reason: Note = Field(min_length=1, max_length=300)


class Release(Body):
    word: Note = Field(min_length=1, max_length=300, description="What was found or done.")


class NewReference(Body):
    since: Time = Field(description="From here on all was well.")
    until: Time | None = Field(None, description="None: until now.")


class HoldOut(Output):
    id: int
    station_id: int
    reason: str
    since: datetime
    by: str = Field(description="Empty: the self-check.")
    ended_at: datetime | None
    ended_by: str
    word: str


class HoldPage(Output):
    items: list[HoldOut]
    next: str | None


class ReferenceOut(Output):
    id: int
    camera_id: int
    recipe_version_id: int
    made_at: datetime
    made_by: str = Field(description="Empty: by itself, from the first good pictures.")
    since: datetime
    until: datetime
    images: int


class References(Output):
    items: list[ReferenceOut]


class CheckOut(Output):
    camera_id: int
    reference_id: int
    hour: datetime
    images: int
    state: str = Field(description="ok, watch or alarm.")
    results: dict[str, Any] = Field(description="By figure; those with `!` are the self-check.")


class WatchingOut(Output):
    hold: HoldOut | None
    references: list[ReferenceOut]
    checks: list[CheckOut] = Field(description="Of seven days, the oldest first.")


@blueprint.get("/stations/<ref>/watching", responses=responses({200: WatchingOut}, 404))
@needs(Permission.LAB)
def get_watching(path: RefPath) -> Response:
    """References of a station's cameras, their checks, and its hold."""
    with values().database.reads() as session:
        station = get_station(session, path.ref)
        cameras = [camera.id for camera in station.cameras]
        hold = holds.holds_of(session, [station.id]).get(station.id)
        references = station_references.current_references(session, cameras)
        checks = station_checks.checks_since(session, cameras, utc_now() - _SHOWN)
    return answer(
        WatchingOut(
            hold=_hold(hold) if hold else None,
            references=[_reference(each) for each in references.values()],
            checks=[_check(row) for rows in checks.values() for row in rows],
        )
    )


@blueprint.post(
    "/stations/<ref>/references", responses=responses({201: References}, 400, 404, 409, 413, 415)
)
@needs(Permission.LAB)
def make_reference(path: RefPath, body: NewReference) -> Response:
    """Say that all was well in a span; each camera gets a reference of its pictures."""
    until = body.until or utc_now()
    with values().database.sessions.begin() as session:
        made = [
            _reference(
                station_references.make_reference(
                    session, camera, body.since, until, actor_name(None)
                )
            )
            for camera in get_station(session, path.ref).cameras
        ]
    return answer(References(items=made), 201)


@blueprint.get("/stations/<ref>/holds", responses=responses({200: HoldPage}, 404))
@needs(Permission.LAB)
def list_holds(path: RefPath, query: PageQuery) -> Response:
    """Holds of a station, the newest first."""
    with values().database.reads() as session:
        station_id = get_station(session, path.ref).id
        rows = holds.list_holds(session, station_id, after=query.after, limit=query.limit)
    return answers.page(HoldPage, rows, _hold)


@blueprint.post(
    "/stations/<ref>/holds", responses=responses({201: HoldOut}, 400, 404, 409, 413, 415)
)
@needs(Permission.LAB)
def hold_station(path: RefPath, body: NewHold) -> Response:
    """Put a station on hold: its frames are `not_inspected: station_hold` until it is released."""
    with values().database.sessions.begin() as session:
        station_id = get_station(session, path.ref).id
        hold = _hold(holds.put_on_hold(session, station_id, body.reason, actor_name(None)))
    values().events.publish({"type": "station", "station_id": station_id})
    return answer(hold, 201)


@blueprint.post(
    "/stations/<ref>/release", responses=responses({200: HoldOut}, 400, 404, 409, 413, 415)
)
@needs(Permission.LAB)
def release_station(path: RefPath, body: Release) -> Response:
    """End a station's hold; what came while it lasted stays as it is."""
    with values().database.sessions.begin() as session:
        station_id = get_station(session, path.ref).id
        hold = _hold(holds.release(session, station_id, body.word, actor_name(None)))
    values().events.publish({"type": "station", "station_id": station_id})
    return answer(hold)


def _hold(row: StationHold) -> HoldOut:
    return HoldOut(**{name: getattr(row, name) for name in HoldOut.model_fields})


def _reference(row: StationReference) -> ReferenceOut:
    return ReferenceOut(**{name: getattr(row, name) for name in ReferenceOut.model_fields})


def _check(row: StationCheck) -> CheckOut:
    return CheckOut(**{name: getattr(row, name) for name in CheckOut.model_fields})
