"""What cannot be done, as a page or, for the page's own script, as a line of text."""

import structlog
from flask import Flask, Response, make_response, render_template, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from db.errors import DomainError, NotFound, WrongState

_log = structlog.get_logger()


def register(app: Flask) -> None:
    app.register_error_handler(NotFound, _not_found)
    app.register_error_handler(WrongState, _wrong_state)
    app.register_error_handler(DomainError, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(OperationalError, _database_away)


def wants_text() -> bool:
    """Whether the page's script asks, which shows an answer beside the button."""
    return request.headers.get("X-Lineside") == "script"


def answer(status: int, title: str, text: str) -> Response:
    if wants_text():
        response = make_response(text, status)
        response.mimetype = "text/plain"
        return response
    return make_response(render_template("error.html", title=title, text=text), status)


def _not_found(error: NotFound) -> Response:
    return answer(404, "Not found", f"There is no {error.what} {error.key}. Nothing was changed.")


def _wrong_state(error: WrongState) -> Response:
    state = error.state.replace("_", " ")
    return answer(
        409, "Too late", f"It is {state} already, so nothing was changed. Somebody was faster."
    )


def _refused(error: DomainError) -> Response:
    return answer(400, "Not possible", f"{error} Nothing was changed.")


def _http_error(error: HTTPException) -> Response:
    response = answer(error.code or 500, error.name, error.description or error.name)
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _database_away(error: OperationalError) -> Response:
    _log.error("dashboards.database_away", error=str(error.orig))
    return answer(
        503,
        "The database does not answer",
        "Nothing that was inspected is lost: cameras and workers go on as soon as it is back, and"
        " so does this page.",
    )
