"""Rendering: a pydantic model becomes a JSON response."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from flask import Response
from pydantic import BaseModel

from db.paging import Page
from services.api.paging import write_cursor

Row = TypeVar("Row")


class _PageModel(Protocol):
    def __call__(self, *, items: list[Any], next: str | None) -> BaseModel: ...


def answer(
    model: BaseModel, status: int = 200, *, headers: Mapping[str, str] | None = None
) -> Response:
    """A model as JSON, under the names of its schema."""
    response = Response(
        model.model_dump_json(by_alias=True), status=status, mimetype="application/json"
    )
    response.headers.update(headers or {})
    return response


def page(model: _PageModel, rows: Page[Row], render: Callable[[Row], Any]) -> Response:
    """A page of rows as JSON, each rendered by `render`."""
    items = [render(row) for row in rows.rows]
    return answer(model(items=items, next=write_cursor(rows.next_after)))


REMOVED = {"description": "Removed"}


def removed() -> Response:
    """204: it is gone, and there is nothing to say of it."""
    return Response(status=204)
