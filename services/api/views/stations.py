"""Stations, and what they inspect by."""

from datetime import datetime

from flask import Response
from pydantic import Field

from db.access import Permission
from db.models import RecipeVersion, Station
from db.queries import plant_edits, recipes, stations
from inspection.inference import split_inference
from services.api import answers
from services.api.answers import REMOVED, answer, removed
from services.api.fields import Body, Id, NewKey, NewName, Output, Ref, RefPath
from services.api.fields import Line as OneLine
from services.api.paging import PageQuery
from services.api.permissions import needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("stations", "Places where something is inspected.")


class ActiveRecipe(Output):
    version_id: int
    name: str
    version: int
    model: str


class StationOut(Output):
    id: int
    line_id: int
    key: str
    name: str
    created_at: datetime
    recipe: ActiveRecipe | None = Field(description="None: it accepts no frames yet.")
    camera_ids: list[int]


class StationPage(Output):
    items: list[StationOut]
    next: str | None


class StationQuery(PageQuery):
    line: Ref | None = Field(None, description="Only of this line, by its id or key.")


class NewStation(Body):
    line: Ref = Field(description="The line's id or key.")
    key: NewKey
    name: OneLine = Field(min_length=1)


class StationChange(Body):
    name: NewName = Field(default_factory=str)
    line: Ref = Field(default_factory=str, description="Id or key of the line to move it to.")


class Activation(Body):
    version_id: Id = Field(description="Id of a recipe version.")


@blueprint.get("/stations", responses=responses({200: StationPage}, 404))
@needs(Permission.VIEW)
def list_stations(query: StationQuery) -> Response:
    """List stations."""
    with values().database.reads() as session:
        line_id = stations.get_line(session, query.line).id if query.line else None
        rows = stations.list_stations(
            session, line_id=line_id, after=query.after, limit=query.limit
        )
        active = stations.active_versions(session, rows.rows)
    return answers.page(StationPage, rows, lambda row: _render(row, active.get(row.id)))


@blueprint.post("/stations", responses=responses({201: StationOut}, 400, 404, 409, 413, 415))
@needs(Permission.LAB)
def create_station(body: NewStation) -> Response:
    """Create a station of a line."""
    with values().database.sessions.begin() as session:
        row = stations.create_station(session, body.line, body.key, body.name)
    return answer(_render(row, None), 201, headers={"Location": f"/api/v1/stations/{row.id}"})


@blueprint.get("/stations/<ref>", responses=responses({200: StationOut}, 404))
@needs(Permission.VIEW)
def get_station(path: RefPath) -> Response:
    """One station, by its id or key."""
    with values().database.reads() as session:
        row = stations.get_station(session, path.ref)
        active = stations.active_versions(session, [row])
    return answer(_render(row, active.get(row.id)))


@blueprint.patch("/stations/<ref>", responses=responses({200: StationOut}, 400, 404, 413, 415))
@needs(Permission.LAB)
def edit_station(path: RefPath, body: StationChange) -> Response:
    """Rename a station, or move it to another line with all its history. Its key stays."""
    given = body.given()
    with values().database.sessions.begin() as session:
        row = plant_edits.edit_station(
            session, path.ref, name=given.get("name"), line_ref=given.get("line")
        )
        active = stations.active_versions(session, [row])
    return answer(_render(row, active.get(row.id)))


@blueprint.delete("/stations/<ref>", responses=responses({204: REMOVED}, 404, 409))
@needs(Permission.LAB)
def remove_station(path: RefPath) -> Response:
    """Remove a station that has no cameras and never saw anything."""
    with values().database.sessions.begin() as session:
        plant_edits.remove_station(session, path.ref)
    return removed()


@blueprint.put("/stations/<ref>/recipe", responses=responses({200: StationOut}, 400, 404, 413, 415))
@needs(Permission.LAB)
def activate_recipe(path: RefPath, body: Activation) -> Response:
    """Activate a recipe version: it judges from the next acquisition on."""
    with values().database.sessions.begin() as session:
        row = recipes.activate(session, path.ref, body.version_id)
        active = stations.active_versions(session, [row])
    return answer(_render(row, active.get(row.id)))


def _render(row: Station, active: RecipeVersion | None) -> StationOut:
    recipe = None
    if active is not None:
        recipe = ActiveRecipe(
            version_id=active.id,
            name=active.recipe.name,
            version=active.version,
            model=split_inference(active.model)[0],
        )
    return StationOut(
        id=row.id,
        line_id=row.line_id,
        key=row.key,
        name=row.name,
        created_at=row.created_at,
        recipe=recipe,
        camera_ids=[camera.id for camera in row.cameras],
    )
