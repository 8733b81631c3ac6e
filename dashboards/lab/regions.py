"""Drawing the regions of a recipe on a stored picture; saved, they are the recipe's next draft."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import redirect, render_template, request, url_for
from flask_babel import gettext as _
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from dashboards.lab import backdrop
from dashboards.lab.recipe_form import FieldProblem
from dashboards.lab.recipes import recipe_of
from dashboards.lab.routes import blueprint
from dashboards.lab.shapes import BadShape, read_corners, written
from dashboards.lab.typed import shown
from dashboards.permissions import needs
from dashboards.values import values
from db.access import Permission
from db.errors import NotFound
from db.queries import lab_places, recipe_drafts
from db.queries.recipe_drafts import DraftedMeanwhile
from db.queries.recipe_owners import require_edit
from inspection.recipe import Recipe
from inspection.recipes.problems import problems_of

_Row = dict[str, str]


@blueprint.get("/recipes/<recipe>/regions")
@needs(Permission.LAB)
def recipes_regions(recipe: str) -> str:
    with values().database.reads() as session:
        newest = recipe_drafts.newest_named(session, recipe)
        require_edit(session, newest.recipe_id, recipe)
    body = recipe_of(newest)
    rows = [
        {"name": region.name, "shape": written(region.polygon)}
        for region in (body.regions if body else ())
    ]
    return _page(recipe, rows, newest.id)


@blueprint.post("/recipes/<recipe>/regions")
@needs(Permission.LAB)
def recipes_save_regions(recipe: str) -> AnyResponse | tuple[str, int]:
    names, texts = request.form.getlist("name"), request.form.getlist("shape")
    rows = [
        {"name": name.strip(), "shape": text.strip()}
        for name, text in zip(names, texts, strict=False)
        if name.strip() or text.strip()
    ]
    base_text = request.form.get("base", "")
    base = int(base_text[:18]) if base_text.isascii() and base_text.isdecimal() else 0
    regions, problems = _regions(rows)
    with values().database.reads() as session:
        newest = recipe_drafts.newest_named(session, recipe)
        require_edit(session, newest.recipe_id, recipe)
    before = recipe_of(newest)
    if before is None:
        raise NotFound("readable version of the recipe", recipe)
    changed = None
    if not problems:
        changed = _with_regions(before, regions, problems)
    if changed is None:
        return _page(recipe, rows, base, problems=problems), 400
    try:
        with values().database.sessions.begin() as session:
            version, _is_new = recipe_drafts.save_draft(session, changed, base)
    except DraftedMeanwhile as error:
        # Saved again they go into the version of the other one, of which nothing else is touched.
        return _page(recipe, rows, error.newest.id, meanwhile=error.newest.version), 409
    return redirect(url_for("lab.recipes_version", version_id=version.id), code=303)


def _regions(rows: Sequence[_Row]) -> tuple[list[dict[str, Any]], list[FieldProblem]]:
    regions, problems = [], []
    for number, row in enumerate(rows):
        if not row["name"]:
            problems.append(FieldProblem(f"name-{number}", _("expected a name for the region")))
        elif len(row["name"]) > 100:
            expected = _(
                "expected a name of at most 100 characters, got %(got)d", got=len(row["name"])
            )
            problems.append(FieldProblem(f"name-{number}", expected))
        elif row["name"] in [each["name"] for each in rows[:number]]:
            expected = _("expected each name once, %(name)s stands twice", name=shown(row["name"]))
            problems.append(FieldProblem(f"name-{number}", expected))
        try:
            regions.append({"name": row["name"], "polygon": read_corners(row["shape"], least=3)})
        except BadShape as error:
            problems.append(FieldProblem(f"shape-{number}", str(error)))
    return regions, problems


def _with_regions(
    before: Recipe, regions: list[dict[str, Any]], problems: list[FieldProblem]
) -> Recipe | None:
    try:
        return Recipe.model_validate(before.model_dump(mode="json") | {"regions": regions})
    except ValidationError as error:
        for problem in problems_of(error, {}):
            problems.append(FieldProblem("shapes", str(problem)))
        return None


def _page(
    recipe: str,
    rows: Sequence[_Row],
    base: int,
    *,
    problems: Sequence[FieldProblem] = (),
    meanwhile: int | None = None,
) -> str:
    with values().database.reads() as session:
        newest = recipe_drafts.newest_named(session, recipe)
        stations = lab_places.stations_of_recipe(session, newest.recipe_id)
        picture = backdrop.chosen(session, stations)
    at: dict[str, list[str]] = {}
    for problem in problems:
        at.setdefault(problem.field, []).append(problem.text)
    return render_template(
        "lab/regions.html",
        name=recipe,
        rows=rows,
        base=base,
        picture=picture,
        problems=problems,
        at=at,
        meanwhile=meanwhile,
        newest=newest,
    )
