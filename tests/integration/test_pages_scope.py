"""Whatever page is asked for and by which role: another line's things are unknown, and stay so."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from dashboards import DashboardValues, create_app
from dashboards.permissions import declared
from db.access import PERMISSIONS, Permission, Role
from db.base import Base
from db.engine import Database
from db.frames import open_store
from db.models import AlertChannel, AlertRule, CameraShot, RecipeTrial, ReviewItem
from db.queries import people, sign_ins
from db.queries.people import Grant
from db.queries.tokens import Place, create_token
from tests import factories
from tests.factories import Found
from tests.labelled import add_training
from tests.signed_in import SignedInClient, sign_in, sign_in_device
from tests.unit.dashboards.conftest import SAME_SITE, ToldEvents

# In every name of the other line, so that it is seen wherever it leaks.
ELSEWHERE = "Elsewhere-7Q"
# What is of no place, and is seen by whoever may ask for it at all.
OF_NO_PLACE = {"recipe", "version_id", "model"}
# Written when somebody signs in, refuses or looks; what is theirs alone is not of the other line.
OWN_TABLES = {"audit_entry", "web_session", "one_time_link", "person", "role_grant"}


@pytest.fixture
def app(any_database: Database, tmp_path: Path) -> Flask:
    store, redis = open_store(str(tmp_path / "frames")), "redis://127.0.0.1:1/0"
    return create_app(DashboardValues(any_database, store, ToldEvents(), redis, b"secret" * 6))


def plant(database: Database, name: str) -> dict[str, Any]:
    """One of everything at a line, by the names of its ids in addresses."""
    with database.sessions.begin() as session:
        site = factories.make_site(session, key=f"{name}-site".lower(), name=name)
        line = factories.make_line(session, site, key=f"{name}-line".lower(), name=name)
        shelf = factories.make_line(
            session, site, key=f"{name}-shelf".lower(), name=name, kind="shelf"
        )
        station = factories.make_station(session, line, key=f"{name}-st".lower(), name=name)
        camera = factories.make_camera(session, station, key=f"{name}-cam".lower(), name=name)
        inspection = factories.decide(
            session, camera, "fail", found=[Found(place=name)], detail=name
        )
        discrepancy = factories.make_discrepancy(session, inspection, place=name, detail=name)
        channel = AlertChannel(key=name, name=name, kind="webhook", shown=name, line_id=line.id)
        rule = AlertRule(name=name, line_id=line.id)
        shot = CameraShot(camera_id=camera.id)
        trial = RecipeTrial(
            recipe_version_id=inspection.recipe_version_id,
            station_id=station.id,
            acquisition_ids=[inspection.acquisition_id],
        )
        snapshot, training_run = add_training(session, station, name)
        device, _code = sign_ins.add_device(session, line.key, name)
        token, _text = create_token(
            session, name, "operator", Place(line_id=line.id), created_by=name
        )
        person = people.create_person(session, f"{name} person", [Grant(Role.ADMIN, None, line.id)])
        item = ReviewItem(
            inspection_id=inspection.id,
            station_id=station.id,
            reason="random",
            priority=0.5,
            probability=0.5,
            detail=name,
            blind=True,
        )
        session.add_all([channel, rule, shot, trial, item])
        session.flush()
        gate, flip = factories.make_gate(session, inspection, by=name)
        return {
            "gate_id": gate.id,
            "shadow_id": factories.make_shadow(session, inspection, started_by=name).id,
            "flip_id": flip.id,
            "image_id": factories.make_labelled_image(session, station, name=f"{name}.jpg").id,
            "site": site.key,
            "line": line.key,
            "shelf": shelf.key,
            "station": station.key,
            "camera": camera.key,
            "station_id": station.id,
            "inspection_id": inspection.id,
            "acquisition_id": inspection.acquisition_id,
            "discrepancy_id": discrepancy.id,
            "channel_id": channel.id,
            "rule_id": rule.id,
            "delivery_id": 1,
            "shot_id": shot.id,
            "snapshot_id": snapshot.id,
            "run_id": training_run.id,
            "item_id": item.id,
            "device_id": device.id,
            "token_id": token.id,
            "person_id": person.id,
            "grant_id": person.grants[0].id,
            "session_id": 10**6,  # nobody's: the first one is that of who asks
            "recipe": inspection.acquisition.recipe_version.recipe.name,
            "version_id": inspection.recipe_version_id,
            "model": "surface-starter",
            "kind": "png",
            "name": "summary",
            "action": "acknowledge",
            "token": "x" * 20,
            "asked": "x",
            "line_id": line.id,
            "shelf_id": shelf.id,
        }


REFS = {"lines": "line", "stations": "station", "shelves": "shelf", "stores": "site"}


def address(app: Flask, rule: Rule, ids: dict[str, Any]) -> str:
    values = {}
    for argument in rule.arguments:
        name = argument
        if argument == "ref":
            start = rule.rule.split("/")[1]
            name = REFS.get(start, "station" if "/station/" in rule.rule else "line")
        assert name in ids, f"{rule.rule}: what is <{argument}>? Say it in `plant`."
        values[argument] = ids[name]
    with app.test_request_context():
        built = rule.build(values)
    assert built is not None
    return str(built[1])


def rules(app: Flask) -> Iterator[tuple[Rule, str, Permission | None]]:
    for rule in app.url_map.iter_rules():
        permission = declared(app.view_functions[rule.endpoint])
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method, permission


def of_a_place(rule: Rule) -> bool:
    arguments = rule.arguments - {"name", "action", "kind", "asked", "token", "session_id"}
    return bool(arguments - OF_NO_PLACE)


def rows(database: Database) -> dict[str, list[Any]]:
    with database.reads() as session:
        return {
            table.name: sorted(map(repr, session.execute(select(table)).all()))
            for table in Base.metadata.sorted_tables
            if table.name not in OWN_TABLES
        }


def ask(client: SignedInClient, method: str, path: str) -> Any:
    if path == "/events":
        return None
    return client.open(path, method=method, headers=SAME_SITE, buffered=True)


def test_every_view_says_what_it_asks_for(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        declared(app.view_functions[rule.endpoint])


@pytest.mark.parametrize("role", list(Role))
def test_another_lines_things_are_unknown_to_every_role(
    app: Flask, any_database: Database, role: Role
) -> None:
    mine, other = plant(any_database, "Mine"), plant(any_database, ELSEWHERE)
    grants = [Grant(role, line_id=mine["line_id"]), Grant(role, line_id=mine["shelf_id"])]
    client = sign_in(app, *grants, name=f"Of mine, {role}")
    before = rows(any_database)
    leaks = []
    for rule, method, permission in rules(app):
        if permission is None:
            continue
        path = address(app, rule, other)
        answer = ask(client, method, path)
        if answer is None:
            continue
        allowed = permission in PERMISSIONS[role]
        expected = {404} if allowed else {403}
        if of_a_place(rule) and answer.status_code not in expected:
            leaks.append(f"{method} {path}: {answer.status_code}, expected {expected}")
        if method == "GET" and ELSEWHERE in re.sub(re.escape(path), "", answer.text):
            leaks.append(f"{method} {path}: says {ELSEWHERE}")
    assert not leaks, "\n".join(leaks)
    changed = {name for name, was in before.items() if rows(any_database)[name] != was}
    assert not changed


def test_ones_own_things_are_there(app: Flask, any_database: Database) -> None:
    mine = plant(any_database, "Mine")
    client = sign_in(app, Grant(Role.ADMIN, line_id=mine["line_id"]))
    for path in ("/lines/mine-line", "/stations/mine-st", f"/inspections/{mine['inspection_id']}"):
        assert client.get(path).status_code == 200, path


def test_a_screen_sees_its_line_alone_and_changes_nothing(
    app: Flask, any_database: Database
) -> None:
    mine, other = plant(any_database, "Mine"), plant(any_database, ELSEWHERE)
    client = sign_in_device(app, mine["line"])
    before = rows(any_database)
    for rule, method, permission in rules(app):
        if permission is None or rule.rule == "/events":
            continue
        for ids in (other, mine) if method == "POST" else (other,):
            path = address(app, rule, ids)
            answer = ask(client, method, path)
            if (method == "POST" and rule.rule != "/pin") or of_a_place(rule):
                assert answer.status_code in (403, 404), f"{method} {path}"
    assert rows(any_database) == before


@pytest.mark.parametrize("stations", ["other", "both"])
def test_events_of_another_line_are_not_told(
    app: Flask, any_database: Database, stations: str
) -> None:
    mine, other = plant(any_database, "Mine"), plant(any_database, ELSEWHERE)
    client = sign_in(app, Grant(Role.OPERATOR, line_id=mine["line_id"]))
    ids = [other["station_id"]] + ([mine["station_id"]] if stations == "both" else [])
    path = f"/events?stations={','.join(map(str, ids))}"
    assert client.get(path).status_code == 404


def test_nobody_gets_anything_but_the_sign_in(app: Flask, any_database: Database) -> None:
    mine = plant(any_database, "Mine")
    client = app.test_client()
    for rule, method, permission in rules(app):
        if permission is None:
            continue
        answer = client.open(address(app, rule, mine), method=method, headers=SAME_SITE)
        # Without a session no form's token is right either.
        assert answer.status_code in ((302, 401) if method == "GET" else (400,)), rule.rule
        assert "Mine" not in answer.text
