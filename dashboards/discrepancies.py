"""The list of discrepancies, the history of one, and what a person does with it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from dashboards.errors import wants_text
from dashboards.export import discrepancies_csv
from dashboards.formats import show_times_in
from dashboards.values import values
from db.errors import Invalid, NotFound
from db.models import Discrepancy
from db.queries import discrepancies, shelves
from db.queries.boards import images_of, lines_with_sites
from db.queries.discrepancy_lists import Wanted, earlier_at_same_place, list_placed, placed
from inspection.verdicts import DiscrepancyState

blueprint = Blueprint("discrepancies", __name__)

STATES = ("unresolved", "all", *DiscrepancyState)
_PAGE = 100
_MAX_NOTE = 1000
_MOST_EXPORTED = 10_000
# Who acted. Until sign-in exists nobody is known but the screen.
ACTOR = "dashboard"

_Action = Callable[[Session, int, str, str], Discrepancy]
ACTIONS: dict[str, _Action] = {
    "acknowledge": discrepancies.acknowledge,
    "resolve": discrepancies.resolve,
    "false-call": discrepancies.false_call,
    "restocked": shelves.restock,
}
_DONE = {
    "acknowledge": "Acknowledged",
    "resolve": "Resolved",
    "false-call": "Marked as a false call",
    "restocked": "Marked as restocked; the next scans will check it",
}


@blueprint.get("/discrepancies")
def index() -> str:
    return render_template("discrepancies.html", **_listed())


@blueprint.get("/parts/discrepancies")
def index_part() -> str:
    return render_template("parts/discrepancy_rows.html", **_listed())


@blueprint.get("/discrepancies.csv")
def export() -> Response:
    """The filtered list as a table for a spreadsheet, times in UTC."""
    with values().database.reads() as session:
        rows = list_placed(session, _wanted(), limit=_MOST_EXPORTED)
    response = Response(discrepancies_csv(rows), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="discrepancies.csv"'
    return response


@blueprint.get("/discrepancies/<int:discrepancy_id>")
def one(discrepancy_id: int) -> str:
    return render_template("discrepancy.html", **_one(discrepancy_id))


@blueprint.get("/parts/discrepancies/<int:discrepancy_id>")
def one_part(discrepancy_id: int) -> str:
    return render_template("parts/discrepancy.html", **_one(discrepancy_id))


@blueprint.post("/discrepancies/<int:discrepancy_id>/<action>")
def act(discrepancy_id: int, action: str) -> AnyResponse:
    """Do it, tell the screens after the commit, and go back to where the button was."""
    do = ACTIONS.get(action)
    if do is None:
        abort(404)
    note = request.form.get("note", "").strip()
    if len(note) > _MAX_NOTE:
        raise Invalid("note", f"{len(note)} characters", f"at most {_MAX_NOTE} characters")
    with values().database.sessions.begin() as session:
        discrepancy = do(session, discrepancy_id, ACTOR, note)
        event = {
            "type": "discrepancy",
            "station_id": discrepancy.station_id,
            "discrepancy_id": discrepancy_id,
            "state": discrepancy.state,
        }
    values().events.publish(event)
    if wants_text():
        return Response(_DONE[action], mimetype="text/plain")
    return redirect(_back_to(discrepancy_id), code=303)


def _back_to(discrepancy_id: int) -> str:
    """The page of ours that the form names, so that nobody is sent to another site."""
    asked = request.form.get("back", "")
    if asked.startswith("/") and not asked.startswith(("//", "/\\")):
        return asked
    return url_for("discrepancies.one", discrepancy_id=discrepancy_id)


def _wanted() -> Wanted:
    wanted = Wanted(
        state=request.args.get("state", "unresolved"),
        line_key=request.args.get("line") or None,
        station_key=request.args.get("station") or None,
        severity=request.args.get("severity") or None,
        kind=request.args.get("kind") or None,
    )
    if wanted.state not in STATES:
        abort(400, f"expected a state out of {', '.join(STATES)}, got {wanted.state[:80]!r}")
    return wanted


def _listed() -> dict[str, Any]:
    wanted = _wanted()
    with values().database.reads() as session:
        rows = list_placed(session, wanted, after=_after(), limit=_PAGE + 1)
        lines = lines_with_sites(session)
    more = None
    if len(rows) > _PAGE:
        last = rows[_PAGE - 1].discrepancy
        more = f"{last.opened_at.isoformat()}|{last.id}"
    filters = {key: value for key, value in request.args.items() if value and key != "after"}
    return {
        "rows": rows[:_PAGE],
        "lines": lines,
        "wanted": wanted,
        "states": STATES,
        "filters": filters,
        "after": request.args.get("after"),
        "more": more,
    }


def _after() -> tuple[datetime, int] | None:
    text = request.args.get("after")
    if not text:
        return None
    moment, _, number = text.partition("|")
    try:
        opened_at = datetime.fromisoformat(moment)
        if opened_at.tzinfo is None:
            raise ValueError("no zone")
        return opened_at, int(number)
    except ValueError:
        abort(400, f"expected after=TIME|ID as a page of this list gave it, got {text[:80]!r}")


def _one(discrepancy_id: int) -> dict[str, Any]:
    with values().database.reads() as session:
        found = placed(session, discrepancy_id)
        if found is None:
            raise NotFound("discrepancy", discrepancy_id)
        discrepancy = discrepancies.get_discrepancy(session, discrepancy_id)
        earlier = earlier_at_same_place(session, discrepancy)
        images = images_of(
            session, {discrepancy.first_inspection_id, discrepancy.last_inspection_id}
        )
    show_times_in(found.timezone)
    return {
        "found": found,
        "discrepancy": discrepancy,
        "history": discrepancy.history,
        "earlier": earlier,
        "images": images,
    }
