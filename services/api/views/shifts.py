"""Shifts of a site: what the boards count by."""

from datetime import time
from typing import Any, Self

from flask import Response
from pydantic import Field

from db.access import Permission
from db.models import Shift
from db.queries import shift_plans
from db.queries.stations import get_site
from services.api import answers
from services.api.answers import REMOVED, answer, removed
from services.api.fields import Body, IdPath, Output, RefPath, WallClock
from services.api.fields import Line as OneLine
from services.api.paging import PageQuery
from services.api.permissions import needs, require_site
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("shifts", "Named spans of a site's day, which boards count by.")


class ShiftOut(Output):
    id: int
    site_id: int
    name: str
    starts_at: WallClock
    ends_at: WallClock = Field(description="One that ends before it starts ends the next day.")

    @classmethod
    def of(cls, row: Shift) -> Self:
        return cls(
            id=row.id,
            site_id=row.site_id,
            name=row.name,
            starts_at=row.starts_at.strftime("%H:%M"),
            ends_at=row.ends_at.strftime("%H:%M"),
        )


class ShiftPage(Output):
    items: list[ShiftOut]
    next: str | None


class NewShift(Body):
    name: OneLine = Field(min_length=1, max_length=64)
    starts_at: WallClock
    ends_at: WallClock


class ShiftChange(Body):
    name: OneLine = Field(default_factory=str, min_length=1, max_length=64)
    starts_at: WallClock = Field(default_factory=str)
    ends_at: WallClock = Field(default_factory=str)


@blueprint.get("/sites/<ref>/shifts", responses=responses({200: ShiftPage}, 404))
@needs(Permission.VIEW)
def list_shifts(path: RefPath, query: PageQuery) -> Response:
    """List a site's shifts."""
    with values().database.reads() as session:
        site_id = get_site(session, path.ref).id
        rows = shift_plans.list_shifts(session, site_id, after=query.after, limit=query.limit)
    return answers.page(ShiftPage, rows, ShiftOut.of)


@blueprint.post(
    "/sites/<ref>/shifts", responses=responses({201: ShiftOut}, 400, 404, 409, 413, 415)
)
@needs(Permission.LAB)
def create_shift(path: RefPath, body: NewShift) -> Response:
    """Add a shift to a site; of several that run at once the one that began last counts."""
    with values().database.sessions.begin() as session:
        require_site(get_site(session, path.ref).id)
        row = shift_plans.create_shift(session, path.ref, **_with_times(body.given()))
    return answer(ShiftOut.of(row), 201, headers={"Location": f"/api/v1/shifts/{row.id}"})


@blueprint.get("/shifts/<id>", responses=responses({200: ShiftOut}, 404))
@needs(Permission.VIEW)
def get_shift(path: IdPath) -> Response:
    """One shift."""
    with values().database.reads() as session:
        row = shift_plans.get_shift(session, path.id)
    return answer(ShiftOut.of(row))


@blueprint.patch("/shifts/<id>", responses=responses({200: ShiftOut}, 400, 404, 409, 413, 415))
@needs(Permission.LAB)
def edit_shift(path: IdPath, body: ShiftChange) -> Response:
    """Change a shift's name or times; the boards count by them at once."""
    with values().database.sessions.begin() as session:
        require_site(shift_plans.get_shift(session, path.id).site_id)
        row = shift_plans.edit_shift(session, path.id, **_with_times(body.given()))
    return answer(ShiftOut.of(row))


@blueprint.delete("/shifts/<id>", responses=responses({204: REMOVED}, 404))
@needs(Permission.LAB)
def remove_shift(path: IdPath) -> Response:
    """Remove a shift. Nothing refers to one: without any, boards count the last eight hours."""
    with values().database.sessions.begin() as session:
        require_site(shift_plans.get_shift(session, path.id).site_id)
        shift_plans.remove_shift(session, path.id)
    return removed()


def _with_times(given: dict[str, Any]) -> dict[str, Any]:
    return {
        name: time.fromisoformat(value) if name.endswith("_at") else value
        for name, value in given.items()
    }
