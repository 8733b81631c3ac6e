"""Who may ask: everything under /api/v1 wants a bearer token, but for the API's description.

A request is answered inside `db.access.acting`: who asks, and the lines that their token may see
for what the operation declares (`services.api.permissions`), so that another line's things are
unknown to every query.
"""

import contextlib
import math
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Response, current_app, g, request
from flask_openapi3.openapi import OpenAPI
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db.access import NOBODY, Access, Actor, ActorKind, Permission, acting
from db.base import utc_now
from db.errors import NotFound
from db.models import ApiToken, Station
from db.queries import tokens
from services.api.permissions import declared
from services.api.problems import problem
from services.api.token import is_token
from services.api.values import values

PREFIX = "/api/v1"
OPEN_PATHS = frozenset({f"{PREFIX}/openapi.json"})


class GuardedApi(OpenAPI):
    """An app whose every view runs as who asks for it, and whose streams do so to their end."""

    def dispatch_request(self, *context: Any) -> Any:
        """Run the view of the request inside `acting`."""
        with acting(g.get("access", NOBODY)):
            return super().dispatch_request(*context)


def register(app: GuardedApi) -> None:
    """Ask for the token before anything else, unknown paths included."""
    app.before_request(_enter)
    app.after_request(_hold)


def _enter() -> Response | None:
    rule = request.url_rule
    if not request.path.startswith(PREFIX) or request.path in OPEN_PATHS:
        # What declares a permission and stands elsewhere is refused here: nobody is nobody.
        if rule is not None and declared(current_app, rule.endpoint) is not None:
            return _refuse()
        return None
    scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
    presented = presented.strip()
    if scheme.lower() != "bearer":
        return _refuse()
    if is_token(values().token, presented):
        actor = Actor(ActorKind.LOCAL, None, "local token", request.remote_addr)
        g.access = Access(actor, lines=None)
        permission = None if rule is None else declared(current_app, rule.endpoint)
        return _hold_back(permission, None)
    now = utc_now()
    with values().database.reads() as session:
        token = tokens.find_token(session, presented, now)
        if token is None:
            return _refuse()
        answer = _admit(session, token)
    if tokens.is_due(token, now):
        # A database that is busy for seconds must not cost the request: the next one notes it.
        with (
            contextlib.suppress(OperationalError),
            values().database.sessions.begin() as session,
        ):
            tokens.note_used(session, token, now)
    return answer


def _admit(session: Session, token: ApiToken) -> Response | None:
    """Note what the token may see for what is asked; a response where that is nothing."""
    rule = request.url_rule
    if rule is None:
        return None
    permission = declared(current_app, rule.endpoint)
    if permission is None:
        return None
    access = tokens.access_of_token(
        session, token, permission, tokens.actor_of(token, request.remote_addr)
    )
    if access is None:
        return problem(403, f"This token lacks the permission `{permission}`.")
    if token.station_id is not None:
        _require_own_station(session, token.station_id)
    g.access = access
    return _hold_back(permission, token.id)


def _hold_back(permission: Permission | None, token_id: int | None) -> Response | None:
    """429 where a token pushes faster than any camera does."""
    if permission is not Permission.PUSH:
        return None
    wait_s = values().push_pace.wait_s(token_id)
    if wait_s <= 0:
        return None
    told = {"Retry-After": str(max(1, math.ceil(wait_s)))}
    return problem(429, "This token pushes too fast. Send the same again later.", headers=told)


def _require_own_station(session: Session, station_id: int) -> None:
    """A token of one station knows no other one, not even of its line."""
    ref = str((request.view_args or {}).get("ref", ""))
    own = session.get(Station, station_id)
    if own is None or ref not in (str(own.id), own.key):
        raise NotFound("station", ref)


def _refuse() -> Response:
    """The same words for every reason, so that nobody learns whether a token ever was one."""
    return problem(
        401,
        "Expected `Authorization: Bearer <token>` with a token that is known, not expired and not"
        " revoked; this installation's own is in the file api-token of the data folder.",
        headers={"WWW-Authenticate": 'Bearer realm="lineside"'},
    )


def _hold(response: Response) -> Response:
    """A streamed answer is made after the view has ended; each part of it is asked for as here."""
    access = g.get("access")
    if access is not None and response.is_streamed:
        response.response = _within(access, response.response)
    return response


def _within(access: Access, parts: Iterable[Any]) -> Iterator[Any]:
    iterator = iter(parts)
    try:
        while True:
            with acting(access):
                try:
                    part = next(iterator)
                except StopIteration:
                    return
            yield part
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            with acting(access):
                close()
