"""The gate's pages: figures of both models, flips side by side, and the promotion."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from flask import Response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from dashboards.formats import show_times_in
from dashboards.lab.routes import blueprint
from dashboards.people.identity import here
from dashboards.permissions import actor_name, needs
from dashboards.pictures import width_for
from dashboards.values import parts, values
from db.access import Permission
from db.errors import Conflict, NotFound
from db.models import GateFlip, GateRun, RegisteredModel, Station
from db.queries import gates, promotions, registry
from db.queries.inspections import get_acquisition, get_inspection
from db.queries.recipes import get_version
from inspection.decode import encode_jpeg
from inspection.gating import must_be_looked_at
from inspection.inference import split_inference
from inspection.overlay import Mark, draw_marks
from inspection.rle import Rle, decode_cropped
from inspection.verdicts import Verdict

_SHOWN_PX = 960


@blueprint.get("/gates/<int:gate_id>")
@needs(Permission.LAB)
def models_gate(gate_id: int) -> str:
    with values().database.reads() as session:
        return render_template("learn/gate.html", problem="", **_shown(session, gate_id))


@blueprint.get("/gates/<int:gate_id>/parts/gate")
@needs(Permission.LAB)
def models_gate_part(gate_id: int) -> str:
    """The result alone, which the page reads again while a worker is at it."""
    with values().database.reads() as session:
        return render_template("learn/parts/gate.html", **_shown(session, gate_id))


@blueprint.get("/flips/<int:flip_id>")
@needs(Permission.LAB)
def models_flip(flip_id: int) -> str:
    """What both models say of one image, side by side."""
    with values().database.reads() as session:
        flip = _flip(session, flip_id)
        shown = _shown(session, flip.gate_run_id)
        view = get_inspection(session, flip.inspection_id)
        stored = get_acquisition(session, view.inspection.acquisition_id).image_key is not None
    ids = [each.id for each in shown["flips"]]
    at = ids.index(flip.id)
    shown |= {
        "flip": flip,
        "inspection": view.inspection,
        "stored": stored,
        "number": at + 1,
        "before_id": ids[at - 1] if at else None,
        "after_id": ids[at + 1] if at + 1 < len(ids) else None,
    }
    return render_template("learn/flip.html", **shown)


@blueprint.post("/flips/<int:flip_id>")
@needs(Permission.LAB)
def models_flip_decide(flip_id: int) -> AnyResponse:
    """Accept or refuse a flip, and go on to the next that nobody has looked at."""
    with values().database.sessions.begin() as session:
        _flip(session, flip_id)
        decision = request.form.get("decision", "")
        gate_id = gates.decide_flip(session, flip_id, decision, actor_name()).gate_run_id
        left = [
            each.id
            for each in gates.flips_of(session, gate_id)
            if each.decision is None and must_be_looked_at(each.before, each.after)
        ]
    if left:
        return redirect(url_for("lab.models_flip", flip_id=left[0]), code=303)
    return redirect(url_for("lab.models_gate", gate_id=gate_id, _anchor="promote"), code=303)


@blueprint.get("/flips/<int:flip_id>/overlay.jpg")
@needs(Permission.LAB)
def models_flip_overlay(flip_id: int) -> AnyResponse:
    """What the challenger found, drawn into the image."""
    with values().database.reads() as session:
        flip = _flip(session, flip_id)
        inspection = get_inspection(session, flip.inspection_id).inspection
        key = get_acquisition(session, inspection.acquisition_id).image_key
    if key is None:
        raise NotFound("image of inspection", flip.inspection_id)
    marks = [_mark(each) for each in flip.findings]
    width = width_for(_SHOWN_PX)

    def draw(rgb: npt.NDArray[np.uint8]) -> bytes:
        scale = rgb.shape[1] / (inspection.image_width_px or rgb.shape[1])
        return encode_jpeg(draw_marks(rgb, marks, scale=scale), 85)

    data = parts().pictures.composed(key, width, draw, f"flip-{flip_id}")
    return Response(data, mimetype="image/jpeg")


@blueprint.post("/gates/<int:gate_id>/promote")
@needs(Permission.LAB)
def models_promote(gate_id: int) -> AnyResponse | tuple[str, int]:
    """Promote the gate's model at its station, or wherever the champion judges."""
    with values().database.reads() as session:
        shown = _shown(session, gate_id)
        station: Station = shown["station"]
        at = shown["champion_at"] if request.form.get("where") == "all" else [station]
        expected = {each.id: each.recipe_version_id for each in at}
    seen = request.form.get("seen", "")
    if seen.isascii() and seen.isdecimal() and len(seen) < 19:
        expected[station.id] = int(seen)
    try:
        with values().database.sessions.begin() as session:
            promotions.promote(
                session,
                shown["model"].name,
                expected,
                by=actor_name(),
                may={Permission.OVERRIDE} if _may_override(at) else (),
                reason=request.form.get("reason", ""),
            )
    except Conflict as error:
        with values().database.reads() as session:
            shown = _shown(session, gate_id)
        return render_template("learn/gate.html", problem=error.detail, **shown), 409
    for each in at:
        values().events.publish({"type": "station", "station_id": each.id})
    return redirect(url_for("lab.models_gate", gate_id=gate_id, _anchor="promote"), code=303)


