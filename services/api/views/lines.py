"""Lines: production lines, and the aisles of a store."""

from typing import Literal

from flask import Response
from pydantic import Field

from db.access import Permission
from db.queries import plant_edits
from db.queries import stations as queries
from services.api import answers
from services.api.answers import REMOVED, answer, removed
from services.api.fields import Body, NewKey, NewName, Output, Ref, RefPath
from services.api.fields import Line as OneLine
from services.api.paging import PageQuery
from services.api.permissions import needs, require_site
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("lines", "Production lines and aisles.")


class LineOut(Output):
    id: int
    site_id: int
    key: str
    name: str
    kind: Literal["production", "shelf"]


class LinePage(Output):
    items: list[LineOut]
    next: str | None


class LineQuery(PageQuery):
    site: Ref | None = Field(None, description="Only of this site, by its id or key.")


class NewLine(Body):
    site: Ref = Field(description="The site's id or key.")
    key: NewKey
    name: OneLine = Field(min_length=1)
    kind: Literal["production", "shelf"] = "production"


class LineChange(Body):
    name: NewName = Field(default_factory=str)
    kind: Literal["production", "shelf"] = Field(
        default_factory=lambda: "production", description="Which board it has."
    )


@blueprint.get("/lines", responses=responses({200: LinePage}, 404))
@needs(Permission.VIEW)
def list_lines(query: LineQuery) -> Response:
    """List lines."""
    with values().database.reads() as session:
        site_id = queries.get_site(session, query.site).id if query.site else None
        rows = queries.list_lines(session, site_id=site_id, after=query.after, limit=query.limit)
    return answers.page(LinePage, rows, LineOut.model_validate)


@blueprint.post("/lines", responses=responses({201: LineOut}, 400, 404, 409, 413, 415))
@needs(Permission.LAB)
def create_line(body: NewLine) -> Response:
    """Create a line of a site."""
    with values().database.sessions.begin() as session:
        require_site(queries.get_site(session, body.site).id)
        row = queries.create_line(session, body.site, body.key, body.name, body.kind)
    location = f"/api/v1/lines/{row.id}"
    return answer(LineOut.model_validate(row), 201, headers={"Location": location})


@blueprint.get("/lines/<ref>", responses=responses({200: LineOut}, 404))
@needs(Permission.VIEW)
def get_line(path: RefPath) -> Response:
    """One line, by its id or key."""
    with values().database.reads() as session:
        row = queries.get_line(session, path.ref)
    return answer(LineOut.model_validate(row))


@blueprint.patch("/lines/<ref>", responses=responses({200: LineOut}, 400, 404, 413, 415))
@needs(Permission.LAB)
def edit_line(path: RefPath, body: LineChange) -> Response:
    """Change a line's name or kind. Its key stays."""
    with values().database.sessions.begin() as session:
        row = plant_edits.edit_line(session, path.ref, **body.given())
    return answer(LineOut.model_validate(row))


@blueprint.delete("/lines/<ref>", responses=responses({204: REMOVED}, 404, 409))
@needs(Permission.LAB)
def remove_line(path: RefPath) -> Response:
    """Remove a line that has no stations."""
    with values().database.sessions.begin() as session:
        plant_edits.remove_line(session, path.ref)
    return removed()
