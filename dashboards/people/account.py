"""One's own account: password, PIN, and where one is signed in."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from dashboards import limits
from dashboards.people.identity import SignedIn, here
from dashboards.people.passwords import TooWeak, hash_password, hash_pin, is_right
from dashboards.people.signing_in import begin
from dashboards.permissions import needs
from dashboards.values import values
from db.access import Permission
from db.errors import NotFound
from db.models import Person
from db.queries import people, sign_ins

blueprint = Blueprint("account", __name__, url_prefix="/account")


@blueprint.get("")
@needs(Permission.VIEW)
def one() -> str:
    return _page(somebody_of_their_own())


@blueprint.post("/password")
@limits.of_address
@needs(Permission.VIEW)
def change_password() -> AnyResponse | tuple[str, int]:
    """Change it knowing the old one; every other session ends, and this one begins anew."""
    somebody = somebody_of_their_own()
    with values().database.sessions.begin() as session:
        person = own_person(session)
        if not is_right(person.password_hash, request.form.get("old", "")):
            return _page(somebody, _("The present password is not right.")), 401
        new = request.form.get("password", "")
        try:
            if new != request.form.get("again", ""):
                raise TooWeak(_("The two passwords are not the same."))
            person.password_hash = hash_password(new, person.name)
        except TooWeak as error:
            return _page(somebody, str(error)), 422
        people.end_sessions(session, person.id)
        begin(session, person)
    flash(_("The password is changed. You are signed out everywhere else."))
    return redirect(url_for("account.one"), code=303)


@blueprint.post("/pin")
@limits.of_address
@needs(Permission.VIEW)
def change_pin() -> AnyResponse | tuple[str, int]:
    somebody = somebody_of_their_own()
    with values().database.sessions.begin() as session:
        person = own_person(session)
        if not is_right(person.password_hash, request.form.get("old", "")):
            return _page(somebody, _("The present password is not right.")), 401
        try:
            person.pin_hash = hash_pin(request.form.get("pin", ""))
        except TooWeak as error:
            return _page(somebody, str(error)), 422
    flash(_("The PIN is set."))
    return redirect(url_for("account.one"), code=303)


@blueprint.post("/sessions/<int:session_id>/end")
@needs(Permission.VIEW)
def end_one(session_id: int) -> AnyResponse:
    somebody = somebody_of_their_own()
    with values().database.sessions.begin() as session:
        own = {row.id for row in sign_ins.sessions_of(session, somebody.person_id or 0)}
        if session_id not in own:
            raise NotFound("session of yours", session_id)
        sign_ins.end_session(session, session_id)
    return redirect(url_for("account.one"), code=303)


def somebody_of_their_own() -> SignedIn:
    """A person with a session of their own: at a shared screen there is no account to change."""
    somebody = here()
    if somebody is None or somebody.person_id is None or somebody.device is not None:
        abort(403, _("Sign in with your password, at a screen of your own."))
    return somebody


def own_person(session: Session) -> Person:
    """Whose account it is."""
    return people.get_person(session, somebody_of_their_own().person_id or 0)


def _page(somebody: SignedIn, problem: str = "") -> str:
    with values().database.reads() as session:
        person = own_person(session)
        return render_template(
            "people/account.html",
            person=person,
            sessions=sign_ins.sessions_of(session, person.id),
            somebody=somebody,
            problem=problem,
        )
