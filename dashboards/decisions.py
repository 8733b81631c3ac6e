"""What a person decides about one inspection, and takes back: each is one key or one tap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask_babel import LazyString, lazy_gettext, ngettext
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from dashboards.errors import wants_text
from dashboards.formats import show_times_in
from dashboards.permissions import actor_name, needs
from dashboards.redirects import own_path
from dashboards.station_view import class_choices
from dashboards.values import values
from db.access import Permission
from db.errors import Invalid
from db.models import Disposition, Inspection, RecipeVersion, Review, Station
from db.queries.decisions import decided
from db.queries.dispositions import (
    WITHDRAWN,
    dispose,
    dispositions_of,
    take_disposition_back,
)
from db.queries.inspections import get_inspection
from db.queries.reviews import MAX_NOTE, ReviewVerdict, Said, reviews_of, say, take_back
from db.queries.settling import Settled

blueprint = Blueprint("decisions", __name__)

# In the address of a button: what is said of the result, and what is done with the part.
REVIEWS = {
    "confirm": ReviewVerdict.CONFIRMED,
    "false-call": ReviewVerdict.FALSE_CALL,
    "missed": ReviewVerdict.MISSED,
    "note": ReviewVerdict.NOTED,
}
DISPOSITIONS = {
    "use-as-is": "use_as_is",
    "rework": "rework",
    "repair": "repair",
    "scrap": "scrap",
    "return": "return",
}
WORDS: dict[str, LazyString] = {
    "confirmed": lazy_gettext("confirmed"),
    "false_call": lazy_gettext("false call"),
    "missed": lazy_gettext("missed defect"),
    "noted": lazy_gettext("note"),
    "withdrawn": lazy_gettext("nothing"),
    "use_as_is": lazy_gettext("use as is"),
    "rework": lazy_gettext("rework"),
    "repair": lazy_gettext("repair"),
    "scrap": lazy_gettext("scrap"),
    "return": lazy_gettext("return"),
    "restocked": lazy_gettext("restocked"),
    "not_workable": lazy_gettext("not workable"),
}


@blueprint.app_context_processor
def _words() -> dict[str, Any]:
    return {"DECISIONS": WORDS}


@blueprint.get("/inspections/<int:inspection_id>/parts/decisions")
@needs(Permission.VIEW)
def part(inspection_id: int) -> str:
    """The panel of the inspection's page, which re-reads it."""
    with values().database.reads() as session:
        inspection = get_inspection(session, inspection_id).inspection
        station = session.get_one(Station, inspection.station_id)
        show_times_in(station.line.site.timezone)
        return render_template("parts/decisions.html", **shown(session, inspection))


def shown(session: Session, inspection: Inspection) -> dict[str, Any]:
    """What the panel of decisions needs, besides the inspection."""
    version = session.get(RecipeVersion, inspection.recipe_version_id)
    return {
        "inspection": inspection,
        "decision": decided(session, [inspection.id])[inspection.id],
        "missable": class_choices(version),
        "said": _said(
            reviews_of(session, [inspection.id])[inspection.id],
            dispositions_of(session, inspection.id),
        ),
    }


def _said(reviews: Sequence[Review], dispositions: Sequence[Disposition]) -> list[object]:
    """All that was decided, taken back or not, the newest first."""
    moments: list[tuple[datetime, int, object]] = [(row.at, row.id, row) for row in reviews]
    moments += [(row.created_at, row.id, row) for row in dispositions]
    return [row for _at, _id, row in sorted(moments, key=lambda each: each[:2], reverse=True)]


@blueprint.post("/inspections/<int:inspection_id>/decisions/<action>")
@needs(Permission.ACT)
def decide(inspection_id: int, action: str) -> AnyResponse:
    """Say something of the result, or what is done with the part."""
    note = request.form.get("note", "").strip()
    if len(note) > MAX_NOTE:
        raise Invalid("note", f"{len(note)} characters", f"at most {MAX_NOTE} characters")
    if action in DISPOSITIONS:
        return _do(inspection_id, lambda session: _dispose(session, inspection_id, action, note))
    if action not in REVIEWS:
        abort(404)
    class_name = request.form.get("class", "").strip() if action == "missed" else ""

    def said(session: Session) -> tuple[str, Settled]:
        row = say(
            session, inspection_id, REVIEWS[action], actor_name(), class_name=class_name, note=note
        )
        return _told(row), row.settled

    return _do(inspection_id, said)


