"""Recipes: drafted as new versions, never edited in place."""

from datetime import datetime
from typing import Annotated, Any, Literal

from flask import Response
from pydantic import BaseModel, Field

from db.access import Permission
from db.models import RecipeRow, RecipeVersion
from db.queries import recipes as queries
from services.api import answers
from services.api.answers import answer
from services.api.fields import IdPath, Output
from services.api.paging import PageQuery
from services.api.permissions import needs
from services.api.problems import responses
from services.api.recipe_bodies import read_recipe_body
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("recipes", "What stations inspect, in versions.")

_BODY = {
    "required": True,
    "description": "A recipe, as JSON or YAML.",
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/Recipe"}},
        "application/yaml": {"schema": {"$ref": "#/components/schemas/Recipe"}},
    },
}


class VersionOut(Output):
    id: int
    recipe: str = Field(description="The recipe's name.")
    version: int
    state: Literal["draft", "active", "retired"]
    model: str
    sha256: str
    created_at: datetime
    activated_at: datetime | None


class VersionWithBody(VersionOut):
    body: dict[str, Any] = Field(description="The recipe as it is judged by.")


class RecipeOut(Output):
    name: str
    versions: list[VersionOut]


class RecipePage(Output):
    items: list[RecipeOut]
    next: str | None


class NamePath(BaseModel):
    name: Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$")]


@blueprint.get("/recipes", responses=responses({200: RecipePage}))
@needs(Permission.LAB)
def list_recipes(query: PageQuery) -> Response:
    """List recipes with their versions."""
    with values().database.reads() as session:
        rows = queries.list_recipes(session, after=query.after, limit=query.limit)
    return answers.page(RecipePage, rows, _render)


@blueprint.get("/recipes/<name>", responses=responses({200: RecipeOut}, 404))
@needs(Permission.LAB)
def get_recipe(path: NamePath) -> Response:
    """One recipe with its versions."""
    with values().database.reads() as session:
        row = queries.get_recipe(session, path.name)
    return answer(_render(row))


@blueprint.post(
    "/recipes",
    responses=responses({200: VersionWithBody, 201: VersionWithBody}, 400, 409, 413, 415),
    openapi_extensions={"requestBody": _BODY},
)
@needs(Permission.LAB)
def draft_recipe() -> Response:
    """Draft the next version of a recipe; 200 where the newest one says the same already."""
    recipe = read_recipe_body()
    with values().database.sessions.begin() as session:
        row, is_new = queries.draft(session, recipe)
    location = f"/api/v1/recipe-versions/{row.id}"
    return answer(_with_body(row), 201 if is_new else 200, headers={"Location": location})


@blueprint.get("/recipe-versions/<id>", responses=responses({200: VersionWithBody}, 404))
@needs(Permission.LAB)
def get_version(path: IdPath) -> Response:
    """One version with its body."""
    with values().database.reads() as session:
        row = queries.get_version(session, path.id)
    return answer(_with_body(row))


def _render(row: RecipeRow) -> RecipeOut:
    return RecipeOut(
        name=row.name,
        versions=[VersionOut(**_shared(version, row.name)) for version in row.versions],
    )


def _with_body(row: RecipeVersion) -> VersionWithBody:
    return VersionWithBody(**_shared(row, row.recipe.name), body=row.body)


def _shared(row: RecipeVersion, name: str) -> dict[str, Any]:
    fields = {field: getattr(row, field) for field in VersionOut.model_fields if field != "recipe"}
    return fields | {"recipe": name}
