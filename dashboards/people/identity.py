"""Who is before the page: found by the cookie, and asked of before every view.

A view runs only if its declared permission (`dashboards.permissions`) is one that somebody who is
signed in has somewhere, and then sees the places where they have it, and no others.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

import structlog
from flask import Flask, Response, abort, current_app, g, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_login import LoginManager, UserMixin, current_user
from werkzeug.wrappers import Response as AnyResponse

from dashboards.errors import answer, wants_text
from dashboards.permissions import declared
from dashboards.values import values
from db.access import (
    EVERYTHING,
    NOBODY,
    Access,
    Actor,
    ActorKind,
    Permission,
    Role,
    acting,
    allows,
)
from db.models import Person
from db.queries import sign_ins
from db.queries.people import Grant, access_of, grant_of

_log = structlog.get_logger()

# Pages that stand in the head of every page, for those who may ask for them.
NAVIGATION = (
    ("/discrepancies", lazy_gettext("Discrepancies"), Permission.VIEW),
    ("/alerts", lazy_gettext("Alerts"), Permission.ALERTS),
    ("/lab", lazy_gettext("Lab"), Permission.LAB),
)
# What a person may do who has given a PIN at a device, and no password.
_AT_DEVICE = frozenset({Permission.VIEW, Permission.ACT})
# What is open to who must set up a second factor first.
_SETTING_UP = frozenset({"second_factor.manage", "second_factor.start", "second_factor.confirm"})


@dataclass(frozen=True)
class SignedIn(UserMixin):  # type: ignore[misc]
    """A browser's session, as Flask-Login's user.

    Attributes:
        token: the cookie's secret, which the session is found by.
        name: of the person, or of the device where nobody acts at it.
        grants: of the person, at most as far as the device's line where there is one.
        device: its id and name.
        must_set_up: nothing but setting up a second factor is open to them yet.
    """

    token: str
    session_id: int
    name: str
    person_id: int | None = None
    grants: tuple[Grant, ...] = ()
    device: tuple[int, str] | None = None
    device_line_id: int | None = None
    must_set_up: bool = False

    def get_id(self) -> str:
        """What Flask-Login keeps in the cookie."""
        return self.token

    @property
    def actor(self) -> Actor:
        """As the audit log names who acts."""
        address = request.remote_addr
        if self.person_id is not None:
            return Actor(ActorKind.PERSON, self.person_id, self.name, address)
        device_id = self.device[0] if self.device else None
        return Actor(ActorKind.DEVICE, device_id, self.name, address)

    def may(self, permission: Permission | str) -> bool:
        """Whether they may ask for it anywhere: what links and buttons are shown by."""
        permission = Permission(permission)
        if self.device is not None:
            if permission is Permission.VIEW:
                return True
            if permission not in _AT_DEVICE:
                return False
        return allows([grant.role for grant in self.grants], permission)

    def access(self, permission: Permission) -> Access | None:
        """What they may see for what they ask; None: they may not ask it at all."""
        if not self.may(permission):
            return None
        if self.device_line_id is not None and permission is Permission.VIEW:
            return Access(self.actor, frozenset({self.device_line_id}))
        with values().database.reads() as session:
            return access_of(session, self.grants, permission, self.actor)


def register(app: Flask) -> None:
    """Ask before every view. Register it after what refuses requests for other reasons."""
    manager = LoginManager()
    manager.session_protection = None  # a tablet's address changes as it is carried about
    manager.user_loader(_load)
    manager.init_app(app)
    app.before_request(_enter)
    app.teardown_request(_leave)
    app.context_processor(_for_templates)


def here() -> SignedIn | None:
    """Who is signed in; None: nobody."""
    return current_user if current_user.is_authenticated else None


def _load(token: str) -> SignedIn | None:
    with acting(EVERYTHING):
        return _signed_in(token, values().now())


def _signed_in(token: str, now: datetime) -> SignedIn | None:
    with values().database.reads() as session:
        found = sign_ins.find_session(session, token, now)
    if found is None:
        return None
    if sign_ins.is_seen_anew(found, now) and not _by_itself():
        with values().database.sessions.begin() as session:
            sign_ins.note_seen(session, found, now)
    device, person = found.device, found.person
    if device is None and person is not None:
        grants = tuple(grant_of(row) for row in person.grants)
        must = must_set_up(person)
        return SignedIn(token, found.id, person.shown_name, person.id, grants, must_set_up=must)
    if device is None:
        return None
    about = (device.id, device.name)
    if person is None or not sign_ins.acts_at_device(found, now):
        return SignedIn(token, found.id, device.name, None, (), about, device.line_id)
    with values().database.reads() as session:
        at_line = tuple(
            Grant(grant.role, line_id=device.line_id)
            for grant in map(grant_of, person.grants)
            if sign_ins.covers(session, grant, device.line_id)
        )
    return SignedIn(token, found.id, person.shown_name, person.id, at_line, about, device.line_id)


def _by_itself() -> bool:
    """Whether a live page asks by itself, which keeps nobody signed in."""
    return "/parts/" in request.path or "/tiles/" in request.path or request.path == "/events"


def _enter() -> AnyResponse | None:
    doors = g.doors = ExitStack()
    doors.enter_context(acting(NOBODY))
    if request.endpoint is None:
        return None  # no such page, or not by this method: the router says so
    try:
        permission = declared(current_app.view_functions[request.endpoint])
    except LookupError as error:
        _log.error("dashboards.undeclared", endpoint=request.endpoint)
        abort(500, str(error))
    if permission is None:
        return None
    somebody = here()
    if somebody is None:
        return _ask_to_sign_in()
    if somebody.must_set_up and request.endpoint not in _SETTING_UP:
        return _ask_to_set_up()
    access = somebody.access(permission)
    if access is None:
        return _refuse(permission, somebody)
    doors.enter_context(acting(access))
    return None


def _leave(_error: BaseException | None) -> None:
    doors = g.pop("doors", None)
    if doors is not None:
        doors.close()


def _ask_to_sign_in() -> AnyResponse:
    if request.method == "GET" and not wants_text() and not _by_itself():
        wanted = request.full_path.rstrip("?")
        return redirect(url_for("signing_in.sign_in", next=wanted if wanted != "/" else None))
    return answer(401, _("Signed out"), _("Sign in again. Nothing was changed."))


def must_set_up(person: Person) -> bool:
    """Whether a second factor is asked of somebody by their role who has none yet.

    Who signs in through a provider alone shows theirs there.
    """
    if person.password_hash is None or person.totp_secret is not None:
        return False
    return any(Role(grant.role) in values().second_factor for grant in person.grants)


def _ask_to_set_up() -> AnyResponse:
    if request.method == "GET" and not wants_text() and not _by_itself():
        return redirect(url_for("second_factor.manage"))
    return answer(403, _("Not yet"), _("Your role asks for a second factor. Set it up first."))


def _refuse(permission: Permission, somebody: SignedIn) -> Response:
    if somebody.device is not None and permission is Permission.ACT:
        return answer(403, _("Who are you?"), _("Give your name and PIN first."))
    return answer(403, _("Not allowed"), _("Your role does not reach this page. Ask an admin."))


def _for_templates() -> dict[str, object]:
    somebody = here()

    def may(permission: str) -> bool:
        return somebody is not None and somebody.may(permission)

    return {"signed_in": somebody, "may": may, "NAVIGATION": NAVIGATION}
