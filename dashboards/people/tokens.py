"""API tokens: which programs are let in, made with a text that is shown once, and revoked."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import LazyString, lazy_gettext
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from dashboards.people.pages import ROLES
from dashboards.permissions import actor_name, needs
from dashboards.told import told
from dashboards.values import values
from db.access import NOBODY, Permission, current
from db.errors import DomainError, Invalid, NotFound
from db.models import Line, Site, Station
from db.queries import tokens
from db.queries.tokens import DEFAULT_DAYS, MOST_DAYS, PUSH_ONLY, Place

blueprint = Blueprint("tokens", __name__)

_PAGE = 50
_ROLES: dict[str, LazyString] = {
    PUSH_ONLY: lazy_gettext("push frames and nothing else"),
    **{role.value: word for role, word in ROLES.items()},
}
_STATES = {
    "valid": lazy_gettext("valid"),
    "expired": lazy_gettext("expired"),
    "revoked": lazy_gettext("revoked"),
}
_PLACES: dict[str, type[Site] | type[Line] | type[Station]] = {
    "site": Site,
    "line": Line,
    "station": Station,
}


@blueprint.get("/tokens")
@needs(Permission.PEOPLE)
def index() -> str:
    return _page()


@blueprint.post("/tokens")
@needs(Permission.PEOPLE)
def add() -> AnyResponse | tuple[str, int]:
    """Make a token. Its text is in this answer, and nowhere else."""
    try:
        with values().database.sessions.begin() as session:
            row, text = tokens.create_token(
                session,
                request.form.get("name", ""),
                request.form.get("role", ""),
                _wanted_place(session),
                created_by=actor_name(),
                days=_days(),
            )
            name = row.name
    except DomainError as error:
        return _page(told(error)), 404 if isinstance(error, NotFound) else 422
    return AnyResponse(_page(made=text, made_for=name), mimetype="text/html")


@blueprint.post("/tokens/<int:token_id>/revoke")
@needs(Permission.PEOPLE)
def revoke(token_id: int) -> AnyResponse:
    with values().database.sessions.begin() as session:
        name = tokens.revoke(session, token_id).name
    flash(_("“%(name)s” is let in no more.", name=name))
    return redirect(url_for("tokens.index"), code=303)


def _wanted_place(session: Session) -> Place:
    """The place of the form, which must be one that its maker sees all of. Raises DomainError."""
    text, access = request.form.get("place", ""), current() or NOBODY
    if text == "everywhere" and access.lines is None:
        return Place()
    kind, _dash, number = text.partition("-")
    if kind not in _PLACES or not number.isascii() or not number.isdigit() or len(number) > 18:
        raise Invalid("place", text[:50], "a place out of the list")
    place_id = int(number)
    found = session.get(_PLACES[kind], place_id)
    partly = kind == "site" and access.lines is not None and place_id not in access.sites
    if found is None or partly:
        raise NotFound(kind, place_id)
    return Place(**{f"{kind}_id": place_id})


def _days() -> int:
    text = request.form.get("days", "").strip()
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Invalid("days", text[:20], f"1 to {MOST_DAYS}")
    return int(text)


def _page(problem: str = "", *, made: str = "", made_for: str = "") -> str:
    after = request.args.get("after")
    if after is not None and not (after.isascii() and after.isdigit() and len(after) < 19):
        abort(400, f"expected after=NUMBER as a page of this list gave it, got {after[:80]!r}")
    access = current() or NOBODY
    with values().database.reads() as session:
        page = tokens.list_tokens(session, after=int(after) if after else None, limit=_PAGE)
        sites = session.scalars(select(Site).order_by(Site.name)).all()
        lines = session.scalars(select(Line).order_by(Line.name)).all()
        stations = session.scalars(select(Station).order_by(Station.name)).all()
    now = values().now()
    shown: dict[str, Any] = {
        "everywhere": access.lines is None,
        "sites": [site for site in sites if access.lines is None or site.id in access.sites],
        "lines": lines,
        "stations": stations,
        "site_names": {site.id: site.name for site in sites},
        "line_names": {line.id: line.name for line in lines},
        "station_names": {station.id: station.name for station in stations},
    }
    return render_template(
        "people/tokens.html",
        rows=[(row, tokens.state_of(row, now)) for row in page.rows],
        states=_STATES,
        roles=_ROLES,
        days=DEFAULT_DAYS,
        most_days=MOST_DAYS,
        after=after,
        more=page.next_after,
        problem=problem,
        typed=request.form,
        made=made,
        made_for=made_for,
        **shown,
    )
