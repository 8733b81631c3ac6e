"""Review queue and threshold studio without a browser's scripts."""

from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from db.access import Role
from db.engine import Database
from db.models import Reading, RecipeVersion, Review, ReviewItem, ReviewSampling
from db.queries import recipes
from db.queries.people import Grant
from inspection.recipe import Recipe
from tests import factories
from tests.factories import Found
from tests.signed_in import sign_in
from tests.unit.dashboards.conftest import SAME_SITE, ToldEvents

IMAGE = SimpleNamespace(key="k", sha256="0" * 64)
NASTY = "<script>alert(1)</script>"
BODY: dict[str, Any] = {
    "name": "studio",
    "model": "m",
    "classes": {"crack": {"min_score": 0.5, "limits": {"length_px": {"fail": 60.0}}}},
}


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    client = sign_in(app, Grant(Role.ENGINEER), name="Emil")
    client.environ_base |= {f"HTTP_{k.upper().replace('-', '_')}": v for k, v in SAME_SITE.items()}
    return client


@pytest.fixture
def planted(database: Database) -> dict[str, int]:
    with database.sessions.begin() as session:
        station = factories.make_station(session, key="press")
        version, _new = recipes.draft(session, Recipe.model_validate(BODY))
        recipes.activate(session, "press", version.id)
        camera = factories.make_camera(session, station)
        found = [Found(score=0.55, measurements=[("length", 80, "px", None, 60)])]
        failed = factories.decide(session, camera, "fail", found=found, image=IMAGE)
        passed = factories.decide(session, camera, "pass", image=IMAGE)
        item = ReviewItem(
            inspection_id=failed.id,
            station_id=station.id,
            reason="false_call",
            priority=0.9,
            detail=NASTY,
        )
        blind = ReviewItem(
            inspection_id=passed.id,
            station_id=station.id,
            reason="random",
            priority=0.5,
            probability=0.5,
            blind=True,
        )
        session.add_all([item, blind])
        session.flush()
        return {"item": item.id, "blind": blind.id, "version": version.id}


def test_the_list_says_why_and_leaves_out_what_is_blind(
    client: FlaskClient, planted: dict[str, int]
) -> None:
    page = client.get("/lab/queue").text
    assert "One picture." in page
    assert "&lt;script&gt;" in page
    assert NASTY not in page
    assert "0 of 1 drawn have been looked at" in page
    assert "Nothing to look at" in client.get("/lab/queue?reason=missed").text
    for wrong in ("reason=boredom", "state=gone", "offset=x"):
        assert client.get(f"/lab/queue?{wrong}").status_code == 400, wrong
    assert client.get("/lab/queue?station=none").status_code == 404


def test_a_word_tells_the_screens(
    client: FlaskClient, planted: dict[str, int], database: Database, events: ToldEvents
) -> None:
    path = f"/lab/queue/{planted['item']}"
    back = {"back": "/lab/queue?station=press"}
    assert client.post(f"{path}/confirm", data={"word": "fine"}).status_code == 400
    skipped = client.post(f"{path}/skip", data=back)
    assert skipped.headers["Location"] == "/lab/queue?station=press"
    assert f"/lab/queue/{planted['item']}/reopen" in client.get("/lab/queue").text
    assert (
        client.post(f"{path}/reopen", data={"back": "//evil.example"})
        .headers["Location"]
        .endswith("/lab/queue")
    )
    assert client.post(f"{path}/confirm", data={"word": "good"}).status_code == 303
    assert [event["type"] for event in events.told] == ["decision"]
    assert client.post(f"{path}/confirm", data={"word": "good"}).status_code == 409
    with database.reads() as session:
        assert [row.verdict for row in session.scalars(select(Review))] == ["false_call"]


def test_blind_shows_the_picture_alone(
    client: FlaskClient, planted: dict[str, int], database: Database
) -> None:
    page = client.get("/lab/queue/blind").text
    assert "Is the part good or bad?" in page
    assert "PASS" not in page
    path = f"/lab/queue/{planted['blind']}/read"
    assert client.post(path, data={"word": "bad"}).status_code == 303
    assert client.post(path, data={"word": "bad"}).status_code == 400
    assert "Nothing waits for you" in client.get("/lab/queue/blind").text
    with database.reads() as session:
        assert [(row.actor, row.verdict) for row in session.scalars(select(Reading))] == [
            ("Emil", "bad")
        ]


def test_the_sample_is_set(
    client: FlaskClient, planted: dict[str, int], database: Database
) -> None:
    path = "/lab/stations/press/sampling"
    assert client.post(path, data={"per_day": "7,5", "blind_percent": "50"}).status_code == 303
    for wrong in ({"per_day": "many"}, {"per_day": "-1"}, {"per_day": "5", "blind_percent": "200"}):
        assert client.post(path, data=wrong).status_code == 400, wrong
    with database.reads() as session:
        row = session.scalars(select(ReviewSampling)).one()
        assert (row.per_day, row.share, row.blind_share) == (7.5, None, 0.5)


def test_the_studio_counts_by_its_form_and_saves(
    client: FlaskClient, planted: dict[str, int], database: Database
) -> None:
    path = "/lab/stations/press/thresholds"
    client.post(f"/lab/queue/{planted['item']}/confirm", data={"word": "good"})
    assert "none more or fewer" in client.get(path).text
    counted = client.get(f"{path}?score:crack=0.62").text
    # One in the one clock hour that results came in, in a shift of eight.
    assert "8 fewer" in counted
    assert "−8 … −8" in counted
    wrong = client.post(path, data={"score:crack": "2", "base": str(planted["version"])})
    assert wrong.status_code == 400
    assert "a number from 0 to 1" in wrong.text
    stale = client.post(path, data={"score:crack": "0.62", "base": "1"})
    assert stale.status_code == 409
    assert "saved meanwhile" in stale.text
    saved = client.post(path, data={"score:crack": "0.62", "base": str(planted["version"])})
    assert saved.status_code == 303
    with database.reads() as session:
        newest = session.scalars(select(RecipeVersion).order_by(RecipeVersion.id.desc())).first()
        assert newest is not None
        assert newest.body["classes"]["crack"]["min_score"] == 0.62  # type: ignore[index,call-overload]
    assert client.get(f"{path}?last=1001").status_code == 409


def test_operators_see_none_of_it(app: Flask, planted: dict[str, int]) -> None:
    client = sign_in(app, Grant(Role.OPERATOR), name="Olga")
    for path in ("/lab/queue", "/lab/queue/blind", "/lab/stations/press/thresholds"):
        assert client.get(path).status_code == 403, path