@blueprint.post("/inspections/<int:inspection_id>/undo")
@needs(Permission.ACT)
def undo(inspection_id: int) -> AnyResponse:
    """Take back one decision, which the form names, so that it is no other than was seen."""
    with values().database.reads() as session:
        get_inspection(session, inspection_id)
    kind, _colon, text = request.form.get("last", "").partition(":")
    if kind not in ("review", "disposition") or not text.isdecimal() or len(text) > 18:
        abort(400, "expected last=review:ID or last=disposition:ID")
    row_id = int(text)

    def taken_back(session: Session) -> tuple[str, Settled]:
        if kind == "disposition":
            row = take_disposition_back(session, inspection_id, row_id, actor_name())
            return _undone(row.action), Settled()
        back = take_back(session, inspection_id, row_id, actor_name())
        return _undone(back.review.verdict) + _of_discrepancies(back.settled), back.settled

    return _do(inspection_id, taken_back)


def _do(inspection_id: int, act: Callable[[Session], tuple[str, Settled]]) -> AnyResponse:
    """Do it, tell the screens after the commit, and go back to where the button was."""
    with values().database.sessions.begin() as session:
        station_id = get_inspection(session, inspection_id).inspection.station_id
        told, settled = act(session)
    its = {"station_id": station_id, "inspection_id": inspection_id}
    values().events.publish({"type": "decision", **its})
    for discrepancy_id in settled.changed:
        state = "false_call" if discrepancy_id in settled.closed else "open"
        values().events.publish(
            {
                "type": "discrepancy",
                "station_id": station_id,
                "discrepancy_id": discrepancy_id,
                "state": state,
            }
        )
    if wants_text():
        return Response(told, mimetype="text/plain")
    here = url_for("inspections.one", inspection_id=inspection_id)
    return redirect(own_path(request.form.get("back")) or here, code=303)


def _dispose(session: Session, inspection_id: int, action: str, note: str) -> tuple[str, Settled]:
    get_inspection(session, inspection_id)
    row = dispose(session, inspection_id, DISPOSITIONS[action], actor_name(), note)
    said = _("Inspection %(id)s: %(what)s.", id=inspection_id, what=WORDS[row.action])
    return said, Settled()


def _told(said: Said) -> str:
    row: Review = said.review
    number, what = row.inspection_id, WORDS[row.verdict]
    told: str
    if row.verdict == ReviewVerdict.NOTED:
        told = _("Inspection %(id)s: the note is saved.", id=number)
    elif not said.new:
        told = _("Inspection %(id)s: %(what)s already.", id=number, what=what)
    elif row.class_name:
        told = _("Inspection %(id)s: missed defect, %(name)s.", id=number, name=row.class_name)
    else:
        told = _("Inspection %(id)s: %(what)s.", id=number, what=what)
    return told + _of_discrepancies(said.settled)


def _undone(now: str) -> str:
    told: str = _("Undone.")
    if now not in (WITHDRAWN, ReviewVerdict.NOTED):
        told = _("Undone. What holds again: %(what)s.", what=WORDS[now])
    return told


def _of_discrepancies(settled: Settled) -> str:
    """What became of the discrepancies, so that nobody wonders why one is gone, or is not."""
    told = ""
    if settled.closed:
        told += " " + ngettext(
            "Its discrepancy is closed.", "%(num)s discrepancies are closed.", len(settled.closed)
        )
    if settled.reopened:
        told += " " + ngettext(
            "Its discrepancy is open again.",
            "%(num)s discrepancies are open again.",
            len(settled.reopened),
        )
    if settled.still_shown_by:
        told += " " + ngettext(
            "The discrepancy stays open: one other image shows it.",
            "The discrepancy stays open: %(num)s other images show it.",
            settled.still_shown_by,
        )
    return told
