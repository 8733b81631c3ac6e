"""People, their roles and paired screens: for admins, as far as their own role goes."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from dashboards.people.passwords import TooWeak, hash_pin
from dashboards.permissions import needs
from dashboards.told import told
from dashboards.values import values
from db.access import NOBODY, Access, Permission, Role, current
from db.errors import Conflict, Invalid, NotFound
from db.models import Line, Person, Site
from db.queries import people, second_factors, sign_ins
from db.queries.people import Grant, grant_of

blueprint = Blueprint("people", __name__)

ROLES = {
    Role.OPERATOR: lazy_gettext("operator"),
    Role.MANAGER: lazy_gettext("manager"),
    Role.ENGINEER: lazy_gettext("engineer"),
    Role.ADMIN: lazy_gettext("admin"),
}


@blueprint.get("/people")
@needs(Permission.PEOPLE)
def index() -> str:
    return _index_page()


@blueprint.post("/people")
@needs(Permission.PEOPLE)
def add() -> AnyResponse | tuple[str, int]:
    """Write a new person with one role, and show the link that they choose a password by."""
    name = request.form.get("name", "")
    with values().database.sessions.begin() as session:
        try:
            grant = _wanted_grant(session)
            people.require_within(_access(), [grant])
            person = people.create_person(session, name, [grant])
        except Conflict:
            return _index_page(_("There is somebody of that name already."), name), 409
        except Invalid as error:
            return _index_page(told(error), name), 422
        link = sign_ins.make_link(session, person)
        person_id = person.id
    return _with_link(person_id, link)


@blueprint.get("/people/<int:person_id>")
@needs(Permission.PEOPLE)
def one(person_id: int) -> str:
    return _person_page(person_id)


@blueprint.post("/people/<int:person_id>/roles")
@needs(Permission.PEOPLE)
def add_role(person_id: int) -> AnyResponse:
    with values().database.sessions.begin() as session:
        person = _mine(session, person_id)
        grant = _wanted_grant(session)
        people.require_within(_access(), [grant])
        people.set_grants(session, person, [*map(grant_of, person.grants), grant])
    return _to(person_id)


@blueprint.post("/people/<int:person_id>/roles/<int:grant_id>/remove")
@needs(Permission.PEOPLE)
def remove_role(person_id: int, grant_id: int) -> AnyResponse:
    with values().database.sessions.begin() as session:
        person = _mine(session, person_id)
        kept = [row for row in person.grants if row.id != grant_id]
        if len(kept) == len(person.grants):
            raise NotFound("role", grant_id)
        people.set_grants(session, person, map(grant_of, kept))
        still_theirs = people.is_theirs(_access(), person)
    # With the last role, somebody leaves the lines of an admin of some.
    return _to(person_id) if still_theirs else redirect(url_for("people.index"), code=303)


@blueprint.post("/people/<int:person_id>/link")
@needs(Permission.PEOPLE)
def new_link(person_id: int) -> AnyResponse:
    """A link for a new password. What they are signed in by stays until it is used."""
    with values().database.sessions.begin() as session:
        link = sign_ins.make_link(session, _mine(session, person_id))
    return _with_link(person_id, link)


@blueprint.post("/people/<int:person_id>/pin")
@needs(Permission.PEOPLE)
def set_pin(person_id: int) -> AnyResponse | tuple[str, int]:
    """Give somebody a PIN, or with none typed take it away."""
    typed = request.form.get("pin", "")
    with values().database.sessions.begin() as session:
        person = _mine(session, person_id)
        try:
            person.pin_hash = hash_pin(typed) if typed else None
        except TooWeak as error:
            return _person_page(person_id, str(error)), 422
    flash(_("The PIN is set.") if typed else _("The PIN is gone."))
    return _to(person_id)


@blueprint.post("/people/<int:person_id>/second-factor/off")
@needs(Permission.PEOPLE)
def no_second_factor(person_id: int) -> AnyResponse | tuple[str, int]:
    """Let in by a password alone who has lost phone and recovery codes. One's own asks for it."""
    access = _access()
    if access.actor is not None and access.actor.id == person_id:
        return _person_page(person_id, _("Yours is switched off under “Your account”.")), 409
    with values().database.sessions.begin() as session:
        second_factors.switch_off(session, _mine(session, person_id))
    flash(_("Only their password is asked for now."))
    return _to(person_id)


@blueprint.post("/people/<int:person_id>/disable")
@needs(Permission.PEOPLE)
def disable(person_id: int) -> AnyResponse:
    with values().database.sessions.begin() as session:
        people.disable(session, _mine(session, person_id))
    return _to(person_id)


