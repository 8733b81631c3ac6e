"""Shadows: a challenger looks along at a station and writes no verdicts."""

from datetime import datetime, timedelta
from typing import Any

from flask import Response
from pydantic import Field

from db.access import Permission
from db.models import Shadow, ShadowResult
from db.queries import registry, shadow_results, shadows
from db.queries.stations import get_station
from inspection.estimating import wilson
from services.api import answers
from services.api.answers import answer
from services.api.fields import Body, IdPath, Output, RefPath
from services.api.paging import PageQuery
from services.api.permissions import actor_name, needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values
from services.api.views.registered_models import Name

blueprint = make_blueprint("shadows", "Challengers that look at live frames and judge nothing.")


class NewShadow(Body):
    model: Name = Field(description="Name of the challenger.")
    share: float = Field(1.0, gt=0, le=1, description="Of the frames that it sees.")


class ShadowOut(Output):
    id: int
    station_id: int
    model: str
    share: float
    started_at: datetime
    started_by: str
    ended_at: datetime | None
    ended_by: str
    reason: str = Field(description="Why it ended by itself; empty where it did not.")
    passed_over: int = Field(description="Frames that it did not keep up with.")


class ShadowPage(Output):
    items: list[ShadowOut]
    next: str | None


class Pair(Output):
    champion: str
    challenger: str
    images: int


class Stretch(Output):
    since: datetime
    images: int
    differ: int
    ci95: list[float] = Field(description="Of the share that differs, by Wilson.")
    agreement: float = Field(description="Of the findings: mean F1.")


class ShadowWithResults(ShadowOut):
    images: int
    differ: int = Field(description="Images of which the verdicts differ.")
    agreement: float | None
    engine_ms: float | None = Field(description="Mean time of an image.")
    pairs: list[Pair]
    hours: list[Stretch]


class ResultOut(Output):
    inspection_id: int
    captured_at: datetime
    champion: str
    challenger: str
    detail: str
    agreement: float
    findings: list[dict[str, Any]]
    engine_ms: float


class ResultPage(Output):
    items: list[ResultOut]
    next: str | None


class ResultQuery(PageQuery):
    differ: bool = Field(False, description="Only where the verdicts differ.")


@blueprint.get("/stations/<ref>/shadows", responses=responses({200: ShadowPage}, 404))
@needs(Permission.LAB)
def list_shadows(path: RefPath, query: PageQuery) -> Response:
    """Shadows of a station, the newest first."""
    with values().database.reads() as session:
        station_id = get_station(session, path.ref).id
        rows = shadows.list_shadows(
            session, station_id=station_id, after=query.after, limit=query.limit
        )
    return answers.page(ShadowPage, rows, _render)


@blueprint.post(
    "/stations/<ref>/shadows", responses=responses({201: ShadowOut}, 400, 404, 409, 413, 415)
)
@needs(Permission.LAB)
def start_shadow(path: RefPath, body: NewShadow) -> Response:
    """Let a registered model look along from now on."""
    with values().database.sessions.begin() as session:
        station = get_station(session, path.ref)
        registry.adopt(session, body.model, values().models_dirs, by=actor_name(None))
        made = shadows.start(session, station, body.model, body.share, actor_name(None))
        shown = _render(shadows.get_shadow(session, made.id))
    return answer(shown, 201, headers={"Location": f"/api/v1/shadows/{shown.id}"})


@blueprint.get("/shadows/<id>", responses=responses({200: ShadowWithResults}, 404))
@needs(Permission.LAB)
def get_shadow(path: IdPath) -> Response:
    """A shadow, and how far it says the same as the champion."""
    with values().database.reads() as session:
        shadow = _render(shadows.get_shadow(session, path.id))
        summary = shadow_results.summarise(session, path.id)
        hours = shadow_results.over_time(session, path.id, timedelta(hours=1))
    return answer(
        ShadowWithResults(
            **shadow.model_dump(),
            images=summary.seen,
            differ=summary.differ,
            agreement=summary.agreement,
            engine_ms=summary.engine_ms,
            pairs=[
                Pair(champion=one, challenger=other, images=number)
                for (one, other), number in summary.pairs.items()
            ],
            hours=[
                Stretch(
                    since=each.since,
                    images=each.seen,
                    differ=each.differ,
                    ci95=list(wilson(each.differ, each.seen)),
                    agreement=each.agreement,
                )
                for each in hours
            ],
        )
    )


@blueprint.get("/shadows/<id>/results", responses=responses({200: ResultPage}, 404))
@needs(Permission.LAB)
def list_results(path: IdPath, query: ResultQuery) -> Response:
    """What it would have said, the newest first."""
    with values().database.reads() as session:
        shadow_id = shadows.get_shadow(session, path.id).id
        rows = shadow_results.list_results(
            session, shadow_id, differ_only=query.differ, after=query.after, limit=query.limit
        )
    return answers.page(ResultPage, rows, _result)


@blueprint.post("/shadows/<id>/end", responses=responses({200: ShadowOut}, 404, 409))
@needs(Permission.LAB)
def end_shadow(path: IdPath) -> Response:
    """End a shadow; its results stay."""
    with values().database.sessions.begin() as session:
        shown = _render(shadows.end(session, path.id, actor_name(None)))
    return answer(shown)


def _render(row: Shadow) -> ShadowOut:
    fields = {name: getattr(row, name) for name in ShadowOut.model_fields if name != "model"}
    return ShadowOut(model=row.model.name, **fields)


def _result(row: ShadowResult) -> ResultOut:
    return ResultOut(**{name: getattr(row, name) for name in ResultOut.model_fields})