def _may_override(stations: list[Station]) -> bool:
    somebody = here()
    access = somebody.access(Permission.OVERRIDE) if somebody else None
    if access is None:
        return False
    return access.lines is None or {each.line_id for each in stations} <= access.lines


def _shown(session: Session, gate_id: int) -> dict[str, Any]:
    gate: GateRun = gates.get_gate(session, gate_id)
    model = session.get_one(RegisteredModel, gate.model_id)
    station = session.get_one(Station, gate.station_id)
    show_times_in(station.line.site.timezone)
    version = get_version(session, gate.recipe_version_id)
    champion = split_inference(version.model)[0]
    newest = promotions.newest(session, station.id)
    active = newest is not None and newest.recipe_version_id == station.recipe_version_id
    flips = gates.flips_of(session, gate.id)
    asked = [each for each in flips if must_be_looked_at(each.before, each.after)]
    return {
        "gate": gate,
        "model": model,
        "station": station,
        "version": version,
        "champion": champion,
        "champion_at": promotions.stations_of_champion(session, champion),
        "ready": promotions.readiness(session, model, station),
        "progress": gates.progress(gate),
        "flips": flips,
        "asked": asked,
        "promotion": newest if active and newest and newest.model_id == model.id else None,
        "may_override": _may_override([station]),
        "standing": registry.standing_of(model, registry.standings(session)),
        "check_words": _check_words(),
    }


def _check_words() -> dict[str, str]:
    return {
        "bad_images": _("Images of bad parts, at least"),
        "good_images": _("Images of good parts, at least"),
        "inspects": _("Images it could not inspect, at most as many as the champion"),
        "escape_margin": _("Escape rate beyond the champion's, at most"),
        "escape_most": _("Escape rate, at most"),
        "false_call_margin": _("False-call rate beyond the champion's, at most"),
        "false_call_most": _("False-call rate, at most"),
        "not_clearly_worse": _("Not clearly worse on the same images (McNemar's p, at least)"),
    }


def _flip(session: Session, flip_id: int) -> GateFlip:
    flip = session.get(GateFlip, flip_id)
    if flip is None:
        raise NotFound("flip", flip_id)
    return flip


def _mark(finding: dict[str, object]) -> Mark:
    rle: Any = finding["rle"]
    label = f"{finding['class']} {finding['score']:.2f}"
    return Mark(
        decode_cropped(Rle(size=rle["size"], counts=rle["counts"])),
        Verdict(str(finding["verdict"])),
        label,
    )