@blueprint.post("/people/<int:person_id>/enable")
@needs(Permission.PEOPLE)
def enable(person_id: int) -> AnyResponse:
    with values().database.sessions.begin() as session:
        people.enable(session, _mine(session, person_id))
    return _to(person_id)


@blueprint.get("/screens")
@needs(Permission.PEOPLE)
def screens() -> str:
    return _screens_page()


@blueprint.post("/screens")
@needs(Permission.PEOPLE)
def add_screen() -> str | tuple[str, int]:
    """Write a new screen of a line, and show the code that is typed there."""
    name = " ".join(request.form.get("name", "").split())
    if not 0 < len(name) <= people.MAX_NAME or not name.isprintable():
        return _screens_page(_("Expected a name of 1 to 100 characters.")), 422
    with values().database.sessions.begin() as session:
        _device, code = sign_ins.add_device(session, request.form.get("line", ""), name)
    return _screens_page(code=code, code_of=name)


@blueprint.post("/screens/<int:device_id>/code")
@needs(Permission.PEOPLE)
def new_code(device_id: int) -> str:
    with values().database.sessions.begin() as session:
        device = sign_ins.get_device(session, device_id)
        code, name = sign_ins.renew_code(session, device), device.name
    return _screens_page(code=code, code_of=name)


@blueprint.post("/screens/<int:device_id>/revoke")
@needs(Permission.PEOPLE)
def revoke(device_id: int) -> AnyResponse:
    with values().database.sessions.begin() as session:
        sign_ins.revoke_device(session, sign_ins.get_device(session, device_id), values().now())
    flash(_("That screen is signed out."))
    return redirect(url_for("people.screens"), code=303)


def _access() -> Access:
    return current() or NOBODY


def _mine(session: Session, person_id: int) -> Person:
    """Somebody whose every role lies where the admin's own does. Raises NotFound."""
    person = people.get_person(session, person_id)
    if not people.is_theirs(_access(), person):
        raise NotFound("person", person_id)
    return person


def _wanted_grant(session: Session) -> Grant:
    """The role and place of a form: `everywhere`, `site-ID` or `line-ID`. Raises DomainError."""
    role, place = request.form.get("role", ""), request.form.get("place", "")
    if role not in ROLES:
        raise Invalid("role", role[:50], " or ".join(ROLES))
    if place == "everywhere":
        return Grant(Role(role))
    kind, _dash, number = place.partition("-")
    if kind not in ("site", "line") or not number.isdecimal() or len(number) > 18:
        raise Invalid("place", place[:50], "everywhere, a site or a line")
    found: Any = session.get(Site if kind == "site" else Line, int(number))
    if found is None:
        raise NotFound(kind, number)
    if kind == "site":
        return Grant(Role(role), site_id=found.id)
    return Grant(Role(role), line_id=found.id)


def _places(session: Session) -> dict[str, Any]:
    sites = session.scalars(select(Site).order_by(Site.name)).all()
    lines = session.scalars(select(Line).order_by(Line.name)).all()
    access = _access()
    return {
        "roles": ROLES,
        "everywhere": access.lines is None,
        "sites": [site for site in sites if access.lines is None or site.id in access.sites],
        "lines": lines,
        "site_names": {site.id: site.name for site in sites},
        "line_names": {line.id: line.name for line in lines},
    }


def _index_page(problem: str = "", name: str = "") -> str:
    with values().database.reads() as session:
        access = _access()
        seen = [
            person for person in people.list_people(session) if people.is_theirs(access, person)
        ]
        return render_template(
            "people/index.html",
            people=seen,
            last_seen=people.last_seen(session),
            problem=problem,
            name=name[: people.MAX_NAME],
            **_places(session),
        )


def _person_page(person_id: int, problem: str = "", link: str = "") -> str:
    with values().database.reads() as session:
        person = _mine(session, person_id)
        return render_template(
            "people/person.html",
            person=person,
            sessions=sign_ins.sessions_of(session, person_id),
            problem=problem,
            link=link,
            **_places(session),
        )


def _with_link(person_id: int, link: str) -> AnyResponse:
    address = url_for("signing_in.invitation", token=link, _external=True)
    # Shown in the answer to the form, since nowhere else may it be read again.
    return AnyResponse(_person_page(person_id, link=address), mimetype="text/html")


def _screens_page(problem: str = "", code: str = "", code_of: str = "") -> str:
    with values().database.reads() as session:
        return render_template(
            "people/screens.html",
            devices=sign_ins.list_devices(session),
            problem=problem,
            code=code,
            code_of=code_of,
            **_places(session),
        )


def _to(person_id: int) -> AnyResponse:
    return redirect(url_for("people.one", person_id=person_id), code=303)
