"""Planograms: learned from a stored picture, named and put right by hand, saved into a draft."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import redirect, render_template, request, url_for
from flask_babel import gettext as _
from pydantic import ValidationError
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from dashboards.lab import backdrop
from dashboards.lab.recipe_form import FieldProblem
from dashboards.lab.recipes import recipe_of
from dashboards.lab.routes import blueprint
from dashboards.lab.shapes import BadShape, read_corners, written
from dashboards.permissions import needs
from dashboards.values import parts, values
from db.access import Permission
from db.errors import NotFound
from db.frames import FrameMissing
from db.models import Finding, Inspection
from db.queries import lab_places, recipe_drafts
from db.queries.recipe_drafts import DraftedMeanwhile
from db.queries.recipe_owners import editable, require_edit
from inspection.decode import ImageRefused
from inspection.recipe import Position, Recipe
from inspection.recipes.problems import problems_of
from inspection.shelves.planogram_learning import Item, grid_positions, learn_positions
from inspection.shelves.registration import describe

COLUMNS = (
    "name",
    "fixture",
    "product",
    "class_name",
    "facings",
    "min_facings",
    "price",
    "rate_per_hour",
    "shape",
)
_MOST = 1000
_Row = dict[str, str]


@blueprint.get("/planograms")
@needs(Permission.LAB)
def planograms() -> str:
    with values().database.reads() as session:
        listed = recipe_drafts.list_with_use(session)
        own = editable(session, [each.newest.recipe_id for each in listed])
    counted = [(each, len(_positions_of(each.newest.body))) for each in listed]
    return render_template("lab/planograms.html", listed=counted, own=own)


@blueprint.get("/recipes/<recipe>/planogram")
@needs(Permission.LAB)
def planograms_edit(recipe: str) -> str:
    newest, body = _newest(recipe)
    return _page(recipe, [_row(each) for each in body.positions], newest.id, body)


@blueprint.post("/recipes/<recipe>/planogram/learn")
@needs(Permission.LAB)
def planograms_learn(recipe: str) -> AnyResponse | tuple[str, int] | str:
    """Positions out of what was found in the stored picture, or a grid; nothing is saved yet."""
    newest, body = _newest(recipe)
    how = request.form.get("how", "")
    problems: list[FieldProblem] = []
    found = _grid(problems) if how == "grid" else _learned(recipe, problems)
    if problems:
        rows = [_row(each) for each in body.positions]
        return _page(recipe, rows, newest.id, body, problems=problems), 400
    return _page(recipe, [_row(each) for each in found], newest.id, body, learned=True)


@blueprint.post("/recipes/<recipe>/planogram")
@needs(Permission.LAB)
def planograms_save(recipe: str) -> AnyResponse | tuple[str, int]:
    columns = [request.form.getlist(name) for name in COLUMNS]
    rows = [
        {name: text.strip() for name, text in zip(COLUMNS, texts, strict=True)}
        for texts in zip(*columns, strict=False)
    ][:_MOST]
    rows = [row for row in rows if row["shape"] or row["name"]]
    base_text = request.form.get("base", "")
    base = int(base_text[:18]) if base_text.isascii() and base_text.isdecimal() else 0
    _newest_version, before = _newest(recipe)
    registration = request.form.get("registration", "none")
    changed, problems = _changed(recipe, before, rows, registration)
    if changed is None:
        return _page(recipe, rows, base, before, problems=problems), 400
    try:
        with values().database.sessions.begin() as session:
            version, _is_new = recipe_drafts.save_draft(session, changed, base)
    except DraftedMeanwhile as error:
        page = _page(recipe, rows, error.newest.id, before, meanwhile=error.newest.version)
        return page, 409
    return redirect(url_for("lab.recipes_version", version_id=version.id), code=303)


def _newest(recipe: str) -> tuple[Any, Recipe]:
    with values().database.reads() as session:
        newest = recipe_drafts.newest_named(session, recipe)
        require_edit(session, newest.recipe_id, recipe)
    body = recipe_of(newest)
    if body is None:
        raise NotFound("readable version of the recipe", recipe)
    return newest, body


def _picture(recipe: str) -> backdrop.Backdrop | None:
    with values().database.reads() as session:
        newest = recipe_drafts.newest_named(session, recipe)
        stations = lab_places.stations_of_recipe(session, newest.recipe_id)
        return backdrop.chosen(session, stations)


def _grid(problems: list[FieldProblem]) -> Sequence[Position]:
    sizes = []
    for name in ("rows", "columns"):
        text = request.form.get(name, "").strip()
        if not (text.isascii() and text.isdecimal() and 1 <= int(text[:6]) <= 30):
            problems.append(FieldProblem(name, _("expected a whole number from 1 to 30")))
            continue
        sizes.append(int(text))
    return grid_positions(sizes[0], sizes[1]) if len(sizes) == 2 else ()


def _learned(recipe: str, problems: list[FieldProblem]) -> Sequence[Position]:
    """From the findings that are stored with the picture: no model has to run for it."""
    picture = _picture(recipe)
    if picture is None or picture.acquisition_id is None or picture.size_wh is None:
        expected = _("expected a stored picture that was inspected; a grid needs none")
        problems.append(FieldProblem("learn", expected))
        return ()
    with values().database.reads() as session:
        boxes = session.execute(
            select(Finding.x0, Finding.y0, Finding.x1, Finding.y1, Finding.class_name)
            .join(Inspection, Inspection.id == Finding.inspection_id)
            .where(Inspection.acquisition_id == picture.acquisition_id)
        ).all()
    width, height = picture.size_wh
    items = [
        Item((x0 / width, y0 / height, x1 / width, y1 / height), name)
        for x0, y0, x1, y1, name in boxes
        if x1 > x0 and y1 > y0
    ]
    if not items:
        expected = _("nothing was found in this picture; take one of the full shelf, or a grid")
        problems.append(FieldProblem("learn", expected))
        return ()
    try:
        rgb = parts().pictures.scaled_rgb(picture.image_key, 1280)
    except (FrameMissing, ImageRefused):
        problems.append(FieldProblem("learn", _("the picture is not stored any more")))
        return ()
    return learn_positions(rgb, items)


def _changed(
    recipe: str, before: Recipe, rows: Sequence[_Row], registration: str
) -> tuple[Recipe | None, list[FieldProblem]]:
    problems: list[FieldProblem] = []
    positions = []
    for number, row in enumerate(rows):
        try:
            (x0, y0), (x1, y1) = read_corners(row["shape"], least=2, most=2)
            box = [min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)]
        except BadShape as error:
            problems.append(FieldProblem(f"shape-{number}", str(error)))
            continue
        values_ = {name: row[name] for name in COLUMNS if name != "shape" and row[name]}
        positions.append(values_ | {"box": box})
    if problems:
        return None, problems
    shelf = before.shelf.model_dump(mode="json")
    if registration != before.shelf.registration:
        shelf["registration"] = registration
        if registration != "none":
            picture = _picture(recipe)
            if picture is None:
                expected = _("expected a stored picture to find the shelf again by")
                return None, [FieldProblem("registration", expected)]
            try:
                rgb = parts().pictures.scaled_rgb(picture.image_key, None)
            except (FrameMissing, ImageRefused):
                text = _("the picture is not stored any more")
                return None, [FieldProblem("registration", text)]
            shelf["reference"] = describe(rgb).to_text()
        else:
            shelf["reference"] = None
    try:
        body = before.model_dump(mode="json") | {"positions": positions, "shelf": shelf}
        return Recipe.model_validate(body), []
    except ValidationError as error:
        return None, [_problem(problem.key, problem) for problem in problems_of(error, {})]


def _problem(key: str, problem: Any) -> FieldProblem:
    text = _("expected %(expected)s", expected=problem.expected)
    if problem.value:
        text = _(
            "expected %(expected)s, got %(value)s", expected=problem.expected, value=problem.value
        )
    start, _bracket, rest = key.partition("[")
    number, _close, name = rest.partition("]")
    if start == "positions" and number.isdecimal():
        column = name.lstrip(".").partition("[")[0]
        return FieldProblem(f"{column if column in COLUMNS else 'name'}-{number}", text)
    return FieldProblem("registration" if key.startswith("shelf") else "positions", text)


def _row(position: Position) -> _Row:
    x0, y0, x1, y1 = position.box
    return {
        "name": position.name,
        "fixture": position.fixture,
        "product": position.product,
        "class_name": position.class_name,
        "facings": str(position.facings),
        "min_facings": str(position.min_facings),
        "price": "" if position.price is None else f"{position.price:.10g}",
        "rate_per_hour": "" if position.rate_per_hour is None else f"{position.rate_per_hour:.10g}",
        "shape": written([(x0, y0), (x1, y1)]),
    }


def _positions_of(body: dict[str, object]) -> list[object]:
    found = body.get("positions")
    return found if isinstance(found, list) else []


def _page(
    recipe: str,
    rows: Sequence[_Row],
    base: int,
    body: Recipe,
    *,
    problems: Sequence[FieldProblem] = (),
    meanwhile: int | None = None,
    learned: bool = False,
) -> str:
    at: dict[str, list[str]] = {}
    for problem in problems:
        at.setdefault(problem.field, []).append(problem.text)
    return render_template(
        "lab/planogram.html",
        name=recipe,
        rows=rows,
        base=base,
        picture=_picture(recipe),
        registration=body.shelf.registration,
        problems=problems,
        at=at,
        meanwhile=meanwhile,
        learned=learned,
        empty=dict.fromkeys(COLUMNS, "")
        | {"class_name": "item", "facings": "1", "min_facings": "1"},
    )
