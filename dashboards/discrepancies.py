"""The list of discrepancies, the history of one, and what a person does with it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from dashboards.errors import wants_text
from dashboards.export import discrepancies_csv
from dashboards.formats import show_times_in, stamp
from dashboards.permissions import actor_name, needs
from dashboards.redirects import own_path
from dashboards.values import values
from db.access import Permission
from db.errors import Invalid, NotFound
from db.models import Discrepancy
from db.queries import discrepancies, gap_work, snoozing
from db.queries.boards import images_of, lines_with_sites
from db.queries.discrepancy_lists import Wanted, earlier_at_same_place, list_placed, placed
from inspection.verdicts import DiscrepancyState

blueprint = Blueprint("discrepancies", __name__)

STATES = ("unresolved", "snoozed", "all", *DiscrepancyState)
_PAGE = 100
_MAX_NOTE = 1000
_MOST_EXPORTED = 10_000


def _acknowledge(session: Session, its_id: int, note: str) -> tuple[Discrepancy, str]:
    return discrepancies.acknowledge(session, its_id, actor_name(), note), _("Acknowledged")


def _resolve(session: Session, its_id: int, note: str) -> tuple[Discrepancy, str]:
    return discrepancies.resolve(session, its_id, actor_name(), note), _("Resolved")


def _false_call(session: Session, its_id: int, note: str) -> tuple[Discrepancy, str]:
    # The next scan of a shelf sees what the last one saw, and would open it again at once.
    found = placed(session, its_id)
    of_shelf = found is not None and found.line_kind == "shelf"
    call = gap_work.false_call if of_shelf else discrepancies.false_call
    return call(session, its_id, actor_name(), note), _("Marked as a false call")


def _restocked(session: Session, its_id: int, note: str) -> tuple[Discrepancy, str]:
    told: str = _("Marked as restocked; the next scans will check it")
    return gap_work.restock(session, its_id, actor_name(), note), told


def _snooze(session: Session, its_id: int, note: str) -> tuple[Discrepancy, str]:
    hours, found = request.form.get("hours", ""), placed(session, its_id)
    if not (hours.isdecimal() and hours.isascii() and len(hours) <= 3 and 1 <= int(hours) <= 336):
        raise Invalid("hours", hours[:80], "a number of hours from 1 to 336")
    now = values().now()
    until = now + timedelta(hours=int(hours))
    discrepancy = snoozing.snooze(session, its_id, until, actor_name(), note, now)
    shown = stamp(until, found.timezone if found else None)
    return discrepancy, _("Snoozed until %(time)s; no alert comes before", time=shown)


def _wake(session: Session, its_id: int, note: str) -> tuple[Discrepancy, str]:
    return snoozing.wake(session, its_id, actor_name(), note), _("Back on the list")


def _undo(session: Session, its_id: int, _note: str) -> tuple[Discrepancy, str]:
    event = request.form.get("event", "")
    if not event.isdecimal() or len(event) > 18:
        raise Invalid("event", event[:80], "the id of what is to be undone")
    return gap_work.undo(session, its_id, int(event), actor_name()), _("Undone.")


_Action = Callable[[Session, int, str], tuple[Discrepancy, str]]
ACTIONS: dict[str, _Action] = {
    "acknowledge": _acknowledge,
    "resolve": _resolve,
    "false-call": _false_call,
    "restocked": _restocked,
    "snooze": _snooze,
    "wake": _wake,
    "undo": _undo,
}


@blueprint.get("/discrepancies")
@needs(Permission.VIEW)
def index() -> str:
    return render_template("discrepancies.html", **_listed())


@blueprint.get("/parts/discrepancies")
@needs(Permission.VIEW)
def index_part() -> str:
    return render_template("parts/discrepancy_rows.html", **_listed())


@blueprint.get("/discrepancies.csv")
@needs(Permission.VIEW)
def export() -> Response:
    """The filtered list as a table for a spreadsheet, times in UTC."""
    with values().database.reads() as session:
        rows = list_placed(session, _wanted(), limit=_MOST_EXPORTED)
    response = Response(discrepancies_csv(rows), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="discrepancies.csv"'
    return response


@blueprint.get("/discrepancies/<int:discrepancy_id>")
@needs(Permission.VIEW)
def one(discrepancy_id: int) -> str:
    return render_template("discrepancy.html", **_one(discrepancy_id))


@blueprint.get("/parts/discrepancies/<int:discrepancy_id>")
@needs(Permission.VIEW)
def one_part(discrepancy_id: int) -> str:
    return render_template("parts/discrepancy.html", **_one(discrepancy_id))


@blueprint.post("/discrepancies/<int:discrepancy_id>/<action>")
@needs(Permission.ACT)
def act(discrepancy_id: int, action: str) -> AnyResponse:
    """Do it, tell the screens after the commit, and go back to where the button was."""
    do = ACTIONS.get(action)
    if do is None:
        abort(404)
    note = request.form.get("note", "").strip()
    if len(note) > _MAX_NOTE:
        raise Invalid("note", f"{len(note)} characters", f"at most {_MAX_NOTE} characters")
    with values().database.sessions.begin() as session:
        discrepancy, told = do(session, discrepancy_id, note)
        event = {
            "type": "discrepancy",
            "station_id": discrepancy.station_id,
            "discrepancy_id": discrepancy_id,
            "state": discrepancy.state,
        }
    values().events.publish(event)
    if wants_text():
        return Response(told, mimetype="text/plain")
    here = url_for("discrepancies.one", discrepancy_id=discrepancy_id)
    return redirect(own_path(request.form.get("back")) or here, code=303)


def _wanted() -> Wanted:
    wanted = Wanted(
        state=request.args.get("state", "unresolved"),
        now=values().now(),
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
    moment, _bar, number = text.partition("|")
    try:
        opened_at = datetime.fromisoformat(moment)
        if opened_at.tzinfo is None:
            raise ValueError("no zone")
        return opened_at.astimezone(UTC), int(number)
    except (ValueError, OverflowError):
        abort(400, f"expected after=TIME|ID as a page of this list gave it, got {text[:80]!r}")


def _one(discrepancy_id: int) -> dict[str, Any]:
    with values().database.reads() as session:
        found = placed(session, discrepancy_id)
        if found is None:
            raise NotFound("discrepancy", discrepancy_id)
        discrepancy = discrepancies.get_discrepancy(session, discrepancy_id)
        earlier = earlier_at_same_place(session, discrepancy)
        standing = gap_work.standing_actions(discrepancy.history)
        images = images_of(
            session, {discrepancy.first_inspection_id, discrepancy.last_inspection_id}
        )
    show_times_in(found.timezone)
    return {
        "found": found,
        "discrepancy": discrepancy,
        "history": discrepancy.history,
        # What a person did last, and may take back.
        "undoable": standing[-1] if standing else None,
        "earlier": earlier,
        "images": images,
    }
