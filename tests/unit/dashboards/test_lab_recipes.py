"""Editing, comparing, trying and activating recipes in the lab."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from dashboards import DashboardValues, create_app
from dashboards.lab_places import LabPlaces
from db.access import Role
from db.engine import Database
from db.frames import FrameStore
from db.models import RecipeActivation, RecipeTrial, RecipeVersion, Station
from db.queries import recipe_drafts, recipe_trials, recipes, stations
from db.queries.people import Grant
from inspection.decode import encode_jpeg
from inspection.drawing.surfaces import draw_surface
from inspection.recipe import Recipe
from tests import factories
from tests.factories import Found
from tests.signed_in import sign_in
from tests.unit.dashboards.conftest import NOW, SAME_SITE, ToldEvents

NASTY = "<script>alert(1)</script>"
BODY: dict[str, Any] = {
    "name": "tile",
    "model": "surface-starter",
    "classes": {"crack": {"limits": {"length_mm": {"warn": 2.0, "fail": 3.0}}}},
}


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return from_here(sign_in(app))


def from_here(client: FlaskClient) -> FlaskClient:
    """A client that says, as browsers do, that its forms come from our own pages."""
    client.environ_base |= {
        f"HTTP_{name.upper().replace('-', '_')}": value for name, value in SAME_SITE.items()
    }
    return client


@pytest.fixture
def station(database: Database) -> Station:
    """A station with version 1 of `tile` active."""
    with database.sessions.begin() as session:
        station = factories.make_station(session, key="station-a", name="Station A")
        version, _ = recipes.draft(session, Recipe.model_validate(BODY))
        recipes.activate(session, "station-a", version.id)
        stations.add_calibration(session, "station-a", 0.06)
    return station


@pytest.fixture
def inspected(database: Database, store: FrameStore, station: Station) -> None:
    """Five images with a crack of 4.8 mm, which fail, and five that pass."""
    import numpy as np

    drawn = draw_surface(np.random.default_rng(1), (160, 120), [], texture="concrete")
    image = store.put(encode_jpeg(drawn.image_rgb), "jpg")
    with database.sessions.begin() as session:
        at_station = session.get_one(Station, station.id)
        camera = factories.make_camera(session, at_station, key="camera-a")
        for number in range(10):
            failed = number % 2 == 0
            factories.decide(
                session,
                camera,
                "fail" if failed else "pass",
                found=[Found()] if failed else [],
                captured_at=NOW - timedelta(seconds=number),
                image=image,
                recipe_version_id=at_station.recipe_version_id,
            )


def newest(database: Database, name: str = "tile") -> RecipeVersion:
    with database.reads() as session:
        return recipe_drafts.newest_named(session, name)


def form_of(client: FlaskClient, **changed: Any) -> dict[str, Any]:
    """What a browser sends of the edit page, with some fields typed over."""
    from html.parser import HTMLParser

    html = client.get("/lab/recipes/tile/edit").text
    fields: dict[str, Any] = {}

    class Reader(HTMLParser):
        select = ""

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            values = dict(attrs)
            if tag == "input" and values.get("name"):
                fields.setdefault(values["name"], []).append(values.get("value") or "")
            if tag == "select":
                self.select = values["name"]
                fields.setdefault(self.select, []).append("")
            if tag == "option" and self.select and "selected" in values:
                fields[self.select][-1] = values["value"]

        def handle_endtag(self, tag: str) -> None:
            if tag == "select":
                self.select = ""

    Reader().feed(html)
    fields["rest"] = [""]
    for name, value in changed.items():
        fields[name.replace("__", ".").replace("_of", "")] = value
    return fields


def test_an_edit_is_the_next_version_as_a_draft(
    client: FlaskClient, database: Database, station: Station
) -> None:
    fields = form_of(client)
    assert fields["limit-fail"][0] == "3"
    fields["limit-fail"][0] = "2.5"
    fields["limit-class"][1] = "pit"
    fields["limit-quantity"][1] = "count"
    fields["limit-warn"][1] = "1"
    fields["frames.trigger.kind"] = ["interval"]
    fields["rest"] = ["regions:\n- {name: left, polygon: [[0, 0], [0.5, 0], [0.5, 1]]}\n"]
    answer = client.post("/lab/recipes/tile/edit", data=fields)
    version = newest(database)
    assert answer.headers["Location"] == f"/lab/versions/{version.id}"
    assert (version.version, version.state) == (2, "draft")
    body = Recipe.model_validate(version.body)
    assert body.classes["crack"].limits["length_mm"].fail == 2.5
    assert body.classes["pit"].limits["count"].warn == 1
    assert body.frames.trigger.kind == "interval"
    assert [region.name for region in body.regions] == ["left"]
    page = client.get("/lab/recipes/tile/differences").text
    assert "classes.crack.limits.length_mm.fail" in page
    assert "<del>3</del>" in page
    assert "<ins>2.5</ins>" in page


def test_a_form_that_was_not_changed_makes_no_version(
    client: FlaskClient, database: Database, station: Station
) -> None:
    client.post("/lab/recipes/tile/edit", data=form_of(client))
    assert newest(database).version == 1


@pytest.mark.parametrize(
    ("field", "row", "value", "said"),
    [
        ("limit-fail", 0, "abc", "expected a valid number"),
        ("limit-fail", 0, "1", "expected warn &lt;= fail"),
        ("limit-fail", 0, "-1", "greater than or equal to 0"),
        ("limit-class", 0, "crak", "did you mean &#39;crack&#39;"),
        ("limit-class", 1, "pit", "expected what is limited"),
        ("class-min_score", 1, "0.5", "expected the class that this score is for"),
        ("class-min_score", 0, "2", "less than or equal to 1"),
        ("model", 0, "nope", "expected a model that is here"),
        ("frames.trigger.n", 0, "0", "greater than or equal to 1"),
        ("frames.policy", 0, "never", "expected one of latest, every"),
        ("decision.k", 0, "nan", "expected a finite number"),
        ("description", 0, "x" * 10_000, "at most 1000 characters"),
        ("rest", 0, "regions: [", "expected well-formed YAML"),
        ("rest", 0, "a: 1\nmodel: x", "everything else has fields above"),
        ("rest", 0, "regions:\n- {name: a, polygon: [[0, 0]]}", "line 2: regions[0].polygon"),
        ("rest", 0, "shelf: {motion: 7}", "line 1: shelf.motion"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    client: FlaskClient,
    database: Database,
    station: Station,
    field: str,
    row: int,
    value: str,
    said: str,
) -> None:
    fields = form_of(client)
    fields[field][row] = value
    fields["limit-warn"][0] = "0.75" if field != "limit-fail" else fields["limit-warn"][0]
    if field == "limit-class" and row == 1:
        fields["limit-fail"][1] = "9"
    answer = client.post("/lab/recipes/tile/edit", data=fields)
    assert answer.status_code == 400
    assert said in answer.text
    assert 'aria-invalid="true"' in answer.text
    if "\n" not in value:
        assert value in answer.text
    assert newest(database).version == 1


def test_html_is_shown_as_text(client: FlaskClient, database: Database, station: Station) -> None:
    fields = form_of(client)
    fields["description"] = [NASTY]
    answer = client.post("/lab/recipes/tile/edit", data=fields, follow_redirects=True)
    assert answer.status_code == 200
    fields["limit-class"][0] = NASTY
    refused = client.post("/lab/recipes/tile/edit", data=fields)
    for page in (answer, refused, client.get("/lab/recipes/tile/edit")):
        assert NASTY not in page.text
        assert "&lt;script&gt;" in page.text


def test_who_saves_second_is_told_and_overwrites_nothing(
    client: FlaskClient, database: Database, station: Station
) -> None:
    mine, theirs = form_of(client), form_of(client)
    theirs["discrepancies.resolve_after"] = ["7"]
    assert client.post("/lab/recipes/tile/edit", data=theirs).status_code == 303
    mine["limit-fail"][0] = "2.5"
    told = client.post("/lab/recipes/tile/edit", data=mine)
    assert told.status_code == 409
    assert "Somebody else has saved version 2" in told.text
    assert "discrepancies.resolve_after" in told.text  # what would change from theirs to mine
    assert 'value="2.5"' in told.text
    assert newest(database).version == 2
    mine["base"] = [str(newest(database).id)]
    assert client.post("/lab/recipes/tile/edit", data=mine).status_code == 303
    with database.reads() as session:
        bodies = {
            each.version: Recipe.model_validate(each.body)
            for each in recipe_drafts.versions_of(session, "tile")
        }
    assert bodies[2].discrepancies.resolve_after == 7
    assert bodies[3].classes["crack"].limits["length_mm"].fail == 2.5


def test_a_new_recipe_begins_with_a_model_or_as_a_copy(
    client: FlaskClient, database: Database, station: Station
) -> None:
    answer = client.post("/lab/recipes/new", data={"name": "b", "start": "model:surface-starter"})
    assert answer.headers["Location"] == "/lab/recipes/b/edit"
    assert (
        client.post("/lab/recipes/new", data={"name": "c", "start": "copy:tile"}).status_code == 303
    )
    assert newest(database, "c").body["classes"] == newest(database).body["classes"]
    for name, said in ((NASTY, "letters, digits"), ("tile", "no recipe has yet"), ("", "letters")):
        refused = client.post("/lab/recipes/new", data={"name": name, "start": "copy:tile"})
        assert refused.status_code == 400
        assert said in refused.text
        assert NASTY not in refused.text
    assert (
        client.post("/lab/recipes/new", data={"name": "d", "start": "copy:zz"}).status_code == 400
    )


def draft(database: Database, **values: Any) -> int:
    with database.sessions.begin() as session:
        version, _ = recipes.draft(session, Recipe.model_validate(BODY | values))
        return version.id


def test_a_change_of_limits_is_tried_at_once(
    client: FlaskClient, database: Database, station: Station, inspected: None
) -> None:
    softer = {"crack": {"limits": {"length_mm": {"warn": 4.0, "fail": 9.0}}}}
    page = client.get(f"/lab/versions/{draft(database, classes=softer)}/try?station=station-a")
    assert "5 verdicts of 10 would change" in page.text
    assert page.text.count("/overlays/") == 5
    assert "inspected anew" not in page.text
    same = client.get(f"/lab/versions/{newest(database).id}/try?station=station-a")
    assert "5 verdicts of 10 would change" in same.text


def test_what_takes_long_is_tried_request_by_request(
    database: Database, store: FrameStore, events: ToldEvents, station: Station, inspected: None
) -> None:
    hurried = DashboardValues(
        database, store, events, "redis://127.0.0.1:1/0", b"secret" * 6, lab=LabPlaces(try_s=0)
    )
    client = from_here(sign_in(create_app(hurried)))
    # Nobody measured a width then: each mask is measured now.
    wider = {"crack": {"limits": {"max_width_px": {"fail": 999}, "length_mm": {"fail": 9.0}}}}
    address = f"/lab/versions/{draft(database, classes=wider)}"
    first = client.get(f"{address}/try?station=station-a").text
    assert "1 of 10 images so far" in first
    assert "data-poll-ms" in first
    assert "8 more have not been tried" in client.get(f"{address}/activate?station=station-a").text
    for done in range(3, 10):
        part = client.get(f"{address}/parts/tried?station=station-a").text
        assert f"{done} of 10 images so far" in part
    whole = client.get(f"{address}/parts/tried?station=station-a").text
    assert "so far" not in whole
    assert "data-poll-ms" not in whole
    assert "5 verdicts of 10 would change" in whole


def test_another_model_has_to_inspect_the_images_anew_by_a_worker(
    client: FlaskClient, database: Database, station: Station, inspected: None
) -> None:
    version_id = draft(database, model="classical-threshold", classes={})
    address = f"/lab/versions/{version_id}/try"
    page = client.get(f"{address}?station=station-a").text
    assert "10 images have to be inspected anew" in page
    assert client.post(address, data={"station": "station-a"}).status_code == 303
    assert client.post(address, data={"station": "station-a"}).status_code == 303  # is the same one
    with database.reads() as session:
        (trial,) = session.scalars(select(RecipeTrial))
    assert len(trial.acquisition_ids) == 10
    assert "0 of 10 images" in client.get(f"{address}?station=station-a").text
    with database.sessions.begin() as session:
        step = recipe_trials.next_step(session, images=10)
        assert step is not None
        found = [
            {"acquisition_id": id_, "verdict": "fail", "detail": "hole"}
            for id_ in step.acquisition_ids
        ]
        assert recipe_trials.next_step(session, images=10) is None  # it is leased
        assert not recipe_trials.write_step(session, trial.id, found)
    done = client.get(f"/lab/versions/{version_id}/parts/tried?station=station-a").text
    assert "5 verdicts of 10 would change" in done
    assert "have to be inspected anew" not in done


def test_activating_and_rolling_back_ask_once_more_and_say_what_changes(
    client: FlaskClient, database: Database, station: Station, events: ToldEvents
) -> None:
    first = newest(database).id
    second = draft(database, description="the second")
    asked = client.get(f"/lab/versions/{second}/activate?station=station-a")
    assert "the second" in asked.text
    form = {"station": "station-a", "seen": str(first)}
    answer = client.post(f"/lab/versions/{second}/activate", data=form)
    assert answer.headers["Location"] == "/lab/stations/station-a"
    assert events.told[-1]["type"] == "station"
    page = client.get("/lab/stations/station-a").text
    assert "Roll back to tile version 1" in page
    # Somebody whose page is old is told, and nothing changes.
    late = client.post(f"/lab/versions/{first}/activate", data=form)
    assert late.status_code == 409
    with database.reads() as session:
        assert session.get_one(Station, station.id).recipe_version_id == second
    back = client.post(f"/lab/versions/{first}/activate", data=form | {"seen": str(second)})
    assert back.status_code == 303
    with database.reads() as session:
        assert session.get_one(Station, station.id).recipe_version_id == first
        by = session.scalars(select(RecipeActivation).order_by(RecipeActivation.id)).all()
    assert [each.recipe_version_id for each in by] == [first, second, first]
    assert by[-1].activated_by.startswith("Ada")
    assert "Roll back to tile version 2" in client.get("/lab/stations/station-a").text


def test_an_engineer_of_another_line_activates_nothing_here(
    app: Any, database: Database, station: Station
) -> None:
    with database.sessions.begin() as session:
        other = factories.make_line(session, key="other")
    client = from_here(sign_in(app, Grant(Role.ENGINEER, line_id=other.id)))
    version_id = newest(database).id
    assert client.get("/lab/stations/station-a").status_code == 404
    assert client.get(f"/lab/versions/{version_id}/try?station=station-a").status_code == 404
    form = {"station": "station-a", "seen": str(version_id)}
    assert client.post(f"/lab/versions/{version_id}/activate", data=form).status_code == 404
    assert "Station A" not in client.get("/lab/recipes").text
    operator = sign_in(app, Grant(Role.OPERATOR))
    assert operator.get("/lab/recipes").status_code == 403


def test_regions_are_drawn_into_the_next_draft(
    client: FlaskClient, database: Database, station: Station, inspected: None
) -> None:
    page = client.get("/lab/recipes/tile/regions").text
    assert "/images/" in page
    base = newest(database).id
    form = {"base": base, "name": ["weld", ""], "shape": ["10,40 90,40 90,60", ""]}
    assert client.post("/lab/recipes/tile/regions", data=form).status_code == 303
    assert newest(database).body["regions"] == [
        {"name": "weld", "polygon": [[0.1, 0.4], [0.9, 0.4], [0.9, 0.6]]}
    ]
    late = client.post("/lab/recipes/tile/regions", data=form)
    assert late.status_code == 409
    assert "10,40 90,40 90,60" in late.text
    for shape, said in (
        ("10,40 90,40", "expected 3 to 200 corners, got 2"),
        ("10,40 90,x 1,1", "corner 2: expected x,y"),
        ("10,40 90,140 1,1", "corner 2: expected 0 to 100"),
    ):
        wrong = form | {"base": newest(database).id, "shape": [shape, ""]}
        refused = client.post("/lab/recipes/tile/regions", data=wrong)
        assert refused.status_code == 400
        assert said in refused.text
        assert shape in refused.text


def test_a_planogram_is_begun_named_and_saved(
    client: FlaskClient, database: Database, station: Station
) -> None:
    learn = "/lab/recipes/tile/planogram/learn"
    grid = client.post(learn, data={"how": "grid", "rows": "2", "columns": "3"}).text
    assert "6 positions were made" in grid
    assert client.post(learn, data={"how": "grid", "rows": "x", "columns": "3"}).status_code == 400
    assert "expected a stored picture" in client.post(learn, data={"how": "found"}).text
    names = ("name", "fixture", "product", "class_name", "facings", "min_facings", "price")
    row = dict(zip(names, ("A1", "top", NASTY, "crack", "3", "2", "1.19"), strict=True))
    form = {name: [value] for name, value in row.items()} | {
        "rate_per_hour": [""],
        "shape": ["50,10 10,40"],
        "base": newest(database).id,
        "registration": "none",
    }
    assert client.post("/lab/recipes/tile/planogram", data=form).status_code == 303
    (position,) = Recipe.model_validate(newest(database).body).positions
    assert (position.box, position.facings, position.product) == ((0.1, 0.1, 0.5, 0.4), 3, NASTY)
    again = client.get("/lab/recipes/tile/planogram").text
    assert NASTY not in again
    form["base"], form["min_facings"] = newest(database).id, ["9"]
    refused = client.post("/lab/recipes/tile/planogram", data=form)
    assert refused.status_code == 400
    assert "min_facings &lt;= facings" in refused.text


def test_a_planogram_is_learned_from_what_was_found(
    client: FlaskClient, database: Database, station: Station, inspected: None
) -> None:
    # The first of the images, in which something was found; the newest shows nothing.
    learn = "/lab/recipes/tile/planogram/learn"
    page = client.post(f"{learn}?acquisition=1", data={"how": "found"}).text
    assert "One position was made" in page
    assert "nothing was found" in client.post(learn, data={"how": "found"}).text


def test_models_say_what_they_are_and_where_they_are_used(
    client: FlaskClient, station: Station, tmp_path: Path
) -> None:
    assert "Station A" in client.get("/lab/models").text
    page = client.get("/lab/models/surface-starter").text
    assert "crack" in page
    assert "Its card" in page
    assert client.get("/lab/models/nope").status_code == 404
