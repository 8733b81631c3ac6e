"""A recipe as a form: what stands in its fields, and what is wrong with it at which of them.

Everything stays as it was typed until it is right. What has no field of its own (regions,
positions, tiles) is YAML in one text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import yaml
from flask_babel import gettext as _
from pydantic import ValidationError
from werkzeug.datastructures import MultiDict

from inspection.model_folder import list_models
from inspection.recipe import Quantity, Recipe
from inspection.recipes import nodes
from inspection.recipes.file import RecipeError, RecipeFile
from inspection.recipes.problems import Problem, problems_of

FIELDS = (
    "model",
    "description",
    "frames.trigger.kind",
    "frames.trigger.n",
    "frames.trigger.interval_s",
    "frames.trigger.min_changed",
    "frames.trigger.cooldown_s",
    "frames.policy",
    "frames.max_waiting",
    "frames.format",
    "frames.jpeg_quality",
    "decision.rule",
    "decision.k",
    "decision.mask_edge_px",
    "discrepancies.open_after",
    "discrepancies.resolve_after",
)
QUANTITIES: tuple[str, ...] = get_args(Quantity)
REST = "rest"
# What the text holds; everything else of a recipe has fields.
_REST_KEYS = ("inference", "regions", "positions", "shelf")
_EMPTY_ROWS = 3


@dataclass(frozen=True)
class FieldProblem:
    """`field` is the id of an input of the form."""

    field: str
    text: str


@dataclass(frozen=True)
class RecipeForm:
    """What stands in the form.

    Attributes:
        classes: rows of name and min_score.
        limits: rows of class, quantity, warn and fail.
        rest: YAML.
    """

    name: str
    fields: Mapping[str, str]
    classes: Sequence[Mapping[str, str]]
    limits: Sequence[Mapping[str, str]]
    rest: str
    problems: Sequence[FieldProblem] = field(default=())

    def problems_at(self, name: str) -> list[str]:
        return [problem.text for problem in self.problems if problem.field == name]


def of_recipe(recipe: Recipe) -> RecipeForm:
    """The form of a recipe, with some empty rows to add to."""
    body = recipe.model_dump(mode="json")
    fields = {name: _text(_value(body, name)) for name in FIELDS}
    classes = [
        {"name": name, "min_score": _text(rule.min_score)} for name, rule in recipe.classes.items()
    ]
    limits = [
        {
            "class": name,
            "quantity": quantity,
            "warn": _text(limit.warn),
            "fail": _text(limit.fail),
        }
        for name, rule in recipe.classes.items()
        for quantity, limit in rule.limits.items()
    ]
    rest = recipe.model_dump(mode="json", exclude_defaults=True, include=set(_REST_KEYS))
    text = (
        yaml.safe_dump(rest, sort_keys=False, allow_unicode=True, default_flow_style=None, width=96)
        if rest
        else ""
    )
    return RecipeForm(recipe.name, fields, _padded(classes), _padded(limits), text)


def of_request(name: str, form: MultiDict[str, str]) -> RecipeForm:
    """What was typed, as it was typed."""
    classes = _rows(form, "class", ("name", "min_score"))
    limits = _rows(form, "limit", ("class", "quantity", "warn", "fail"))
    return RecipeForm(
        name,
        {each: form.get(each, "").strip() for each in FIELDS},
        _padded(classes),
        _padded(limits),
        form.get(REST, "").replace("\r\n", "\n"),
    )


def read(form: RecipeForm, models_dirs: Sequence[Path]) -> Recipe | list[FieldProblem]:
    """The recipe of a form, or all that is wrong with it."""
    body: dict[str, Any] = {"name": form.name}
    where: dict[str, str] = {}
    problems: list[FieldProblem] = []
    for name in FIELDS:
        where[name] = name
        if text := form.fields[name]:
            _put(body, name, text)
    problems += _read_classes(form, body, where)
    lines = _read_rest(form.rest, body, problems)
    if problems:
        return problems
    try:
        recipe = Recipe.model_validate(body)
        # A host without any model cannot tell; then the worker does, and says model_missing.
        if list_models(models_dirs):
            RecipeFile(recipe, "", lines).check_model(models_dirs)
    except ValidationError as error:
        return [_at_field(problem, where) for problem in problems_of(error, lines)]
    except RecipeError as error:
        return [_at_field(problem, where) for problem in error.problems]
    return recipe


def _read_classes(
    form: RecipeForm, body: dict[str, Any], where: dict[str, str]
) -> list[FieldProblem]:
    problems = []
    classes: dict[str, dict[str, Any]] = {}
    for row, typed in enumerate(form.classes):
        name = typed["name"]
        if not name:
            if typed["min_score"]:
                expected = _("expected the class that this score is for")
                problems.append(FieldProblem(f"class-name-{row}", expected))
            continue
        if name in classes:
            expected = _("expected each class once, %(name)s stands twice", name=name[:80])
            problems.append(FieldProblem(f"class-name-{row}", expected))
        classes[name] = {"min_score": typed["min_score"]} if typed["min_score"] else {}
        where[f"classes.{name}"] = f"class-name-{row}"
        where[f"classes.{name}.min_score"] = f"class-min_score-{row}"
    for row, typed in enumerate(form.limits):
        name, quantity = typed["class"], typed["quantity"]
        bounds = {key: typed[key] for key in ("warn", "fail") if typed[key]}
        if not bounds and (not name or not quantity):
            continue  # half a row without any bound says nothing yet
        if not name:
            expected = _("expected the class that this limit is for")
            problems.append(FieldProblem(f"limit-class-{row}", expected))
            continue
        if not quantity:
            expected = _("expected what is limited: a length, a width, an area or a count")
            problems.append(FieldProblem(f"limit-quantity-{row}", expected))
            continue
        limits = classes.setdefault(name, {}).setdefault("limits", {})
        if quantity in limits:
            expected = _("expected one limit for each class and quantity, this one stands twice")
            problems.append(FieldProblem(f"limit-quantity-{row}", expected))
        limits[quantity] = bounds
        where.setdefault(f"classes.{name}", f"limit-class-{row}")
        key = f"classes.{name}.limits.{quantity}"
        where |= {key: f"limit-fail-{row}", f"{key}.warn": f"limit-warn-{row}"}
    if classes:
        body["classes"] = classes
    return problems


def _read_rest(
    text: str, body: dict[str, Any], problems: list[FieldProblem]
) -> dict[nodes.Path, int]:
    if not text.strip() or all(
        not line.strip() or line.lstrip().startswith("#") for line in text.splitlines()
    ):
        return {}
    try:
        document = nodes.read(text)
    except nodes.NotAllowed as error:
        problems.append(_of_rest(Problem(error.line, error.key, error.value, error.expected)))
        return {}
    for key in document.data:
        if key not in _REST_KEYS:
            line = document.lines[(key,)]
            expected = _(
                "one of %(keys)s; everything else has fields above", keys=", ".join(_REST_KEYS)
            )
            problems.append(_of_rest(Problem(line, key, "", expected)))
    body |= {key: value for key, value in document.data.items() if key in _REST_KEYS}
    return document.lines


def _at_field(problem: Problem, where: Mapping[str, str]) -> FieldProblem:
    """The problem at the field whose key is the longest beginning of its own."""
    keys = [
        key for key in where if problem.key == key or problem.key.startswith((f"{key}.", f"{key}["))
    ]
    if not keys:
        return _of_rest(problem)
    return FieldProblem(where[max(keys, key=len)], _told(problem))


def _of_rest(problem: Problem) -> FieldProblem:
    key = f"{problem.key}: " if problem.key else ""
    line = _("line %(line)d: ", line=problem.line) if problem.key or problem.line > 1 else ""
    return FieldProblem(REST, f"{line}{key}{_told(problem)}")


def _told(problem: Problem) -> str:
    if not problem.value:
        return str(_("expected %(expected)s", expected=problem.expected))
    got = {"expected": problem.expected, "value": problem.value}
    return str(_("expected %(expected)s, got %(value)s", **got))


def _rows(form: MultiDict[str, str], prefix: str, names: Sequence[str]) -> list[dict[str, str]]:
    columns = [form.getlist(f"{prefix}-{name}") for name in names]
    rows = [
        {name: value.strip() for name, value in zip(names, values, strict=True)}
        for values in zip(*columns, strict=False)
    ]
    return [row for row in rows if any(row.values())]


def _padded(rows: Iterable[Mapping[str, str]]) -> list[Mapping[str, str]]:
    found = list(rows)
    keys = ("class", "quantity", "warn", "fail", "name", "min_score")
    return found + [dict.fromkeys(keys, "") for _row in range(_EMPTY_ROWS)]


def _value(body: Mapping[str, Any], dotted: str) -> Any:
    found: Any = body
    for part in dotted.split("."):
        found = found[part]
    return found


def _put(body: dict[str, Any], dotted: str, value: str) -> None:
    *parts, last = dotted.split(".")
    for part in parts:
        body = body.setdefault(part, {})
    body[last] = value


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)
