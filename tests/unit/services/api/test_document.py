"""The OpenAPI document: 3.1, valid, complete."""

import json
import re

from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate


def test_the_document_is_valid_openapi_3_1(client: FlaskClient) -> None:
    answer = client.get("/api/v1/openapi.json", headers={"Authorization": ""})
    assert answer.json is not None
    assert answer.json["openapi"].startswith("3.1")
    validate(answer.json)


def test_every_reference_leads_somewhere(client: FlaskClient) -> None:
    document = client.get("/api/v1/openapi.json").json
    assert document is not None
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert {"Problem", "Recipe", "PushedFrame"} <= names
    assert names <= set(document["components"]["schemas"])


def test_every_route_is_in_it(app: Flask, client: FlaskClient) -> None:
    document = client.get("/api/v1/openapi.json").json
    assert document is not None
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    told = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert served - told == {("/api/v1/openapi.json", "get")}
    assert told <= served


def test_operations_are_named_once_and_ask_for_the_token(client: FlaskClient) -> None:
    document = client.get("/api/v1/openapi.json").json
    assert document is not None
    names = []
    for path, methods in document["paths"].items():
        for operation in methods.values():
            names.append(operation["operationId"])
            assert (operation.get("security") == [{"bearer": []}]) == path.startswith("/api/v1")
    assert len(names) == len(set(names))


def test_the_recipe_schema_keeps_the_names_of_the_quantities(client: FlaskClient) -> None:
    document = client.get("/api/v1/openapi.json").json
    assert document is not None
    limits = document["components"]["schemas"]["ClassRule"]["properties"]["limits"]
    assert "length_mm" in limits["propertyNames"]["enum"]
