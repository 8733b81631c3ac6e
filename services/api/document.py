"""The OpenAPI 3.1 document: what flask-openapi3 gathers, completed."""

import re
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, jsonify
from flask_openapi3.openapi import OpenAPI
from pydantic import BaseModel

from services.api.auth import PREFIX
from services.api.permissions import declared, for_everybody
from services.api.problems import MEDIA_TYPE, Problem

_REFERENCE = "#/components/schemas/"


def serve(app: OpenAPI, bodies: Sequence[type[BaseModel]]) -> None:
    """Serve the document; it is written once, when every resource is registered.

    Args:
        bodies: models of request bodies that views read by themselves.
    """
    document = _complete(app.api_doc, _permissions(app))
    for model in bodies:
        schema = model.model_json_schema(ref_template=_REFERENCE + "{model}")
        parts = schema.pop("$defs", {})
        document["components"]["schemas"].update({model.__name__: schema} | parts)
    blueprint = Blueprint("document", __name__)

    @blueprint.get(f"{PREFIX}/openapi.json")
    @for_everybody
    def openapi() -> Response:
        return jsonify(document)

    app.register_blueprint(blueprint)


def _permissions(app: OpenAPI) -> dict[tuple[str, str], str]:
    """What each operation asks for, by its path in the document and its method."""
    found: dict[tuple[str, str], str] = {}
    for rule in app.url_map.iter_rules():
        permission = declared(app, rule.endpoint)
        if permission is not None:
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            found |= {(path, method.lower()): permission.value for method in rule.methods or ()}
    return found


def _complete(document: dict[str, Any], permissions: dict[tuple[str, str], str]) -> dict[str, Any]:
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        # Pydantic's local definitions have become components of their own.
        schema.pop("$defs", None)
    reference = {"schema": {"$ref": _REFERENCE + Problem.__name__}}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _tidy(operation)
            _tell_permission(operation, permissions.get((path, method)))
            _loosen(operation, schemas)
            answers = operation["responses"]
            for status in _always(path):
                answers.setdefault(status, {"description": _ALWAYS[status]})
            for status, answer in answers.items():
                if int(status) >= 400 and path.startswith(PREFIX):
                    answer["content"] = {MEDIA_TYPE: reference}
            operation["responses"] = dict(sorted(answers.items()))
    return document


def _tidy(operation: dict[str, Any]) -> None:
    """Docstrings as Markdown, and parameters that are left out instead of null."""
    operation["description"] = operation.get("description", "").replace("<br/>", "\n").strip()
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        if schema.get("default", "") is None:
            del schema["default"]
            kinds = [kind for kind in schema.pop("anyOf", ()) if kind.get("type") != "null"]
            for kind in kinds:
                schema.update(kind)


def _tell_permission(operation: dict[str, Any], permission: str | None) -> None:
    if permission is None:
        return
    operation["x-permission"] = permission
    told = f"Asks for the permission `{permission}`."
    operation["description"] = f"{operation['description']}\n\n{told}".strip()
    operation["responses"].setdefault("403", {"description": "The token lacks the permission"})


def _loosen(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """A body in which everything may be left out may be left out itself."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = schemas.get(content["schema"]["$ref"].removeprefix(_REFERENCE))
        if schema is not None and not schema.get("required"):
            operation["requestBody"]["required"] = False


_ALWAYS = {
    "401": "The token is missing, unknown, expired or revoked",
    "422": "A value is not as expected",
    "500": "A defect of ours",
    "503": "The database cannot be reached",
}


def _always(path: str) -> tuple[str, ...]:
    return tuple(_ALWAYS) if path.startswith(PREFIX) else ()
