"""Who may ask: everything under /api/v1 wants the bearer token, but for the API's description."""

from flask import Flask, Response, request

from services.api.problems import problem
from services.api.token import is_token
from services.api.values import values

PREFIX = "/api/v1"
OPEN_PATHS = frozenset({f"{PREFIX}/openapi.json"})


def register(app: Flask) -> None:
    """Ask for the token before anything else, unknown paths included."""
    app.before_request(_require_token)


def _require_token() -> Response | None:
    if not request.path.startswith(PREFIX) or request.path in OPEN_PATHS:
        return None
    scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and is_token(values().token, presented.strip()):
        return None
    return problem(
        401,
        "Expected `Authorization: Bearer <token>`; the token is in the file api-token of the"
        " data folder.",
        headers={"WWW-Authenticate": 'Bearer realm="lineside"'},
    )
