"""What a person does with a gap, on the list and while walking: one tap each, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from dashboards.errors import wants_text
from dashboards.formats import show_times_in, stamp
from dashboards.permissions import actor_name, needs
from dashboards.redirects import own_path
from dashboards.values import values
from db.access import Permission
from db.errors import Invalid, NotFound
from db.models import Discrepancy, Line
from db.queries import gap_work, shelf_history, snoozing
from db.queries.discrepancies import acknowledge, get_discrepancy
from db.queries.shifts import current_window
from db.queries.stations import get_line, get_station
from inspection.shelves.opening import next_opening

blueprint = Blueprint("gap_actions", __name__)

_MAX_NOTE = 500


@dataclass(frozen=True)
class _Asked:
    """A form that was sent, and for which gap."""

    session: Session
    line: Line
    gap_id: int
    note: str
    now: datetime

    def end(self) -> datetime:
        return chosen_end(self.session, self.line, self.now)


def _restocked(asked: _Asked) -> tuple[Discrepancy, str]:
    gap = gap_work.restock(asked.session, asked.gap_id, actor_name(), asked.note)
    return gap, _("Marked as restocked; the next scans will check it")


def _acknowledge(asked: _Asked) -> tuple[Discrepancy, str]:
    return acknowledge(asked.session, asked.gap_id, actor_name(), asked.note), _("Acknowledged")


def _false_call(asked: _Asked) -> tuple[Discrepancy, str]:
    gap = gap_work.false_call(asked.session, asked.gap_id, actor_name(), asked.note)
    return gap, _("Marked as a false call")


def _not_workable(asked: _Asked) -> tuple[Discrepancy, str]:
    until, reason = asked.end(), request.form.get("reason", "")
    gap = gap_work.not_workable(
        asked.session, asked.gap_id, reason, until, actor_name(), asked.note, asked.now
    )
    return gap, _("Not workable until %(time)s; it comes back by itself", time=stamp(until))


def _workable(asked: _Asked) -> tuple[Discrepancy, str]:
    gap = gap_work.workable(asked.session, asked.gap_id, actor_name(), asked.note)
    return gap, _("Back on the list")


def _snooze(asked: _Asked) -> tuple[Discrepancy, str]:
    until = asked.end()
    gap = snoozing.snooze(asked.session, asked.gap_id, until, actor_name(), asked.note, asked.now)
    return gap, _("Snoozed until %(time)s; no alert comes before", time=stamp(until))


def _wake(asked: _Asked) -> tuple[Discrepancy, str]:
    gap = snoozing.wake(asked.session, asked.gap_id, actor_name(), asked.note)
    return gap, _("Back on the list")


def _undo(asked: _Asked) -> tuple[Discrepancy, str]:
    event_id = request.form.get("event", type=int)
    if event_id is None:
        raise Invalid("event", request.form.get("event", "")[:80], "the number of what is undone")
    gap = gap_work.undo(asked.session, asked.gap_id, event_id, actor_name())
    return gap, _("Taken back")


_ACTIONS: dict[str, Callable[[_Asked], tuple[Discrepancy, str]]] = {
    "restocked": _restocked,
    "acknowledge": _acknowledge,
    "false-call": _false_call,
    "not-workable": _not_workable,
    "workable": _workable,
    "snooze": _snooze,
    "wake": _wake,
    "undo": _undo,
}


@blueprint.post("/shelves/<ref>/gaps/<int:discrepancy_id>/<action>")
@needs(Permission.ACT)
def act(ref: str, discrepancy_id: int, action: str) -> AnyResponse:
    """Do it, tell the screens after the commit, and go back to where the button was."""
    do = _ACTIONS.get(action)
    if do is None:
        abort(404)
    note = request.form.get("note", "").strip()
    if len(note) > _MAX_NOTE:
        raise Invalid("note", f"{len(note)} characters", f"at most {_MAX_NOTE} characters")
    with values().database.sessions.begin() as session:
        line = get_line(session, ref)
        show_times_in(line.site.timezone)
        gap = get_discrepancy(session, discrepancy_id)
        if get_station(session, str(gap.station_id)).line_id != line.id:
            raise NotFound("gap", discrepancy_id)
        gap, said = do(_Asked(session, line, discrepancy_id, note, values().now()))
        event = {
            "type": "discrepancy",
            "station_id": gap.station_id,
            "discrepancy_id": discrepancy_id,
            "state": gap.state,
        }
        board = url_for("shelves.board", ref=line.key)
    values().events.publish(event)
    if wants_text():
        return Response(said, mimetype="text/plain")
    return redirect(own_path(request.form.get("back")) or board, code=303)


def chosen_end(session: Session, line: Line, now: datetime) -> datetime:
    """The moment that a form names: an hour, the shift's end, tomorrow's opening, a week, a time.

    Raises:
        Invalid: it names none, or one that there is not.
    """
    end = request.form.get("end", "")
    zone = ZoneInfo(line.site.timezone)
    if end == "hour":
        return now + timedelta(hours=1)
    if end == "shift":
        ends_at = current_window(session, line.site, now).ends_at
        if ends_at is None:
            raise Invalid("end", end, "another end: no shift runs now")
        return ends_at
    if end in ("opening", "week"):
        opening = next_opening(shelf_history.shifts_of(session, line.site_id), zone, now)
        return opening if end == "opening" else opening + timedelta(days=6)
    if end == "at":
        return _time_of_day(request.form.get("at", ""), zone)
    raise Invalid("end", end[:80], "one of hour, shift, opening, week, at")


def _time_of_day(text: str, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("at", text[:80], "a day and a time such as 2026-11-20T14:30") from None
    # The site's clock, unless the form says which.
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
