"""Rules of the alerts: who is told of what, and when not."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from dashboards.alerts import forms
from dashboards.alerts import words as alert_words
from dashboards.formats import show_times_in, stamp
from dashboards.permissions import actor_name, needs
from dashboards.told import told
from dashboards.values import values
from db.access import Permission, current
from db.errors import Conflict, Invalid
from db.models import AlertRule, AlertTarget
from db.queries import alert_channels, alert_log, alert_rules
from db.queries.alert_rules import ESCALATION, FIRST

blueprint = Blueprint("alerts", __name__)


@blueprint.get("/alerts")
@needs(Permission.ALERTS)
def index() -> str:
    """Every rule as sentences, every channel, and what did not arrive."""
    with values().database.reads() as session:
        rules = alert_rules.all_rules(session)
        channels = alert_channels.all_channels(session)
        names = forms.place_names(session)
        failed = alert_log.count_failed(session)
        zones = forms.place_zones(session)
        rows = [
            {
                "rule": rule,
                "sentences": alert_words.sentences(rule, alert_words.place_of(rule, names)),
                "zone": forms.zone_of(rule, zones),
            }
            for rule in rules
        ]
    in_rules = {target.channel_id for rule in rules for target in rule.targets}
    return render_template(
        "alerts/index.html",
        rows=rows,
        channels=channels,
        channel_places={row.id: alert_words.place_of(row, names) for row in channels},
        in_rules=in_rules,
        kinds=alert_words.KINDS,
        failed=failed,
    )


@blueprint.get("/alerts/rules/new")
@needs(Permission.ALERTS)
def new_rule() -> str:
    """An empty form, in which the channel is chosen where there is but one."""
    with values().database.reads() as session:
        channels = alert_channels.all_channels(session)
    only = [AlertTarget(channel_id=row.id, step=FIRST) for row in channels if len(channels) == 1]
    return _rule_page(AlertRule(enabled=True, targets=only, kinds=[], **_DEFAULTS))


@blueprint.post("/alerts/rules")
@needs(Permission.ALERTS)
def add_rule() -> AnyResponse | tuple[str, int]:
    try:
        with values().database.sessions.begin() as session:
            rule = alert_rules.create_rule(session, forms.rule_values(request.form))
    except Invalid as error:
        return _rule_page(_typed(), told(error)), 422
    flash(_("The rule “%(name)s” is there. It tells what opens from now on.", name=rule.name))
    return redirect(url_for("alerts.index"), code=303)


@blueprint.get("/alerts/rules/<int:rule_id>")
@needs(Permission.ALERTS)
def rule(rule_id: int) -> str:
    with values().database.reads() as session:
        row = alert_rules.get_rule(session, rule_id)
    return _rule_page(row)


@blueprint.post("/alerts/rules/<int:rule_id>")
@needs(Permission.ALERTS)
def edit_rule(rule_id: int) -> AnyResponse | tuple[str, int]:
    revision = request.form.get("revision", type=int)
    try:
        with values().database.sessions.begin() as session:
            alert_rules.get_rule(session, rule_id)  # unknown before anything typed is looked at
            wanted = forms.rule_values(request.form)
            row = alert_rules.edit_rule(session, rule_id, wanted, revision)
    except (Invalid, Conflict) as error:
        status = 409 if isinstance(error, Conflict) else 422
        return _rule_page(_typed(rule_id, revision), told(error)), status
    flash(_("The rule “%(name)s” is changed.", name=row.name))
    return redirect(url_for("alerts.index"), code=303)


@blueprint.post("/alerts/preview")
@needs(Permission.ALERTS)
def preview() -> Response:
    """What a form that is not sent yet would do, as sentences."""
    try:
        typed = _typed()
        with values().database.reads() as session:
            place = alert_words.place_of(typed, forms.place_names(session))
        text = " ".join(alert_words.sentences(typed, place))
    except Invalid as error:
        text = told(error)
    return Response(text, mimetype="text/plain")


@blueprint.post("/alerts/rules/<int:rule_id>/switch")
@needs(Permission.ALERTS)
def switch_rule(rule_id: int) -> AnyResponse:
    with values().database.sessions.begin() as session:
        alert_rules.switch_rule(session, rule_id, request.form.get("to") == "on")
    return redirect(url_for("alerts.index"), code=303)


@blueprint.post("/alerts/rules/<int:rule_id>/snooze")
@needs(Permission.ALERTS)
def snooze_rule(rule_id: int) -> AnyResponse:
    """Say nothing until the wall clock shows the time that was typed, or with none speak again."""
    now = values().now()
    with values().database.sessions.begin() as session:
        row = alert_rules.get_rule(session, rule_id)
        zone = forms.zone_of(row, forms.place_zones(session))
        typed = request.form.get("until", "").strip()
        until = forms.next_time(typed, now, zone) if typed else None
        alert_rules.snooze_rule(session, rule_id, until, actor_name(), now)
    show_times_in(zone)
    if until is not None:
        flash(_("“%(name)s” is quiet until %(time)s.", name=row.name, time=stamp(until)))
    return redirect(url_for("alerts.index"), code=303)


@blueprint.post("/alerts/rules/<int:rule_id>/remove")
@needs(Permission.ALERTS)
def remove_rule(rule_id: int) -> AnyResponse:
    with values().database.sessions.begin() as session:
        alert_rules.remove_rule(session, rule_id)
    flash(_("The rule is gone. What it has told stays in the log."))
    return redirect(url_for("alerts.index"), code=303)


_DEFAULTS: dict[str, Any] = {
    "name": "",
    "min_severity": "fail",
    "open_for_s": 0,
    "seen_at_least": 1,
    "group_s": 0,
    "cooldown_s": 0,
    "tell_end": True,
}


def _typed(rule_id: int | None = None, revision: int | None = None) -> AlertRule:
    """The form as a rule that is in no session: to show it again, and to say what it would do."""
    form = request.form
    try:
        wanted = forms.rule_values(form)
    except Invalid:
        if rule_id is None and request.endpoint == "alerts.preview":
            raise
        names = {FIRST: form.getlist("channel"), ESCALATION: form.getlist("escalation")}
        blank = AlertRule(id=rule_id, revision=revision, kinds=[], targets=[], **_DEFAULTS)
        blank.name, blank.enabled = form.get("name", "")[:100], "enabled" in form
        blank.targets = [
            AlertTarget(channel_id=int(text), step=step)
            for step, texts in names.items()
            for text in texts
            if text.isascii() and text.isdigit() and len(text) < 18
        ]
        return blank
    typed = AlertRule(id=rule_id, revision=revision, kinds=list(wanted.kinds))
    for name in (*_DEFAULTS, "quiet_from", "quiet_to", "escalate_after_s", "enabled"):
        setattr(typed, name, getattr(wanted, name))
    place = wanted.place
    typed.site_id, typed.line_id, typed.station_id = place.site_id, place.line_id, place.station_id
    with values().database.reads() as session:
        channels = {row.id: row for row in alert_channels.all_channels(session)}
        session.expunge_all()
    typed.targets = [
        AlertTarget(channel_id=id_, step=step, channel=channels[id_])
        for step, ids in (
            (FIRST, wanted.channel_ids),
            (ESCALATION, wanted.escalation_channel_ids),
        )
        for id_ in ids
        if id_ in channels
    ]
    return typed


def _rule_page(row: AlertRule, problem: str = "") -> str:
    with values().database.reads() as session:
        channels = alert_channels.all_channels(session)
        choices = forms.places(session)
        names = forms.place_names(session)
        kinds = forms.known_kinds(session)
    access = current()
    chosen = {
        step: {target.channel_id for target in row.targets if target.step == step}
        for step in (FIRST, ESCALATION)
    }
    said = alert_words.sentences(row, alert_words.place_of(row, names)) if row.id else []
    return render_template(
        "alerts/rule.html",
        rule=row,
        sentences=said,
        channels=channels,
        places=choices,
        everywhere=access is None or access.lines is None,
        kinds=kinds,
        chosen=chosen,
        problem=problem,
    )
