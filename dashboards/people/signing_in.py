"""Signing in and out, the first admin, invitations, and name and PIN at a device."""

from __future__ import annotations

from contextlib import AbstractContextManager

from flask import Blueprint, Response, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import login_user, logout_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from dashboards import limits
from dashboards.errors import answer
from dashboards.language import COOKIE, LANGUAGES
from dashboards.people.identity import SignedIn, here
from dashboards.people.passwords import TooWeak, hash_password, is_right
from dashboards.permissions import for_everybody, needs
from dashboards.redirects import own_path
from dashboards.values import values
from db.access import EVERYTHING, Access, Actor, ActorKind, Permission, Role, acting
from db.audit import record
from db.errors import DomainError
from db.models import Device, Person
from db.queries import people, sign_ins
from db.queries.people import Grant

blueprint = Blueprint("signing_in", __name__)

_MOST_NAMES = 24
# In the cookie, signed: whose password was right, and when, until they have shown a code, too.
SECOND = "second_factor"


@blueprint.get("/sign-in")
@for_everybody
def sign_in() -> str | AnyResponse:
    if here() is not None:
        return redirect(following())
    return _sign_in_page()


@blueprint.post("/sign-in")
@limits.of_name
@limits.of_address
@for_everybody
def signed_in() -> AnyResponse | tuple[str, int]:
    """One answer, and as long a wait, for a wrong password and for a name that nobody has."""
    name, password = request.form.get("name", ""), request.form.get("password", "")
    with values().database.sessions.begin() as rows:
        person = people.person_by_name(rows, name)
        right = is_right(person.password_hash if person else None, password)
        if person is None or not right or person.disabled_at is not None:
            refused(rows, people.folded(name)[: people.MAX_NAME])
            onwards = None
        else:
            onwards = _let_in(rows, person, following())
    if onwards is None:
        return _sign_in_page(_("Name or password is not right."), name), 401
    return redirect(onwards, code=303)


@blueprint.post("/sign-out")
@for_everybody
def sign_out() -> AnyResponse:
    """End this browser's session; at a device, only that of the person at it."""
    somebody = here()
    if somebody is None:
        return redirect(url_for("signing_in.sign_in"), code=303)
    with values().database.sessions.begin() as rows:
        if somebody.device is not None:
            sign_ins.act_at_device(rows, somebody.session_id, None, values().now())
        else:
            sign_ins.end_session(rows, somebody.session_id)
        record(rows, "signed_out", actor=somebody.actor)
    if somebody.device is not None:
        return redirect(own_path(request.form.get("back")) or url_for("boards.home"), code=303)
    logout_user()
    session.clear()
    return redirect(url_for("signing_in.sign_in"), code=303)


@blueprint.route("/setup/<token>", methods=["GET", "POST"])
@limits.of_address
@for_everybody
def setup(token: str) -> AnyResponse | str | tuple[str, int]:
    """The first admin: whoever holds the link that the terminal shows, once."""
    name = request.form.get("name", "")
    with values().database.sessions.begin() as rows:
        try:
            link = sign_ins.find_link(rows, token, values().now(), first=True)
            if people.somebody_is_admin(rows):
                return _link_is_gone()
        except DomainError:
            return _link_is_gone()
        if request.method == "GET":
            return _password_page(None)
        with as_person(None, name):
            try:
                hashed = _chosen_password(name)
                person = people.create_person(rows, name, [Grant(Role.ADMIN)])
            except (TooWeak, DomainError) as error:
                return _password_page(None, str(error), name), 422
            person.password_hash = hashed
            link.used_at = values().now()
            begin(rows, person)
    return redirect(url_for("boards.home"), code=303)


@blueprint.route("/invitation/<token>", methods=["GET", "POST"])
@limits.of_address
@for_everybody
def invitation(token: str) -> AnyResponse | str | tuple[str, int]:
    """A password of one's own, by a link from an admin; ends all sessions of before."""
    with values().database.sessions.begin() as rows:
        try:
            link = sign_ins.find_link(rows, token, values().now(), first=False)
            person = people.get_person(rows, link.person_id or 0)
        except DomainError:
            return _link_is_gone()
        if person.disabled_at is not None:
            return _link_is_gone()
        if request.method == "GET":
            return _password_page(person)
        try:
            hashed = _chosen_password(person.name)
        except TooWeak as error:
            return _password_page(person, str(error)), 422
        with as_person(person.id, person.shown_name):
            person.password_hash = hashed
            link.used_at = values().now()
            people.end_sessions(rows, person.id)
            onwards = _let_in(rows, person, url_for("boards.home"))
    return redirect(onwards, code=303)


@blueprint.get("/pair")
@for_everybody
def pair() -> str:
    return render_template("sign_in/pair.html")


@blueprint.post("/pair")
@limits.of_address
@for_everybody
def paired() -> AnyResponse | tuple[str, int]:
    """Make this browser a device of a line by the code that an admin's screen shows."""
    now = values().now()
    with acting(EVERYTHING), values().database.sessions.begin() as rows:
        try:
            device = sign_ins.pair_device(rows, request.form.get("code", ""), now)
        except DomainError:
            problem = _("No device waits for that code. Codes last a quarter of an hour.")
            return render_template("sign_in/pair.html", problem=problem), 401
        _begin_device(rows, device)
        line_key = device.line.key
    return redirect(url_for("boards.line", ref=line_key), code=303)


