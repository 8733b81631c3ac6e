"""The registry's actions: a foreign folder sent in, archived and restored, gates asked for."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from flask import redirect, render_template, request, url_for
from flask_babel import gettext as _
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from dashboards.lab.models import shown_models
from dashboards.lab.routes import blueprint
from dashboards.permissions import actor_name, needs
from dashboards.values import values
from db.access import Permission
from db.errors import Conflict, Invalid
from db.queries import gates, model_uploads, promotions, registry
from db.queries.stations import get_station
from inspection.gating import GateLimits
from inspection.model_folder import ModelFolderError
from inspection.model_intake import check_classes, remove_incoming, take_in


@blueprint.post("/models/upload")
@needs(Permission.LAB)
def models_upload() -> AnyResponse | tuple[str, int]:
    """A model folder as a ZIP or TAR; what is wrong with it is said on the page."""
    problem = _taken_in()
    if problem:
        return render_template("lab/models.html", problem=problem, **shown_models()), 422
    return redirect(url_for("lab.models", _anchor="uploads"), code=303)


@blueprint.post("/models/<model>/archive")
@needs(Permission.LAB)
def models_archive(model: str) -> AnyResponse:
    with values().database.sessions.begin() as session:
        registry.adopt(session, model, values().lab.models_dirs, by=actor_name())
        registry.archive(session, model)
    return redirect(url_for("lab.models_one", model=model), code=303)


@blueprint.post("/models/<model>/restore")
@needs(Permission.LAB)
def models_restore(model: str) -> AnyResponse:
    with values().database.sessions.begin() as session:
        registry.restore(session, model)
    return redirect(url_for("lab.models_one", model=model), code=303)


@blueprint.post("/models/<model>/gate")
@needs(Permission.LAB)
def models_gate_ask(model: str) -> AnyResponse:
    """Hold a model against what a station inspects by."""
    given = {
        name: text
        for name in ("least_bad", "least_good", "replay", "most_escape_rate")
        if (text := request.form.get(name, "").strip())
    }
    try:
        limits = GateLimits.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise Invalid(str(first["loc"][0]), first["input"], first["msg"]) from error
    named = request.form.get("station", "")
    with values().database.reads() as session:
        looked_at = gates.images_at(session, get_station(session, named), limits=limits)
    images = looked_at()
    with values().database.sessions.begin() as session:
        at = get_station(session, named)
        registry.adopt(session, model, values().lab.models_dirs, by=actor_name())
        gate = gates.ask(session, model, at, limits=limits, images=images, by=actor_name())
    return redirect(url_for("lab.models_gate", gate_id=gate.id), code=303)


@blueprint.post("/stations/<station>/rollback")
@needs(Permission.LAB)
def models_rollback(station: str) -> AnyResponse:
    """One click: what was active before the newest promotion is active again."""
    with values().database.sessions.begin() as session:
        at = get_station(session, station)
        promotion = promotions.rollback(session, at, by=actor_name())
        event = {"type": "station", "station_id": at.id}
        gate_id = promotion.gate_run_id
    values().events.publish(event)
    if gate_id is not None:
        return redirect(url_for("lab.models_gate", gate_id=gate_id), code=303)
    return redirect(url_for("lab.stations_one", station=station), code=303)


def _taken_in() -> str:
    """Ask for the folder of the form to be tried; why not, else."""
    file = request.files.get("archive")
    if file is None or not file.filename:
        return str(_("Expected a file: one model folder as a ZIP or TAR."))
    models_dir = values().lab.models_dirs[0]
    with tempfile.TemporaryDirectory(prefix="lineside-model-") as place:
        archive = Path(place) / "archive"
        with archive.open("wb") as sink:
            shutil.copyfileobj(file.stream, sink, 1 << 20)
        try:
            folder = take_in(archive, models_dir)
        except ModelFolderError as error:
            return str(error)
    try:
        with values().database.sessions.begin() as session:
            if "new_classes" not in request.form:
                check_classes(folder, model_uploads.classes_wanted(session))
            model_uploads.ask(session, folder, models_dir, parent_id=None, by=actor_name())
    except (ModelFolderError, Conflict) as error:
        remove_incoming(folder.path, models_dir)
        return str(error)
    return ""
