"""A second factor besides the password: asked for at sign-in, set up and given up in the account.

A code of the phone is asked for after a right password and after a link for a new one; not after a
provider has let somebody in, who has factors of its own, and not for a PIN at a shared screen.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from dashboards import limits
from dashboards.people import totp
from dashboards.people.account import own_person, somebody_of_their_own
from dashboards.people.identity import must_set_up
from dashboards.people.passwords import is_right
from dashboards.people.signing_in import SECOND, as_person, begin, following, refused
from dashboards.permissions import for_everybody, needs
from dashboards.values import values
from db.access import Permission
from db.audit import record
from db.credentials import SecretBox, SecretUnreadable
from db.models import Person
from db.queries import people, second_factors

_log = structlog.get_logger()
blueprint = Blueprint("second_factor", __name__)

# In the cookie, signed: what is being set up, encrypted.
_NEW = "second_factor_new"
# How long a right password is worth something without a code.
_WAITS_S = 300


def _whose_code() -> str:
    waiting = _waiting()
    return f"code {waiting if waiting is not None else 'of nobody'}"


_of_person = limits.of(_whose_code, "code")


@blueprint.get("/sign-in/code")
@for_everybody
def ask() -> str | AnyResponse:
    if _waiting() is None:
        return redirect(url_for("signing_in.sign_in"))
    return _code_page()


@blueprint.post("/sign-in/code")
@_of_person
@limits.of_address
@for_everybody
def given() -> AnyResponse | tuple[str, int]:
    """Sign in whose password was right a moment ago, by a code that was not used before."""
    person_id, typed = _waiting(), request.form.get("code", "")[:100]
    if person_id is None:
        flash(_("That took too long. Sign in again."))
        return redirect(url_for("signing_in.sign_in"), code=303)
    with values().database.sessions.begin() as rows:
        person = people.get_person(rows, person_id)
        with as_person(person.id, person.shown_name):
            right = person.disabled_at is None and _is_right(rows, person, typed)
        if right:
            begin(rows, person)
        else:
            refused(rows, person.name)
    if not right:
        return _code_page(_("That code is not right, or has been used.")), 401
    return redirect(following(), code=303)


@blueprint.get("/account/second-factor")
@needs(Permission.VIEW)
def manage() -> str:
    return _page()


@blueprint.post("/account/second-factor")
@limits.of_address
@needs(Permission.VIEW)
def start() -> AnyResponse | tuple[str, int]:
    """Show a QR code, which counts from the moment that a code of it is given back."""
    with values().database.reads() as rows:
        if own_person(rows).totp_secret is not None:
            return redirect(url_for("second_factor.manage"), code=303)
        if not _knows_password(rows):
            return _wrong_password()
    session[_NEW] = _box().lock(totp.new_secret())
    return redirect(url_for("second_factor.manage"), code=303)


@blueprint.post("/account/second-factor/confirm")
@limits.of_address
@needs(Permission.VIEW)
def confirm() -> AnyResponse | str | tuple[str, int]:
    """Ask for codes from now on, if the phone shows the right ones; shows those for its loss."""
    mine = somebody_of_their_own()
    locked, now = session.get(_NEW), values().now()
    if locked is None:
        return redirect(url_for("second_factor.manage"), code=303)
    step = totp.step_of(_box().unlock(locked), request.form.get("code", ""), now)
    if step is None:
        return _page(_("That code is not right. Is the phone's clock?")), 401
    with values().database.sessions.begin() as rows:
        person = own_person(rows)
        if person.totp_secret is not None:
            return redirect(url_for("second_factor.manage"), code=303)
        second_factors.switch_on(rows, person, locked, step, now)
        codes = _new_codes(rows, person)
        # Where somebody was signed in without it, they are asked for it, too.
        people.end_sessions(rows, person.id, but=mine.session_id)
    session.pop(_NEW)
    return _page(codes=codes)


@blueprint.post("/account/second-factor/codes")
@limits.of_address
@needs(Permission.VIEW)
def new_codes() -> AnyResponse | str | tuple[str, int]:
    with values().database.sessions.begin() as rows:
        person = own_person(rows)
        if not _knows_password(rows):
            return _wrong_password()
        codes = _new_codes(rows, person) if person.totp_secret is not None else []
    return _page(codes=codes)


@blueprint.post("/account/second-factor/off")
@limits.of_address
@needs(Permission.VIEW)
def switch_off() -> AnyResponse | tuple[str, int]:
    with values().database.sessions.begin() as rows:
        if not _knows_password(rows):
            return _wrong_password()
        second_factors.switch_off(rows, own_person(rows))
    flash(_("Only your password is asked for now."))
    return redirect(url_for("second_factor.manage"), code=303)


def _is_right(rows: Session, person: Person, typed: str) -> bool:
    """Whether a code is right, which uses it up."""
    now = values().now()
    if second_factors.take_code(rows, person.id, typed, now):
        left = second_factors.codes_left(rows, person.id)
        record(rows, "recovery_code.used", detail={"left": left})
        return True
    try:
        secret = _box().unlock(person.totp_secret or "")
    except SecretUnreadable:
        _log.error("second_factor.unreadable", person=person.id)
        return False
    step = totp.step_of(secret, typed, now)
    return step is not None and second_factors.take_step(rows, person.id, step)


def _waiting() -> int | None:
    """Whose password was right a moment ago."""
    person_id, since = session.get(SECOND) or (None, 0)
    return person_id if 0 <= values().now().timestamp() - since <= _WAITS_S else None


def _new_codes(rows: Session, person: Person) -> list[str]:
    codes = second_factors.new_codes(rows, person.id)
    record(rows, "recovery_codes.made")
    return codes


def _knows_password(rows: Session) -> bool:
    return is_right(own_person(rows).password_hash, request.form.get("old", ""))


def _wrong_password() -> tuple[str, int]:
    return _page(_("The present password is not right.")), 401


def _box() -> SecretBox:
    secrets = values().secrets
    if secrets is None:
        abort(503, _("This process has no key to encrypt it with."))
    return secrets()


def _page(problem: str = "", codes: list[str] | None = None) -> str:
    shown: dict[str, Any] = {}
    with values().database.reads() as rows:
        person = own_person(rows)
        since: datetime | None = person.totp_since if person.totp_secret else None
        if since is None and session.get(_NEW) is not None:
            secret = _box().unlock(session[_NEW])
            shown["qr"] = totp.qr_svg(totp.uri(secret, person.shown_name))
            shown["secret"] = " ".join(secret[n : n + 4] for n in range(0, len(secret), 4))
        return render_template(
            "people/second_factor.html",
            person=person,
            since=since,
            left=second_factors.codes_left(rows, person.id),
            must=must_set_up(person),
            problem=problem,
            codes=codes or [],
            **shown,
        )


def _code_page(problem: str = "") -> str:
    return render_template("sign_in/code.html", problem=problem, next=request.values.get("next"))
