"""Discrepancies, and what a person does with one."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from flask import Response
from pydantic import Field
from sqlalchemy.orm import Session

from db.access import Permission
from db.models import Discrepancy
from db.queries import discrepancies as queries
from db.queries.stations import get_station
from inspection.verdicts import DiscrepancyState
from services.api import answers
from services.api.answers import answer
from services.api.fields import Actor, Body, IdPath, Note, Output, Ref
from services.api.fields import Line as OneLine
from services.api.paging import PageQuery
from services.api.permissions import actor_name, needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("discrepancies", "Open deviations, each at one place.")

Verb = Callable[[Session, int, str, str], Discrepancy]


class DiscrepancyOut(Output):
    id: int
    station_id: int
    kind: str = Field(description="A class, or out_of_stock, low, excess.")
    place: str
    severity: Literal["warn", "fail"]
    state: DiscrepancyState
    detail: str
    opened_at: datetime
    last_seen_at: datetime
    closed_at: datetime | None
    first_inspection_id: int
    last_inspection_id: int
    seen_count: int
    clean_count: int
    actor: str | None
    revision: int


class Step(Output):
    action: str
    actor: str | None = Field(description="None: Lineside itself.")
    note: str
    inspection_id: int | None
    at: datetime


class DiscrepancyWithHistory(DiscrepancyOut):
    history: list[Step]


class DiscrepancyPage(Output):
    items: list[DiscrepancyOut]
    next: str | None


class DiscrepancyQuery(PageQuery):
    state: list[DiscrepancyState] = Field(
        default_factory=list, max_length=4, description="In any of these states; none: in all."
    )
    station: Ref | None = Field(None, description="Only of this station, by its id or key.")
    kind: OneLine | None = Field(None, max_length=100)


class Transition(Body):
    actor: Actor = "api"
    note: Note = ""


@blueprint.get("/discrepancies", responses=responses({200: DiscrepancyPage}, 404))
@needs(Permission.VIEW)
def list_discrepancies(query: DiscrepancyQuery) -> Response:
    """List discrepancies; those opened last come first."""
    with values().database.reads() as session:
        station_id = get_station(session, query.station).id if query.station else None
        rows = queries.list_discrepancies(
            session,
            states=query.state,
            station_id=station_id,
            kind=query.kind,
            after=query.after,
            limit=query.limit,
        )
    return answers.page(DiscrepancyPage, rows, DiscrepancyOut.model_validate)


@blueprint.get("/discrepancies/<id>", responses=responses({200: DiscrepancyWithHistory}, 404))
@needs(Permission.VIEW)
def get_discrepancy(path: IdPath) -> Response:
    """One discrepancy with its history."""
    with values().database.reads() as session:
        row = queries.get_discrepancy(session, path.id)
    return answer(DiscrepancyWithHistory.model_validate(row))


_TRANSITION = responses({200: DiscrepancyWithHistory}, 400, 404, 409, 413, 415)


@blueprint.post("/discrepancies/<id>/acknowledge", responses=_TRANSITION)
@needs(Permission.ACT)
def acknowledge(path: IdPath, body: Transition) -> Response:
    """Acknowledge an open discrepancy: somebody takes care of it."""
    return _transit(queries.acknowledge, path.id, body)


@blueprint.post("/discrepancies/<id>/resolve", responses=_TRANSITION)
@needs(Permission.ACT)
def resolve(path: IdPath, body: Transition) -> Response:
    """Resolve a discrepancy: the deviation is gone."""
    return _transit(queries.resolve, path.id, body)


@blueprint.post("/discrepancies/<id>/false-call", responses=_TRANSITION)
@needs(Permission.ACT)
def false_call(path: IdPath, body: Transition) -> Response:
    """Call a discrepancy false: there never was a deviation."""
    return _transit(queries.false_call, path.id, body)


def _transit(verb: Verb, discrepancy_id: int, body: Transition) -> Response:
    with values().database.sessions.begin() as session:
        row = verb(session, discrepancy_id, actor_name(body.given().get("actor")), body.note)
    values().events.publish(
        {
            "type": "discrepancy",
            "station_id": row.station_id,
            "discrepancy_id": row.id,
            "state": row.state,
        }
    )
    return answer(DiscrepancyWithHistory.model_validate(row))
