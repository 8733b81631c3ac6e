"""Editing a recipe. A save is the next version; whoever saves second is told, and loses nothing."""

from __future__ import annotations

from collections.abc import Sequence

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from dashboards.lab import recipe_form
from dashboards.lab.recipe_form import QUANTITIES, RecipeForm
from dashboards.lab.recipes import recipe_of
from dashboards.lab.routes import blueprint, number_asked
from dashboards.permissions import needs
from dashboards.values import values
from db.access import Permission
from db.errors import NotFound
from db.models import RecipeVersion
from db.queries import recipe_drafts
from db.queries.recipe_drafts import DraftedMeanwhile
from db.queries.recipe_owners import require_edit
from db.queries.recipes import get_version
from inspection.model_folder import ModelFolderError, list_models, read_manifest
from inspection.recipes.differences import Change, changes


@blueprint.get("/recipes/<recipe>/edit")
@needs(Permission.LAB)
def recipes_edit(recipe: str) -> str:
    """`version` begins with the body of an older one; what is saved follows the newest still."""
    with values().database.reads() as session:
        newest = recipe_drafts.newest_named(session, recipe)
        asked = number_asked("version")
        version = get_version(session, asked) if asked else newest
        if version.recipe_id != newest.recipe_id:
            raise NotFound(f"version of {recipe}", version.id)
        require_edit(session, newest.recipe_id, recipe)
    begun = recipe_of(version)
    if begun is None:
        raise NotFound("readable version of the recipe", recipe)
    return _page(recipe_form.of_recipe(begun), newest, version)


@blueprint.post("/recipes/<recipe>/edit")
@needs(Permission.LAB)
def recipes_save(recipe: str) -> AnyResponse | tuple[str, int]:
    form = recipe_form.of_request(recipe, request.form)
    base = request.form.get("base", "")
    base_id = int(base) if base.isascii() and base.isdecimal() and len(base) < 19 else 0
    with values().database.reads() as session:
        newest = recipe_drafts.newest_named(session, recipe)
        require_edit(session, newest.recipe_id, recipe)
    found = recipe_form.read(form, values().lab.models_dirs)
    if isinstance(found, list):
        form = RecipeForm(form.name, form.fields, form.classes, form.limits, form.rest, found)
        return _page(form, newest, newest, base_id=base_id), 400
    try:
        with values().database.sessions.begin() as session:
            version, _is_new = recipe_drafts.save_draft(session, found, base_id)
    except DraftedMeanwhile as error:
        theirs = recipe_of(error.newest)
        differs = [] if theirs is None else changes(theirs, found)
        return _page(form, error.newest, error.newest, theirs=differs), 409
    return redirect(url_for("lab.recipes_version", version_id=version.id), code=303)


def _page(
    form: RecipeForm,
    newest: RecipeVersion,
    version: RecipeVersion,
    *,
    base_id: int | None = None,
    theirs: Sequence[Change] | None = None,
) -> str:
    dirs = values().lab.models_dirs
    models = sorted({*list_models(dirs), form.fields["model"]} - {""})
    return render_template(
        "lab/recipe_edit.html",
        form=form,
        newest=newest,
        version=version,
        base_id=newest.id if base_id is None else base_id,
        theirs=theirs,
        model_options=[(each, each) for each in models],
        quantities=QUANTITIES,
        known_classes=_classes_of(form.fields["model"]),
    )


def _classes_of(model: str) -> Sequence[str]:
    folder = list_models(values().lab.models_dirs).get(model)
    if folder is None:
        return ()
    try:
        return read_manifest(folder).classes
    except ModelFolderError:
        return ()
