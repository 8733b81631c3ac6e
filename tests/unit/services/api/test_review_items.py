"""The review queue and the threshold studio over the API."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from db.base import utc_now
from db.engine import Database
from db.models import ReviewItem
from db.queries import recipes, reviews
from db.queries.reviews import ReviewVerdict
from inspection.recipe import Recipe
from tests import factories
from tests.factories import Found
from tests.unit.services.api.conftest import KeptEvents, TokenClient

IMAGE = SimpleNamespace(key="k", sha256="0" * 64)
BODY: dict[str, Any] = {
    "name": "studio",
    "model": "m",
    "classes": {"crack": {"min_score": 0.5, "limits": {"length_px": {"fail": 60.0}}}},
}


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    app.test_client_class = TokenClient
    return app.test_client()


@pytest.fixture
def plant(database: Database) -> dict[str, Any]:
    """A station with four inspections: two fail and are queued, one is blind, one passed."""
    with database.sessions.begin() as session:
        station = factories.make_station(session, key="press")
        version, _new = recipes.draft(session, Recipe.model_validate(BODY))
        recipes.activate(session, "press", version.id)
        camera = factories.make_camera(session, station)
        rows = []
        for number, verdict in enumerate(("fail", "fail", "pass", "pass")):
            found = [Found(score=0.55 + number, measurements=[("length", 80, "px", None, 60)])]
            rows.append(
                factories.decide(
                    session,
                    camera,
                    verdict,
                    found=found if verdict == "fail" else (),
                    image=IMAGE,
                    captured_at=utc_now() - timedelta(minutes=number),
                )
            )
        items = []
        for row, reason, blind in (
            (rows[0], "uncertain", False),
            (rows[1], "disagreement", False),
            (rows[2], "random", False),
            (rows[3], "random", True),
        ):
            item = ReviewItem(
                inspection_id=row.id,
                station_id=station.id,
                reason=reason,
                class_name="crack" if reason == "uncertain" else "",
                priority=0.9 if reason == "uncertain" else 0.5,
                probability=0.5 if reason == "random" else None,
                blind=blind,
            )
            session.add(item)
            items.append(item)
        session.flush()
        return {
            "items": [item.id for item in items],
            "inspections": [row.id for row in rows],
            "version": version.id,
        }


def test_the_queue_is_listed_and_filtered(client: FlaskClient, plant: dict[str, Any]) -> None:
    body = client.get("/api/v1/review-items?limit=2").json
    assert [each["id"] for each in body["items"]] == plant["items"][:2]
    assert (body["total"], body["next"]) == (3, "2")
    rest = client.get("/api/v1/review-items?limit=2&offset=2").json
    assert [each["id"] for each in rest["items"]] == plant["items"][2:3]
    assert rest["next"] is None
    only = client.get("/api/v1/review-items?station=press&reason=uncertain&class=crack").json
    assert [each["id"] for each in only["items"]] == plant["items"][:1]
    for wrong in ("reason=boredom", "state=gone", "limit=0", "offset=-1", "colour=red"):
        assert client.get(f"/api/v1/review-items?{wrong}").status_code == 422, wrong
    assert client.get("/api/v1/review-items?station=none").status_code == 404


def test_a_word_is_a_review_and_a_skip_is_taken_back(
    client: FlaskClient, plant: dict[str, Any], kept_events: KeptEvents
) -> None:
    failed, other, passed, _blind = (f"/api/v1/review-items/{id_}" for id_ in plant["items"])
    said = client.post(f"{failed}/confirm", json={"word": "good", "actor": "Ada"})
    assert (said.status_code, said.json["state"], said.json["closed_by"]) == (200, "done", "Ada")
    assert kept_events.events[0]["type"] == "decision"
    held = client.get(f"/api/v1/inspections/{plant['inspections'][0]}/reviews").json
    assert [each["verdict"] for each in held["items"]] == ["false_call"]
    assert client.post(f"{failed}/confirm", json={"word": "good"}).status_code == 409
    assert client.post(f"{other}/confirm", json={"word": "fine"}).status_code == 422
    missed = client.post(f"{passed}/confirm", json={"word": "bad"})
    assert missed.status_code == 422
    assert "the class of what was missed" in missed.json["detail"]
    assert client.post(f"{other}/skip", json={}).json["state"] == "skipped"
    assert client.post(f"{other}/reopen", json={}).json["state"] == "open"
    assert client.post(f"{other}/reopen", json={}).status_code == 409
    assert client.post("/api/v1/review-items/999/skip", json={}).status_code == 404


def test_two_read_blind_and_the_rates_follow(client: FlaskClient, plant: dict[str, Any]) -> None:
    waiting = client.get("/api/v1/review-blind").json
    assert waiting["waiting"] == 1
    # No verdict, no reason, no finding: the picture and nothing else.
    assert set(waiting["item"]) == {"id", "station_id", "acquisition_id"}
    path = f"/api/v1/review-items/{waiting['item']['id']}/readings"
    for who in ("Ada", "Ben"):
        assert client.post(path, json={"word": "good", "actor": who}).status_code == 200
    assert client.post(path, json={"word": "good", "actor": "Cleo"}).status_code == 409
    found = client.get("/api/v1/review-agreement?station=press").json["items"][0]
    assert (found["between"]["agreement"], found["with_model"]["things"]) == (1.0, 2)
    rates = client.get("/api/v1/stations/press/review-rates").json
    assert (rates["drawn"], rates["answered"]) == (2, 1)
    assert rates["false_calls"]["share"] == 0
    assert rates["false_calls"]["high"] == pytest.approx(0.975)
    assert rates["escapes"]["share"] is None


def test_the_sample_is_a_number_a_day_or_a_share(
    client: FlaskClient, plant: dict[str, Any]
) -> None:
    path = "/api/v1/stations/press/review-sampling"
    assert client.get(path).json == {"per_day": 20.0, "share": None, "blind_share": 0.2}
    new = {"per_day": None, "share": 0.01, "blind_share": 0.5}
    assert client.put(path, json=new).json == new
    assert client.get(path).json == new
    assert client.put(path, json={"per_day": 5, "share": 0.1}).status_code == 422
    assert client.put(path, json={"share": 1.5}).status_code == 422


def test_thresholds_are_counted_and_saved(
    client: FlaskClient, database: Database, plant: dict[str, Any]
) -> None:
    with database.sessions.begin() as session:
        reviews.say(session, plant["inspections"][0], ReviewVerdict.FALSE_CALL, "Ada")
    path = "/api/v1/stations/press/thresholds"
    asked = {"classes": {"crack": {"min_score": 0.62}}}
    found = client.post(path, json=asked)
    assert found.status_code == 200
    counted = found.json
    assert (counted["results"], counted["rejected_before"], counted["released"]) == (4, 2, 1)
    assert counted["false_calls"] == {"value": -1, "low": -1, "high": -1}
    assert counted["floors"] == {"crack": 0.5}
    for wrong in (
        {"classes": {"pit": {"min_score": 0.5}}},
        {"classes": {"crack": {"limits": {"length_mm": {"fail": 1}}}}},
        {"classes": {"crack": {"limits": {"length_px": {}}}}},
        {"classes": {"crack": {"limits": {"length_px": {"warn": 9, "fail": 3}}}}},
    ):
        assert client.post(path, json=wrong).status_code == 422, wrong
    assert client.post(path, json={"classes": {"crack": {"min_score": 2}}}).status_code == 422
    drafts = "/api/v1/stations/press/threshold-drafts"
    saved = client.post(drafts, json=asked | {"base_version_id": plant["version"]})
    assert (saved.status_code, saved.json["version"]) == (201, 2)
    body = client.get(saved.headers["Location"]).json["body"]
    assert body["classes"]["crack"]["min_score"] == 0.62
    assert client.post(drafts, json=asked | {"base_version_id": 1}).status_code == 409
    assert client.post(drafts, json=asked).status_code == 200
