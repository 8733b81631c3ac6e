"""A recipe out of a request's body, JSON or YAML, with every problem named."""

from collections.abc import Iterable

from flask import request
from pydantic import ValidationError
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from inspection.model_folder import list_models
from inspection.recipe import Recipe
from inspection.recipes.file import RecipeError, RecipeFile, read_recipe
from inspection.recipes.problems import Problem, problems_of
from services.api.invalid import InvalidRequest
from services.api.requests import MAX_JSON_BYTES
from services.api.values import values

YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml")
_SOURCE = "the body"


def read_recipe_body() -> Recipe:
    """The recipe of the current request.

    Raises:
        InvalidRequest: a key or a value is not as expected, or the model is unknown here or does
            not know a class.
    """
    request.max_content_length = MAX_JSON_BYTES
    try:
        file = _read_yaml() if request.mimetype in YAML_TYPES else _read_json()
        # A host without any model cannot tell; then the worker does, and says model_missing.
        if list_models(values().models_dirs):
            file.check_model(values().models_dirs)
    except RecipeError as error:
        raise _named(error.problems, with_lines=request.mimetype in YAML_TYPES) from error
    return file.recipe


def _read_yaml() -> RecipeFile:
    try:
        return read_recipe(request.get_data().decode("utf-8-sig"), _SOURCE)
    except UnicodeDecodeError as error:
        raise BadRequest("Expected YAML in UTF-8.") from error


def _read_json() -> RecipeFile:
    if not request.is_json:
        raise UnsupportedMediaType("Expected application/json or application/yaml.")
    request.get_json()  # broken JSON is a 400, not a value that is not as expected
    try:
        recipe = Recipe.model_validate_json(request.get_data(), strict=True)
    except ValidationError as error:
        raise _named(problems_of(error, {}), with_lines=False) from error
    return RecipeFile(recipe, _SOURCE, {})


def _named(problems: Iterable[Problem], *, with_lines: bool) -> InvalidRequest:
    return InvalidRequest([(each.key, _told(each, with_lines)) for each in problems])


def _told(problem: Problem, with_lines: bool) -> str:
    where = f"line {problem.line}: " if with_lines else ""
    got = f"got {problem.value}, " if problem.value else ""
    return f"{where}{got}expected {problem.expected}"
