"""What cannot be done, as a page or, for the page's own script, as a line of text."""

import structlog
from flask import Flask, Response, make_response, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException

from dashboards.formats import plain
from dashboards.told import told
from db.errors import DomainError, NotFound, WrongState

_log = structlog.get_logger()

# Names and words of what the framework refuses by itself.
_NAMES = {
    400: lazy_gettext("Not understood"),
    401: lazy_gettext("Not signed in"),
    403: lazy_gettext("Not allowed"),
    404: lazy_gettext("Not found"),
    405: lazy_gettext("Not possible"),
    413: lazy_gettext("Too large"),
    421: lazy_gettext("Another host"),
    422: lazy_gettext("Not understood"),
    429: lazy_gettext("Too often"),
    500: lazy_gettext("Something went wrong"),
    503: lazy_gettext("Not now"),
}
_TEXTS = {
    400: lazy_gettext("What was sent is not what this page sends. Nothing was changed."),
    404: lazy_gettext("There is no such page."),
    405: lazy_gettext("This address does not take that. Nothing was changed."),
    413: lazy_gettext("What was sent is too large. Nothing was changed."),
    429: lazy_gettext("Too many tries. Wait a little, then try again."),
    500: lazy_gettext("The log of the pages says more. Try again."),
}


def register(app: Flask) -> None:
    app.register_error_handler(NotFound, _not_found)
    app.register_error_handler(WrongState, _wrong_state)
    app.register_error_handler(DomainError, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(OperationalError, _database_away)
    # A number or time beyond what a column holds: SQLite's driver says it so, PostgreSQL's so.
    app.register_error_handler(OverflowError, _beyond)
    app.register_error_handler(DataError, _beyond)


def wants_text() -> bool:
    """Whether the page's script asks, which shows an answer beside the button."""
    return request.headers.get("X-Lineside") == "script"


def answer(status: int, title: str, text: str) -> Response:
    if wants_text():
        response = make_response(text, status)
        response.mimetype = "text/plain"
        return response
    return make_response(render_template("error.html", title=title, text=text), status)


def _unchanged(error: DomainError) -> str:
    return " ".join((told(error), _("Nothing was changed.")))


def _not_found(error: NotFound) -> Response:
    return answer(404, _("Not found"), _unchanged(error))


def _wrong_state(error: WrongState) -> Response:
    text = _(
        "It is %(state)s already, so nothing was changed. Somebody was faster.",
        state=plain(error.state),
    )
    return answer(409, _("Too late"), text)


def _refused(error: DomainError) -> Response:
    return answer(400, _("Not possible"), _unchanged(error))


def _beyond(_error: Exception) -> Response:
    return answer(400, str(_NAMES[400]), str(_TEXTS[400]))


def _http_error(error: HTTPException) -> Response:
    code = error.code or 500
    name = str(_NAMES.get(code, error.name))
    # What a view says itself stands; the words of the framework are replaced by ours.
    given = error.description if error.description != type(error).description else None
    if isinstance(error, CSRFError):
        given = _(
            "The page was open for too long, or it was not ours. Load it again, then try again."
        )
    if code == 429 or not given:
        given = str(_TEXTS.get(code, error.description or name))
    response = answer(code, name, given)
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _database_away(error: OperationalError) -> Response:
    _log.error("dashboards.database_away", error=str(error.orig))
    return answer(
        503,
        _("The database does not answer"),
        _(
            "Nothing that was inspected is lost: cameras and workers go on as soon as it is back,"
            " and so does this page."
        ),
    )
