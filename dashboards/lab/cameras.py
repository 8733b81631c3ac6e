"""Cameras: adding them, a test shot, their state and history, another source, on and off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from dashboards.errors import answer
from dashboards.formats import show_times_in
from dashboards.lab.camera_form import kinds, read_source
from dashboards.lab.routes import blueprint
from dashboards.lab.typed import Typed
from dashboards.permissions import actor_name, needs
from dashboards.pictures import width_for
from dashboards.values import parts, values
from db.access import Permission
from db.camera_options import CameraOptions
from db.errors import NotFound
from db.frames import FrameMissing
from db.models import Camera, CameraShot, Station
from db.queries import camera_pages, camera_shots, lab_places, plant_edits, stations
from db.queries.cameras import CameraExists, add_camera, change_source

_SHOT_WIDTH_PX = 1280


@blueprint.get("/cameras")
@needs(Permission.LAB)
def cameras() -> str:
    with values().database.reads() as session:
        found = lab_places.cameras_with_places(session)
    return render_template("lab/cameras.html", cameras=found)


@blueprint.route("/cameras/new", methods=["GET", "POST"])
@needs(Permission.LAB)
def cameras_new() -> AnyResponse | tuple[str, int] | str:
    with values().database.reads() as session:
        places = stations.list_stations(session, after=None, limit=1000).rows
    if request.method == "GET":
        begun = {"station": request.args.get("station", ""), "kind": "rtsp"}
        return _new_page(Typed(begun), places)
    typed = Typed(request.form)
    station_key = typed.one_of("station", [each.key for each in places])
    key, name = typed.key("key"), typed.line("name", needed=False)
    source = read_source(typed)
    if not typed.problems:
        try:
            with values().database.sessions.begin() as session:
                station = stations.get_station(session, station_key)
                camera = add_camera(
                    session,
                    station.id,
                    key,
                    source.kind,
                    source.source,
                    box=values().lab.secrets(),
                    name=name,
                    options=source.options,
                )
            return redirect(url_for("lab.cameras_one", camera=camera.key), code=303)
        except CameraExists:
            typed.wrong("key", _("Key: expected one that no camera has, there is one of this key"))
    return _new_page(typed, places), 400


@blueprint.get("/cameras/<camera>")
@needs(Permission.LAB)
def cameras_one(camera: str) -> str:
    return _page(camera)


@blueprint.get("/cameras/<camera>/parts/shot")
@needs(Permission.LAB)
def cameras_shot(camera: str) -> str:
    """The newest test shot alone, which the page reads again until there is an answer."""
    with values().database.reads() as session:
        row = camera_pages.get_camera(session, camera)
        shot = camera_shots.newest_shot(session, row.id)
    return render_template("lab/parts/shot.html", camera=row, **_of_shot(shot))


@blueprint.post("/cameras/<camera>/shot")
@needs(Permission.LAB)
def cameras_take_shot(camera: str) -> AnyResponse:
    with values().database.sessions.begin() as session:
        row = camera_pages.get_camera(session, camera)
        camera_shots.ask_for_shot(session, row, actor_name())
    return redirect(url_for("lab.cameras_one", camera=row.key), code=303)


@blueprint.get("/shots/<int:shot_id>.jpg")
@needs(Permission.LAB)
def cameras_shot_image(shot_id: int) -> AnyResponse:
    with values().database.reads() as session:
        shot = camera_shots.get_shot(session, shot_id)
    if shot.image_key is None:
        raise NotFound("picture of test shot", shot_id)
    try:
        data = parts().pictures.jpeg(shot.image_key, width_for(_SHOT_WIDTH_PX))
    except FrameMissing:
        return answer(404, _("No image"), _("The picture is not stored any more."))
    response = Response(data, mimetype="image/jpeg")
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


@blueprint.post("/cameras/<camera>/enabled")
@needs(Permission.LAB)
def cameras_switch(camera: str) -> AnyResponse:
    on = request.form.get("on") == "1"
    with values().database.sessions.begin() as session:
        row = camera_pages.set_enabled(session, camera, on)
    values().events.publish(
        {"type": "camera", "station_id": row.station_id, "camera_id": row.id, "state": row.state}
    )
    return redirect(url_for("lab.cameras_one", camera=row.key), code=303)


@blueprint.post("/cameras/<camera>/edit")
@needs(Permission.LAB)
def cameras_edit(camera: str) -> AnyResponse | tuple[str, int]:
    """Another name, and another source or password where one was typed."""
    typed = Typed(request.form)
    name = typed.line("name")
    with values().database.reads() as session:
        row = camera_pages.get_camera(session, camera)
    # The address without its password stands in the field: left as it is, nothing is changed.
    same = typed["kind"] == row.kind and typed["source"].strip() == row.source
    source, of_host = None, False
    if not (same and row.kind == "rtsp"):
        of_host = same and bool(row.options.get("from_host"))
        source = read_source(typed, unless=row.source if of_host else "")
        kept = CameraOptions.model_validate(source.options)
        if same and not typed["anew"] and kept == _options_of(row):
            source = None
    if typed.problems:
        return _page(camera, typed), 400
    with values().database.sessions.begin() as session:
        row = camera_pages.get_camera(session, camera)
        row.name = name
        if source is not None:
            change_source(
                session,
                row,
                source.kind,
                source.source,
                box=values().lab.secrets(),
                options=source.options | ({"from_host": True} if of_host else {}),
            )
    return redirect(url_for("lab.cameras_one", camera=row.key), code=303)


@blueprint.post("/cameras/<camera>/remove")
@needs(Permission.LAB)
def cameras_remove(camera: str) -> AnyResponse:
    with values().database.sessions.begin() as session:
        plant_edits.remove_camera(session, camera)
    return redirect(url_for("lab.cameras"), code=303)


def _new_page(typed: Typed, places: Sequence[Station]) -> str:
    return render_template(
        "lab/camera_new.html", typed=typed, places=places, kinds=kinds(), folders=_folders()
    )


def _folders() -> list[str]:
    """Where clips and folders of images may lie, for the hint at the field."""
    return [str(each) for each in values().lab.sources.folders]


def _options_of(row: Camera) -> CameraOptions:
    """The options that the form has, without what Lineside keeps among them."""
    names = ("loop", "fast", "watch", "seed", "interval_s")
    return CameraOptions.model_validate({k: v for k, v in row.options.items() if k in names})


def _typed_of(row: Camera) -> Typed:
    options = {k: str(v) for k, v in _options_of(row).model_dump().items() if v}
    return Typed({"name": row.name, "kind": row.kind, "source": row.source} | options)


def _page(ref: str, typed: Typed | None = None) -> str:
    with values().database.reads() as session:
        row = camera_pages.get_camera(session, ref)
        typed = typed or _typed_of(row)
        station = row.station
        show_times_in(station.line.site.timezone)
        shot = camera_shots.newest_shot(session, row.id)
        minutes = lab_places.newest_minutes(session, row.id)
        states = lab_places.newest_states(session, row.id)
        last = lab_places.last_stored(session, row.id)
        active = stations.active_versions(session, [station]).get(station.id)
        recipe_name = active.recipe.name if active else None
    return render_template(
        "lab/camera.html",
        camera=row,
        station=station,
        typed=typed,
        kinds=kinds(),
        folders=_folders(),
        minutes=minutes,
        states=states,
        last=last,
        recipe_name=recipe_name,
        **_of_shot(shot),
    )


def _of_shot(shot: CameraShot | None) -> dict[str, Any]:
    late = shot is not None and camera_shots.overdue(shot, values().now())
    return {
        "shot": shot,
        "late": late,
        "pending": shot is not None
        and shot.state in (camera_shots.ASKED, camera_shots.TAKING)
        and not late,
        "limit_s": round(camera_shots.LIMIT_S),
    }
