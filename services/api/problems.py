"""Errors as RFC 9457 problem documents: one place that knows both domain errors and HTTP."""

import math
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, json, request
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from werkzeug.exceptions import HTTPException

from db.credentials import redact
from db.errors import Conflict, DomainError, Invalid, NotFound, WrongState
from db.frames import FrameMissing
from db.queries.acquisition_errors import Held
from db.queries.training_runs import NoTrainer, SnapshotUnfit
from db.snapshot_freezing import SnapshotRefused
from services.api.invalid import InvalidRequest

_log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
_TOLD = 100  # of what is wrong, where ten thousand pictures may be


class FieldError(BaseModel):
    """One value that is not what was expected."""

    pointer: str = Field(description="Where it stands: a field's name, or a path of names.")
    detail: str = Field(description="What was expected.")


class Problem(BaseModel):
    """RFC 9457, with `errors` where several values are wrong at once."""

    type: str = Field("about:blank", description="A URI that names the kind of problem.")
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    errors: list[FieldError] = Field(default_factory=list)


def problem(
    status: int,
    detail: str = "",
    *,
    errors: list[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document as an answer to the current request."""
    body = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=request.path,
        errors=errors or [],
    )
    dumped = body.model_dump(exclude={"errors"} if not errors else None)
    answer = Response(json.dumps(dumped), status=status, mimetype=MEDIA_TYPE)
    answer.headers.update(headers or {})
    return answer


def register(app: Flask) -> None:
    """Answer every error of the app with a problem document."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(InvalidRequest, _invalid_request)
    app.register_error_handler(Held, _held)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(InterfaceError, _database_away)
    app.register_error_handler(Exception, _unexpected)
    app.register_error_handler(DomainError, _domain)
    app.register_error_handler(FrameMissing, _image_gone)


def from_validation(error: ValidationError) -> InvalidRequest:
    """What pydantic refused. Values are left out: one of them may be a password."""
    return InvalidRequest(
        [
            (".".join(str(part) for part in each["loc"]), each["msg"])
            for each in error.errors(include_url=False, include_context=False, include_input=False)
        ]
    )


_STATUS: dict[type, int] = {
    NotFound: 404,
    WrongState: 409,
    Conflict: 409,
    Invalid: 422,
    SnapshotRefused: 422,
    SnapshotUnfit: 422,
    NoTrainer: 409,
}


def _domain(error: DomainError) -> Response:
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)
    errors = None
    if isinstance(error, Invalid):
        errors = [FieldError(pointer=error.field, detail=f"expected {error.expected}")]
    elif isinstance(error, (SnapshotRefused, SnapshotUnfit)):
        errors = [FieldError(pointer="snapshot", detail=each) for each in error.missing[:_TOLD]]
    return problem(status, str(error), errors=errors)


def _image_gone(_error: FrameMissing) -> Response:
    return problem(404, "The image is gone.")


def _invalid_request(error: InvalidRequest) -> Response:
    errors = [FieldError(pointer=pointer, detail=detail) for pointer, detail in error.errors]
    return problem(422, "The request has values that are not as expected.", errors=errors)


def _held(error: Held) -> Response:
    detail = f"{error.waiting} acquisitions wait already, and {error.max_waiting} may"
    return problem(
        429, detail, headers={"Retry-After": str(max(1, math.ceil(error.retry_after_s)))}
    )


def _database_away(error: Exception) -> Response:
    _log.error("api.database_away", path=request.path, error=str(error))
    return problem(503, "The database cannot be reached.", headers={"Retry-After": "2"})


def _http(error: HTTPException) -> Response:
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    status = error.code or 500
    # Such as Allow of a 405; the body's own headers are ours.
    kept = {
        name: value
        for name, value in error.get_headers()
        if name.lower() not in ("content-type", "content-length")
    }
    return problem(status, error.description or "", headers=kept)


def _unexpected(error: Exception) -> Response:
    """A defect of ours: all of it into the log, nothing of it into the answer."""
    # Formatted here, since a log's own rendering may show local variables, passwords among them.
    told = redact("".join(traceback.format_exception(error)))
    _log.error("api.defect", method=request.method, path=request.path, traceback=told)
    return problem(500, "Something went wrong here; the log says what.")


Responses = dict[str | int | HTTPStatus, type[BaseModel] | dict[Any, Any] | None]


def responses(answers: Mapping[int, type[BaseModel] | dict[Any, Any]], *statuses: int) -> Responses:
    """The OpenAPI responses of an operation: its answers, and the problems of these statuses."""
    found: Responses = dict(answers.items())
    for status in statuses:
        found[status] = {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return found
