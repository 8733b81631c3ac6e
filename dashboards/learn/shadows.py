"""Shadows: challengers beside the line, and how far they say the same as the champion."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from flask import redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from dashboards.formats import show_times_in
from dashboards.lab.routes import blueprint
from dashboards.learn.series import Value, draw_series
from dashboards.permissions import actor_name, needs
from dashboards.told import told
from dashboards.values import values
from db.access import Permission
from db.errors import DomainError, Invalid, NotFound
from db.models import RegisteredModel, Station
from db.queries import shadow_results, shadows, stations
from inspection.estimating import wilson

_LISTED = 100
_RESULTS = 24


@blueprint.get("/shadows")
@needs(Permission.LAB)
def shadows_list() -> str:
    return _list()


@blueprint.post("/shadows")
@needs(Permission.LAB)
def shadows_start() -> AnyResponse | tuple[str, int]:
    try:
        with values().database.sessions.begin() as session:
            station = stations.get_station(session, request.form.get("station", ""))
            share = _share(request.form.get("percent", ""))
            model = request.form.get("model", "")
            made = shadows.start(session, station, model, share, actor_name())
            shadow_id = made.id
    except NotFound:
        raise
    except DomainError as error:
        return _list(told(error)), 409
    return redirect(url_for("lab.shadows_one", shadow_id=shadow_id), code=303)


@blueprint.get("/shadows/<int:shadow_id>")
@needs(Permission.LAB)
def shadows_one(shadow_id: int) -> str:
    with values().database.reads() as session:
        shadow = shadows.get_shadow(session, shadow_id)
        station = session.scalars(select(Station).where(Station.id == shadow.station_id)).one()
        timezone = station.line.site.timezone
        show_times_in(timezone)
        hours = shadow_results.over_time(session, shadow_id, timedelta(hours=1))
        points = [
            Value(each.since, each.differ / each.seen, "ok", *wilson(each.differ, each.seen))
            for each in hours
        ]
        return render_template(
            "learn/shadow.html",
            shadow=shadow,
            station=station,
            summary=shadow_results.summarise(session, shadow_id),
            hours=hours,
            drawing=draw_series(points, ZoneInfo(timezone), percent=True) if points else None,
            differing=shadow_results.list_results(
                session, shadow_id, differ_only=True, after=None, limit=_RESULTS
            ).rows,
        )


@blueprint.post("/shadows/<int:shadow_id>/end")
@needs(Permission.LAB)
def shadows_end(shadow_id: int) -> AnyResponse:
    with values().database.sessions.begin() as session:
        shadows.end(session, shadow_id, actor_name())
    return redirect(url_for("lab.shadows_one", shadow_id=shadow_id), code=303)


def _share(text: str) -> float:
    if not (text.isascii() and text.isdecimal() and 1 <= len(text) <= 3):
        raise Invalid("share", text[:20], "whole percent, 1 to 100")
    return int(text) / 100


def _list(problem: str = "") -> str:
    with values().database.reads() as session:
        rows = shadows.list_shadows(session, after=None, limit=_LISTED).rows
        places = stations.list_stations(session, after=None, limit=500).rows
        models = session.scalars(
            select(RegisteredModel)
            .where(RegisteredModel.archived_at.is_(None))
            .order_by(RegisteredModel.name)
        ).all()
        return render_template(
            "learn/shadows.html",
            shadows=[(row, shadow_results.summarise(session, row.id)) for row in rows],
            names={place.id: place for place in places},
            places=places,
            models=models,
            problem=problem,
        )
