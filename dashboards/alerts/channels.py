"""Channels of the alerts: entered, tried, switched, removed. An address is never shown again."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from dashboards.alerts import forms
from dashboards.alerts.words import KINDS
from dashboards.permissions import actor_name, needs
from dashboards.told import told
from dashboards.values import values
from db.access import Permission, current
from db.alert_addresses import SERVICES
from db.credentials import SecretBox
from db.errors import Conflict, DomainError, Invalid
from db.models import AlertChannel
from db.queries import alert_channels
from db.queries.alert_places import AlertPlace

blueprint = Blueprint("alert_channels", __name__)


@blueprint.get("/alerts/channels/new")
@needs(Permission.ALERTS)
def new() -> str:
    return _page(AlertChannel(name="", kind="mail", enabled=True))


@blueprint.post("/alerts/channels")
@needs(Permission.ALERTS)
def add() -> AnyResponse | tuple[str, int]:
    try:
        name, address = forms.channel_name(request.form), forms.channel_address(request.form)
        if address is None:
            raise Invalid("address", "nothing", "an address")
        with values().database.sessions.begin() as session:
            place = forms.place(request.form.get("place", ""))
            row = alert_channels.create_channel(session, name, address, place, _box())
    except DomainError as error:
        return _page(_typed(), told(error), _kept(error)), 422
    flash(_("The channel “%(name)s” is there. Send a test.", name=row.name))
    return redirect(url_for("alert_channels.one", channel_id=row.id), code=303)


@blueprint.get("/alerts/channels/<int:channel_id>")
@needs(Permission.ALERTS)
def one(channel_id: int) -> str:
    with values().database.reads() as session:
        row = alert_channels.get_channel(session, channel_id)
    return _page(row)


@blueprint.get("/alerts/channels/<int:channel_id>/parts/test")
@needs(Permission.ALERTS)
def test_part(channel_id: int) -> str:
    with values().database.reads() as session:
        row = alert_channels.get_channel(session, channel_id)
    return render_template("alerts/parts/test.html", channel=row)


@blueprint.post("/alerts/channels/<int:channel_id>")
@needs(Permission.ALERTS)
def edit(channel_id: int) -> AnyResponse | tuple[str, int]:
    """Change name, place or address; an empty address leaves the one that is there."""
    try:
        name, address = forms.channel_name(request.form), forms.channel_address(request.form)
        with values().database.sessions.begin() as session:
            row = alert_channels.edit_channel(
                session,
                channel_id,
                name=name,
                enabled="enabled" in request.form,
                address=address,
                place=forms.place(request.form.get("place", "")),
                box=_box() if address is not None else None,
            )
    except Invalid as error:
        return _page(_typed(channel_id), told(error), _kept(error)), 422
    flash(_("The channel “%(name)s” is changed.", name=row.name))
    return redirect(url_for("alert_channels.one", channel_id=channel_id), code=303)


@blueprint.post("/alerts/channels/<int:channel_id>/test")
@needs(Permission.ALERTS)
def test(channel_id: int) -> AnyResponse:
    """Ask the alerts process for a test message; the page shows what came back."""
    with values().database.sessions.begin() as session:
        alert_channels.ask_test(session, channel_id, actor_name(), values().now())
    return redirect(url_for("alert_channels.one", channel_id=channel_id), code=303)


@blueprint.post("/alerts/channels/<int:channel_id>/remove")
@needs(Permission.ALERTS)
def remove(channel_id: int) -> AnyResponse | tuple[str, int]:
    try:
        with values().database.sessions.begin() as session:
            alert_channels.remove_channel(session, channel_id)
    except Conflict as error:
        with values().database.reads() as session:
            row = alert_channels.get_channel(session, channel_id)
        return _page(row, told(error)), 409
    flash(_("The channel is gone. What was told on it stays in the log."))
    return redirect(url_for("alerts.index"), code=303)


def _typed(channel_id: int | None = None) -> AlertChannel:
    """The form as a channel, without its address."""
    form = request.form
    shown = ""
    try:
        place = forms.place(form.get("place", ""))
    except Invalid:
        place = AlertPlace()
    if channel_id is not None:
        with values().database.reads() as session:
            shown = alert_channels.get_channel(session, channel_id).shown
    return AlertChannel(
        id=channel_id,
        name=form.get("name", "")[:64],
        kind=form.get("kind", "mail"),
        shown=shown,
        enabled="enabled" in form,
        site_id=place.site_id,
        line_id=place.line_id,
    )


def _kept(error: DomainError) -> Mapping[str, str]:
    """What was typed of the address and need not be typed again: all but what was not right.

    It goes back to who typed it, in the answer to the form, and is nowhere kept.
    """
    wrong = error.field if isinstance(error, Invalid) else ""
    names = {"address": "url", "secret": "secret", "sender": "sender", "recipient": "recipient"}
    typed = {field: request.form.get(field, "")[:2000] for field in (*names.values(), "starttls")}
    return typed | {names.get(wrong, ""): ""}


def _page(row: AlertChannel, problem: str = "", typed: Mapping[str, str] | None = None) -> str:
    with values().database.reads() as session:
        choices = forms.places(session, stations=False)
    access = current()
    services = sorted(set(SERVICES.values()))
    return render_template(
        "alerts/channel.html",
        channel=row,
        places=choices,
        everywhere=access is None or access.lines is None,
        kinds=KINDS,
        services=services,
        typed=typed or {},
        problem=problem,
    )


def _box() -> SecretBox:
    secrets = values().secrets
    if secrets is None:
        raise Invalid("address", "one", "none here: this process has no key to encrypt it with")
    return secrets()
