"""The log of the alerts: what was told to whom, what was not, and why; and what can sleep."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as AnyResponse

from dashboards.alerts import forms
from dashboards.alerts.words import EVENTS, STATES, WHY_OVER
from dashboards.formats import show_times_in, stamp
from dashboards.permissions import actor_name, needs
from dashboards.redirects import own_path
from dashboards.values import values
from db.access import Permission
from db.queries import alert_log, deliveries, snoozing
from db.queries.discrepancies import get_discrepancy

blueprint = Blueprint("alert_log", __name__)

_PAGE = 50


@blueprint.get("/alerts/log")
@needs(Permission.ALERTS)
def index() -> str:
    state = request.args.get("state") or None
    if state is not None and state not in STATES:
        abort(400, f"expected a state out of {', '.join(STATES)}, got {state[:80]!r}")
    after = request.args.get("after", type=int)
    with values().database.reads() as session:
        told = alert_log.newest(session, state=state, after=after, limit=_PAGE + 1)
        names = alert_log.channel_names(session)
        failed = alert_log.count_failed(session)
        zones = forms.place_zones(session)
    more = told[_PAGE - 1].alert.id if len(told) > _PAGE else None
    return render_template(
        "alerts/log.html",
        told=told[:_PAGE],
        names=names,
        failed=failed,
        state=state,
        states=STATES,
        events=EVENTS,
        why_over=WHY_OVER,
        zones=zones,
        more=more,
    )


@blueprint.post("/alerts/deliveries/<int:delivery_id>/again")
@needs(Permission.ALERTS)
def again(delivery_id: int) -> AnyResponse:
    """Try one delivery again that was given up."""
    with values().database.sessions.begin() as session:
        deliveries.try_again(session, delivery_id)
    flash(_("It is tried again."))
    return redirect(url_for("alert_log.index", state="failed"), code=303)


@blueprint.post("/alerts/deliveries/again")
@needs(Permission.ALERTS)
def all_again() -> AnyResponse:
    """Try everything again that was given up and that is seen here."""
    with values().database.sessions.begin() as session:
        waiting = alert_log.failed(session)
        for delivery in waiting:
            deliveries.try_again(session, delivery.id)
    flash(ngettext("%(num)s delivery is tried again.", "%(num)s are tried again.", len(waiting)))
    return redirect(url_for("alert_log.index"), code=303)


@blueprint.post("/alerts/discrepancies/<int:discrepancy_id>/snooze")
@needs(Permission.ACT)
def snooze(discrepancy_id: int) -> AnyResponse:
    """Say nothing of a discrepancy until the clock of its site shows a time; none: wake it."""
    now = values().now()
    typed = request.form.get("until", "").strip()
    with values().database.sessions.begin() as session:
        row = get_discrepancy(session, discrepancy_id)
        zone = forms.place_zones(session).get(("station", row.station_id), "UTC")
        if typed:
            until = forms.next_time(typed, now, zone)
            row = snoozing.snooze(session, discrepancy_id, until, actor_name(), now=now)
        else:
            row = snoozing.wake(session, discrepancy_id, actor_name())
        event = {
            "type": "discrepancy",
            "station_id": row.station_id,
            "discrepancy_id": discrepancy_id,
            "state": row.state,
        }
    values().events.publish(event)
    show_times_in(zone)
    if row.snoozed_until is not None:
        flash(_("Nobody is told of it until %(time)s.", time=stamp(row.snoozed_until)))
    back = own_path(request.form.get("back")) or url_for("alert_log.index")
    return redirect(back, code=303)
