"""Gates: a challenger against what a station inspects by."""

from datetime import datetime
from typing import Any, Literal

from flask import Response
from pydantic import Field
from sqlalchemy import select

from db.access import Permission
from db.bell import TRIAL_QUEUE
from db.models import GateRun
from db.paging import page_of_entities
from db.queries import gates, registry, snapshots
from db.queries.stations import get_station
from inspection.gating import GateLimits, must_be_looked_at
from services.api import answers
from services.api.answers import answer
from services.api.fields import Body, IdPath, Output, RefPath
from services.api.paging import PageQuery
from services.api.permissions import actor_name, needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values
from services.api.views.registered_models import Name

blueprint = make_blueprint("gate-runs", "Challengers held against champions.")


class NewGate(Body):
    model: Name = Field(description="Name of the challenger.")
    snapshot: Name | None = Field(
        None, description="Whose test part counts; none: the newest frozen one of the station."
    )
    limits: GateLimits = Field(default_factory=lambda: GateLimits())


class GateOut(Output):
    id: int
    model_id: int
    station_id: int
    recipe_version_id: int = Field(description="What it is held against.")
    snapshot_id: int | None
    limits: dict[str, Any]
    state: Literal["waiting", "done", "failed"]
    reason: str
    passed: bool | None
    looked_at: int = Field(description="Images, so far.")
    images: int
    results: dict[str, Any] = Field(description="Figures of both with exact 95 % intervals.")
    asked_at: datetime
    asked_by: str
    ended_at: datetime | None


class GatePage(Output):
    items: list[GateOut]
    next: str | None


class FlipOut(Output):
    id: int
    gate_run_id: int
    inspection_id: int
    before: str
    after: str
    detail: str
    must_be_looked_at: bool = Field(description="It fails now and would no longer fail.")
    decision: Literal["accepted", "refused"] | None
    decided_at: datetime | None
    decided_by: str


class FlipList(Output):
    items: list[FlipOut]


class FlipDecision(Body):
    decision: Literal["accepted", "refused"] = Field(
        description="`accepted`: the challenger is right."
    )


@blueprint.post("/stations/<ref>/gate-runs", responses=responses({202: GateOut}, 400, 404, 409))
@needs(Permission.LAB)
def start_gate(path: RefPath, body: NewGate) -> Response:
    """Hold a model against what a station inspects by; a worker does it beside the line."""
    these = values()
    with these.database.reads() as session:
        named = snapshots.get_named(session, body.snapshot) if body.snapshot else None
        looked_at = gates.images_at(
            session, get_station(session, path.ref), limits=body.limits, snapshot=named
        )
    images = looked_at()
    with these.database.sessions.begin() as session:
        station = get_station(session, path.ref)
        registry.adopt(session, body.model, these.models_dirs, by=actor_name(None))
        snapshot = snapshots.get_named(session, body.snapshot) if body.snapshot else None
        gate = gates.ask(
            session,
            body.model,
            station,
            limits=body.limits,
            snapshot=snapshot,
            images=images,
            by=actor_name(None),
        )
    these.bell.ring(TRIAL_QUEUE)
    return answer(_render(gate), 202, headers={"Location": f"/api/v1/gate-runs/{gate.id}"})


@blueprint.get("/gate-runs", responses=responses({200: GatePage}))
@needs(Permission.LAB)
def list_gates(query: PageQuery) -> Response:
    """List gates, the newest first."""
    with values().database.reads() as session:
        rows = page_of_entities(
            session,
            GateRun,
            select(GateRun),
            GateRun.id,
            after=query.after,
            limit=query.limit,
            newest_first=True,
        )
    return answers.page(GatePage, rows, _render)


@blueprint.get("/gate-runs/<id>", responses=responses({200: GateOut}, 404))
@needs(Permission.LAB)
def get_gate(path: IdPath) -> Response:
    """One gate, with its figures once it is done."""
    with values().database.reads() as session:
        gate = gates.get_gate(session, path.id)
    return answer(_render(gate))


@blueprint.get("/gate-runs/<id>/flips", responses=responses({200: FlipList}, 404))
@needs(Permission.LAB)
def list_flips(path: IdPath) -> Response:
    """The stored inspections that the challenger judges otherwise; what no longer fails first."""
    with values().database.reads() as session:
        gates.get_gate(session, path.id)
        rows = gates.flips_of(session, path.id)
    return answer(FlipList(items=[_flip(row) for row in rows]))


@blueprint.put("/gate-flips/<id>", responses=responses({200: FlipOut}, 400, 404))
@needs(Permission.LAB)
def decide_flip(path: IdPath, body: FlipDecision) -> Response:
    """Say of a flip whether the challenger is right."""
    with values().database.sessions.begin() as session:
        row = gates.decide_flip(session, path.id, body.decision, actor_name(None))
    return answer(_flip(row))


def _flip(row: Any) -> FlipOut:
    fields = {
        name: getattr(row, name) for name in FlipOut.model_fields if name != "must_be_looked_at"
    }
    return FlipOut(**fields, must_be_looked_at=must_be_looked_at(row.before, row.after))


def _render(gate: GateRun) -> GateOut:
    done, images = gates.progress(gate)
    fields = {
        name: getattr(gate, name)
        for name in GateOut.model_fields
        if name not in ("looked_at", "images")
    }
    return GateOut(**fields, looked_at=done, images=images)
