"""Recipes are drafted in versions and activated at stations, never edited in place."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from db.engine import Database
from tests.factories import make_station

YAML = """\
name: tile
model: classical-threshold
classes:
  defect:
    limits:
      length_px: {fail: 30}
"""
AS_JSON: dict[str, Any] = {
    "name": "tile",
    "model": "classical-threshold",
    "classes": {"defect": {"limits": {"length_px": {"fail": 30}}}},
}


def post_yaml(client: FlaskClient, text: str | bytes) -> TestResponse:
    return client.post("/api/v1/recipes", data=text, content_type="application/yaml")


def errors_of(answer: TestResponse) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    return [(error["pointer"], error["detail"]) for error in answer.json["errors"]]


def test_yaml_and_json_say_the_same(client: FlaskClient) -> None:
    first = post_yaml(client, YAML)
    assert first.status_code == 201
    again = client.post("/api/v1/recipes", json=AS_JSON)
    assert again.status_code == 200
    assert again.json == first.json
    changed = client.post("/api/v1/recipes", json=AS_JSON | {"description": "deeper"})
    assert changed.status_code == 201
    assert changed.json is not None
    assert (changed.json["version"], changed.json["state"]) == (2, "draft")
    location = client.get(changed.headers["Location"]).json
    assert location == changed.json


def test_a_wrong_recipe_names_line_key_and_value(client: FlaskClient) -> None:
    found = errors_of(post_yaml(client, YAML.replace("30", "-3") + "clases: {}\n"))
    assert len(found) == 2
    assert found[0][0] == "classes.defect.limits.length_px.fail"
    assert "line 6" in found[0][1]
    assert "-3" in found[0][1]
    assert found[1][0] == "clases"
    assert "line 7" in found[1][1]
    assert "did you mean 'classes'" in found[1][1]


def test_json_names_the_key_too(client: FlaskClient) -> None:
    found = errors_of(client.post("/api/v1/recipes", json=AS_JSON | {"clases": {}}))
    assert found[0][0] == "clases"


def test_an_unknown_model_or_class_is_refused(client: FlaskClient) -> None:
    for body in (AS_JSON | {"model": "classical-treshold"}, AS_JSON | {"model": "x" * 300}):
        assert errors_of(client.post("/api/v1/recipes", json=body))[0][0] == "model"
    found = errors_of(client.post("/api/v1/recipes", json=AS_JSON | {"classes": {"crack": {}}}))
    assert found[0][0].startswith("classes")
    assert "crack" in found[0][1]


def test_what_is_no_yaml_is_refused(client: FlaskClient) -> None:
    assert post_yaml(client, b"\xff\xfe\xff").status_code == 400
    assert post_yaml(client, "a: [").status_code == 422
    assert post_yaml(client, "!!python/object/apply:os.system ['true']").status_code == 422
    assert post_yaml(client, b"a" * 1_100_000).status_code == 413
    wrong = client.post("/api/v1/recipes", data=YAML, content_type="text/plain")
    assert wrong.status_code == 415


def test_a_version_that_no_station_uses_is_retired(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        one = make_station(session, recipe_version_id=None).key
        two = make_station(session, recipe_version_id=None).key
    first = post_yaml(client, YAML).json
    second = post_yaml(client, YAML.replace("30", "20")).json
    assert first is not None
    assert second is not None

    def activate(station: str, version_id: int) -> int:
        body = {"version_id": version_id}
        return client.put(f"/api/v1/stations/{station}/recipe", json=body).status_code

    def states() -> list[str]:
        recipe = client.get("/api/v1/recipes/tile").json
        assert recipe is not None
        return [version["state"] for version in recipe["versions"]]

    assert [activate(one, first["id"]), activate(two, first["id"])] == [200, 200]
    assert states() == ["active", "draft"]
    activate(one, second["id"])
    assert states() == ["active", "active"]
    activate(two, second["id"])
    assert states() == ["retired", "active"]
    activate(two, first["id"])  # rolled back
    assert states() == ["active", "active"]
    station = client.get(f"/api/v1/stations/{two}").json
    assert station is not None
    assert station["recipe"]["version"] == 1
    assert activate(one, 999) == 404
    assert activate("nowhere", first["id"]) == 404
