"""Watching: what stations see against what they saw when all was well, and stations on hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from dashboards.formats import show_times_in
from dashboards.lab.routes import blueprint
from dashboards.learn.series import Series, Value, draw_series
from dashboards.learn.watching_words import FIGURES, STATES
from dashboards.permissions import actor_name, needs
from dashboards.told import told
from dashboards.values import values
from db.access import Permission
from db.errors import DomainError
from db.models import Camera, Station, StationCheck, StationReference
from db.queries import holds, station_checks, station_references, stations

_SHOWN = timedelta(days=7)
_HOURS = (1, 4, 8, 24)
_HOLDS = 10


@dataclass(frozen=True)
class Figure:
    """One figure over a week, and how it stands now."""

    name: str
    state: str
    drawing: Series


@dataclass(frozen=True)
class WatchedCamera:
    camera: Camera
    reference: StationReference | None
    reference_acquisition: int | None
    newest_acquisition: int | None
    newest: StationCheck | None
    figures: Sequence[Figure]


@blueprint.get("/watching")
@needs(Permission.LAB)
def watching() -> str:
    with values().database.reads() as session:
        rows = stations.list_stations(session, after=None, limit=500).rows
        held = holds.holds_of(session, [row.id for row in rows])
        cameras = [camera.id for row in rows for camera in row.cameras]
        return render_template(
            "learn/watching.html",
            stations=rows,
            held=held,
            checks=station_checks.newest_checks(session, cameras),
            references=station_references.current_references(session, cameras),
            STATES=STATES,
        )


@blueprint.get("/watching/<station>")
@needs(Permission.LAB)
def watching_one(station: str) -> str:
    return _page(station)


@blueprint.post("/watching/<station>/hold")
@needs(Permission.LAB)
def watching_hold(station: str) -> AnyResponse | tuple[str, int]:
    """Put a station on hold, or with `word` release it."""
    try:
        with values().database.sessions.begin() as session:
            station_id = stations.get_station_id(session, station)
            if "word" in request.form:
                holds.release(session, station_id, request.form["word"], actor_name())
            else:
                holds.put_on_hold(session, station_id, request.form.get("reason", ""), actor_name())
    except DomainError as error:
        return _refused(station, error)
    values().events.publish({"type": "station", "station_id": station_id})
    return redirect(url_for("lab.watching_one", station=station), code=303)


@blueprint.post("/watching/<station>/reference")
@needs(Permission.LAB)
def watching_reference(station: str) -> AnyResponse | tuple[str, int]:
    """Say that all was well in the last hours."""
    hours = request.form.get("hours", "")
    with values().database.reads() as session:
        stations.get_station_id(session, station)
    if hours not in {str(each) for each in _HOURS}:
        abort(400, f"expected hours out of {_HOURS}, got {hours[:20]!r}")
    until = values().now()
    since = until - timedelta(hours=int(hours))
    try:
        with values().database.sessions.begin() as session:
            for camera in stations.get_station(session, station).cameras:
                station_references.make_reference(session, camera, since, until, actor_name())
    except DomainError as error:
        return _refused(station, error)
    flash(_("From now on pictures are held against these."), "done")
    return redirect(url_for("lab.watching_one", station=station), code=303)


def _refused(station: str, error: DomainError) -> tuple[str, int]:
    """The page with what stands against it; what may not be seen stays unknown."""
    page = _page(station, problem=told(error))
    return page, 409


def _page(ref: str, problem: str = "") -> str:
    with values().database.reads() as session:
        station = stations.get_station(session, ref)
        timezone = station.line.site.timezone
        show_times_in(timezone)
        return render_template(
            "learn/watching_one.html",
            station=station,
            hold=holds.holds_of(session, [station.id]).get(station.id),
            holds=holds.list_holds(session, station.id, after=None, limit=_HOLDS).rows,
            cameras=_cameras(session, station, ZoneInfo(timezone)),
            hours=_HOURS,
            problem=problem,
            FIGURES=FIGURES,
            STATES=STATES,
        )


def _cameras(session: Session, station: Station, zone: ZoneInfo) -> list[WatchedCamera]:
    ids = [camera.id for camera in station.cameras]
    references = station_references.current_references(session, ids)
    checks = station_checks.checks_since(session, ids, values().now() - _SHOWN)
    found = []
    for camera in station.cameras:
        reference, rows = references.get(camera.id), checks[camera.id]
        picture = station_checks.picture_of(session, reference.image_key) if reference else None
        found.append(
            WatchedCamera(
                camera,
                reference,
                picture.id if picture else None,
                station_checks.newest_picture_of(session, camera),
                rows[-1] if rows else None,
                _figures(rows, zone),
            )
        )
    return found


def _figures(rows: Sequence[StationCheck], zone: ZoneInfo) -> list[Figure]:
    figures = []
    for name in FIGURES:
        points, usual = [], None
        for row in rows:
            result = cast(dict[str, Any] | None, row.results.get(name))
            if result is not None:
                points.append(Value(row.hour, float(result["value"]), str(result["state"])))
                usual = float(result["reference"])
        if points:
            drawing = draw_series(points, zone, usual=usual, percent=name in ("shift!", "dirt!"))
            figures.append(Figure(name, points[-1].state, drawing))
    return figures