@blueprint.get("/pin")
@needs(Permission.VIEW)
def pin() -> str | AnyResponse:
    somebody = here()
    if somebody is None or somebody.device is None:
        return redirect(url_for("boards.home"))
    return _pin_page(somebody)


@blueprint.post("/pin")
@limits.of_name
@limits.of_address
@needs(Permission.VIEW)
def pin_given() -> AnyResponse | tuple[str, int]:
    """Act at this device for a while, as far as one's roles go at its line."""
    somebody = here()
    if somebody is None or somebody.device_line_id is None:
        return answer(400, _("Not a device"), _("A PIN works at paired devices only."))
    name = request.form.get("name", "")
    now = values().now()
    with values().database.sessions.begin() as rows:
        person = people.person_by_name(rows, name)
        right = is_right(person.pin_hash if person else None, request.form.get("pin", ""))
        allowed = person is not None and any(
            sign_ins.covers(rows, people.grant_of(row), somebody.device_line_id)
            for row in person.grants
        )
        if person is None or not right or not allowed or person.disabled_at is not None:
            record(rows, "pin.refused", actor=somebody.actor, detail={"name": name[:100]})
            let_in = False
        else:
            sign_ins.act_at_device(rows, somebody.session_id, person, now)
            actor = Actor(ActorKind.PERSON, person.id, person.shown_name, request.remote_addr)
            record(rows, "pin.accepted", actor=actor, detail={"device": somebody.device})
            let_in = True
    if not let_in:
        return _pin_page(somebody, _("Name or PIN is not right.")), 401
    return redirect(own_path(request.form.get("back")) or url_for("boards.home"), code=303)


@blueprint.post("/language")
@for_everybody
def choose_language() -> AnyResponse:
    chosen = request.form.get("language", "")
    response = redirect(own_path(request.form.get("back")) or url_for("boards.home"), code=303)
    if chosen in LANGUAGES:
        response.set_cookie(
            COOKIE, chosen, max_age=31_536_000, samesite="Lax", secure=values().tls, httponly=True
        )
    return response


def as_person(person_id: int | None, name: str) -> AbstractContextManager[None]:
    """What a link lets somebody do is in the audit log as done by them, and shows them no line."""
    actor = Actor(ActorKind.PERSON, person_id, name, request.remote_addr)
    return acting(Access(actor, frozenset()))


def _let_in(rows: Session, person: Person, wanted: str) -> str:
    """Where a right password leads to: into the pages, or to where a code is asked for."""
    if person.totp_secret is None:
        begin(rows, person)
        return wanted
    session.clear()
    session[SECOND] = (person.id, int(values().now().timestamp()))
    return url_for("second_factor.ask", next=wanted if wanted != "/" else None)


def begin(rows: Session, person: Person) -> None:
    """Sign this browser in as a person; whatever it was before, it is no more."""
    token = sign_ins.begin_session(
        rows,
        person=person,
        address=request.remote_addr or "",
        browser=request.headers.get("User-Agent", ""),
    )
    _enter(SignedIn(token, 0, person.shown_name, person.id))
    actor = Actor(ActorKind.PERSON, person.id, person.shown_name, request.remote_addr)
    record(rows, "signed_in", actor=actor)


def _begin_device(rows: Session, device: Device) -> None:
    token = sign_ins.begin_session(
        rows,
        device=device,
        address=request.remote_addr or "",
        browser=request.headers.get("User-Agent", ""),
    )
    _enter(SignedIn(token, 0, device.name, device=(device.id, device.name)))
    session.permanent = True
    actor = Actor(ActorKind.DEVICE, device.id, device.name, request.remote_addr)
    record(rows, "device.paired", actor=actor)


def _enter(somebody: SignedIn) -> None:
    # Nothing of before stays, a token against forged forms included (session fixation).
    session.clear()
    login_user(somebody)


def refused(rows: Session, name: str) -> None:
    """Write into the audit log that somebody was not let in under a name."""
    actor = Actor(ActorKind.PERSON, None, "", request.remote_addr)
    record(rows, "sign_in.refused", actor=actor, detail={"name": name})


def following() -> str:
    """Where somebody wanted to go before they were asked who they are."""
    return own_path(request.values.get("next")) or url_for("boards.home")


def _sign_in_page(problem: str = "", name: str = "") -> str:
    with values().database.reads() as rows:
        is_set_up = people.somebody_is_admin(rows)
    return render_template(
        "sign_in/sign_in.html",
        problem=problem,
        name=name[: people.MAX_NAME],
        next=own_path(request.values.get("next")),
        is_set_up=is_set_up,
    )


def _password_page(person: Person | None, problem: str = "", name: str = "") -> str:
    token = (request.view_args or {}).get("token")
    return render_template(
        "sign_in/password.html", person=person, problem=problem, name=name, token=token
    )


def _pin_page(somebody: SignedIn, problem: str = "") -> str:
    back = own_path(request.values.get("back"))
    with values().database.reads() as rows:
        names = sign_ins.names_with_pin(rows, somebody.device_line_id or 0)
    return render_template(
        "sign_in/pin.html",
        # As buttons, for gloves; of more, one types faster than one looks.
        names=names if len(names) <= _MOST_NAMES else [],
        problem=problem,
        back=back,
    )


def _chosen_password(name: str) -> str:
    password = request.form.get("password", "")
    if password != request.form.get("again", ""):
        raise TooWeak(_("The two passwords are not the same."))
    return hash_password(password, name)


def _link_is_gone() -> Response:
    return answer(
        404,
        _("This link does not work"),
        _("It has been used, it is too old, or it is not whole. Ask for a new one."),
    )
