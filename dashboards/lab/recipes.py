"""Recipes: the list, one with its versions, a version, what differs between two, a new one."""

from __future__ import annotations

from typing import Any

from flask import abort, redirect, render_template, request, url_for
from flask_babel import gettext as _
from pydantic import ValidationError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from dashboards.errors import answer
from dashboards.lab.routes import blueprint, number_asked
from dashboards.permissions import needs
from dashboards.values import values
from db.access import Permission
from db.errors import NotFound
from db.models import RecipeVersion
from db.queries import recipe_drafts
from db.queries.recipe_drafts import DraftedMeanwhile
from db.queries.recipe_owners import UsedElsewhere, editable
from db.queries.recipes import get_version
from inspection.model_folder import ModelFolderError, list_models, read_manifest
from inspection.recipe import Recipe
from inspection.recipes.differences import changes
from inspection.recipes.example import as_yaml, example_for
from inspection.recipes.file import RecipeError, parse_recipe, shipped_recipes, shipped_text


@blueprint.get("/")
@needs(Permission.LAB)
def home() -> AnyResponse:
    return redirect(url_for("lab.stations_list"))


@blueprint.get("/recipes")
@needs(Permission.LAB)
def recipes() -> str:
    with values().database.reads() as session:
        listed = recipe_drafts.list_with_use(session)
        own = editable(session, [each.newest.recipe_id for each in listed])
    return render_template("lab/recipes.html", listed=listed, own=own)


@blueprint.get("/recipes/<recipe>")
@needs(Permission.LAB)
def recipes_one(recipe: str) -> str:
    with values().database.reads() as session:
        versions = recipe_drafts.versions_of(session, recipe)
        using = recipe_drafts.stations_using(session, [each.id for each in versions])
        own = bool(editable(session, [versions[0].recipe_id]))
    return render_template("lab/recipe.html", name=recipe, versions=versions, using=using, own=own)


@blueprint.get("/versions/<int:version_id>")
@needs(Permission.LAB)
def recipes_version(version_id: int) -> str:
    with values().database.reads() as session:
        version = get_version(session, version_id)
        using = recipe_drafts.stations_using(session, [version_id]).get(version_id, [])
        newest = recipe_drafts.newest_version(session, version.recipe_id)
        own = bool(editable(session, [version.recipe_id]))
    recipe = recipe_of(version)
    return render_template(
        "lab/version.html",
        version=version,
        name=version.recipe.name,
        using=using,
        newest=newest,
        own=own,
        text=as_yaml(recipe) if recipe else None,
    )


@blueprint.get("/recipes/<recipe>/differences")
@needs(Permission.LAB)
def recipes_differences(recipe: str) -> str:
    """What differs between two versions: `old` and `new` are ids; by default the newest two."""
    with values().database.reads() as session:
        versions = recipe_drafts.versions_of(session, recipe)
        new_id = number_asked("new") or versions[0].id
        old_id = number_asked("old") or versions[min(1, len(versions) - 1)].id
        old, new = _of(session, recipe, old_id), _of(session, recipe, new_id)
    return render_template(
        "lab/differences.html",
        name=recipe,
        versions=versions,
        old=old,
        new=new,
        changes=differences(old, new),
    )


@blueprint.route("/recipes/new", methods=["GET", "POST"])
@needs(Permission.LAB)
def recipes_new() -> AnyResponse | tuple[str, int] | str:
    """A recipe to begin with: for a model, after a shipped one, or as a copy of another."""
    models = sorted(list_models(values().lab.models_dirs))
    with values().database.reads() as session:
        listed = recipe_drafts.list_with_use(session)
    shown = {"models": models, "shipped": shipped_recipes(), "listed": listed}
    if request.method == "GET":
        return render_template("lab/recipe_new.html", typed=request.args, problems={}, **shown)
    typed = {key: request.form.get(key, "").strip() for key in ("name", "start")}
    problems = {}
    begun = _begun(typed["start"])
    if begun is None:
        problems["start"] = _("expected something to begin with out of the list")
    else:
        try:
            recipe = Recipe.model_validate(begun.model_dump(mode="json") | {"name": typed["name"]})
            with values().database.sessions.begin() as session:
                recipe_drafts.save_draft(session, recipe, None)
            return redirect(url_for("lab.recipes_edit", recipe=recipe.name), code=303)
        except DraftedMeanwhile:
            problems["name"] = _("expected a name that no recipe has yet")
        except ValidationError:
            problems["name"] = _(
                "expected 1 to 100 letters, digits, spaces, dots, dashes and underscores, the first"
                " one a letter or a digit"
            )
    page = render_template("lab/recipe_new.html", typed=typed, problems=problems, **shown)
    return page, 400


@blueprint.errorhandler(UsedElsewhere)
def _of_others(error: UsedElsewhere) -> AnyResponse:
    text = _(
        "%(name)s is active at stations of other lines, or a draft of somebody who sees more than"
        " you do. You can read it, and copy it under a new name. Nothing was changed.",
        name=error.name,
    )
    return answer(403, _("Not allowed"), text)


def recipe_of(version: RecipeVersion) -> Recipe | None:
    """The recipe of a version; None where an older Lineside wrote what this one does not read."""
    try:
        return Recipe.model_validate(version.body)
    except ValidationError:
        return None


def differences(old: RecipeVersion, new: RecipeVersion) -> list[Any] | None:
    """What differs; None where one of them cannot be read."""
    before, after = recipe_of(old), recipe_of(new)
    return None if before is None or after is None else changes(before, after)


def _of(session: Session, recipe: str, version_id: int) -> RecipeVersion:
    version = get_version(session, version_id)
    if version.recipe.name != recipe:
        raise NotFound(f"version of {recipe}", version_id)
    return version


def _begun(start: str) -> Recipe | None:
    kind, _separator, name = start.partition(":")
    dirs = values().lab.models_dirs
    try:
        if kind == "model" and name in list_models(dirs):
            classes = read_manifest(list_models(dirs)[name]).classes
            return parse_recipe(example_for(name, classes, "new"), name)
        if kind == "shipped" and name in shipped_recipes():
            return parse_recipe(shipped_text(name), name)
        if kind == "copy":
            with values().database.reads() as session:
                return recipe_of(recipe_drafts.newest_named(session, name))
    except (RecipeError, ModelFolderError) as error:
        abort(400, str(error))
    except NotFound:
        return None
    return None
