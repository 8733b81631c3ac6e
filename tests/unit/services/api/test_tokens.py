"""API tokens: shown once, kept as a hash, for a while, at a place, and gone when revoked."""

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from sqlalchemy import event, select

from db.access import Access, Actor, ActorKind, Permission, current
from db.base import utc_now
from db.engine import Database
from db.models import ApiToken, AuditEntry, Discrepancy, Line, Station
from db.queries.tokens import EVERYWHERE, Place, create_token
from services.api import create_app
from services.api.auth import GuardedApi
from services.api.pace import Pace
from services.api.permissions import needs
from services.api.values import ApiValues
from tests import factories

Make = Callable[..., dict[str, str]]


@pytest.fixture
def make(database: Database) -> Make:
    """Write a token; the header that presents it."""

    def write(role: str = "operator", place: Place = EVERYWHERE, **values: Any) -> dict[str, str]:
        with database.sessions.begin() as session:
            row, text = create_token(session, "the MES", role, place, created_by="Anna")
            for name, value in values.items():
                setattr(row, name, value)
        return {"Authorization": f"Bearer {text}"}

    return write


def test_a_token_is_shown_once_and_kept_as_a_hash(client: FlaskClient, database: Database) -> None:
    made = client.post("/api/v1/tokens", json={"name": "MES", "role": "operator", "days": 30})
    assert made.status_code == 201
    assert made.json is not None
    text = made.json["token"]
    assert text.startswith("ls_")
    assert len(text) >= 45
    with database.reads() as session:
        row = session.scalars(select(ApiToken)).one()
        entry = session.scalars(select(AuditEntry)).one()
    assert row.hash == hashlib.sha256(text.encode()).hexdigest()
    assert row.expires_at - row.created_at < timedelta(days=30, minutes=1)
    assert (entry.action, entry.object_kind, entry.actor_kind) == ("created", "api_token", "local")
    assert row.hash not in str(entry.after)
    assert text not in client.get("/api/v1/tokens").text + client.get("/api/v1/audit-log").text
    shown = client.get(made.headers["Location"]).json
    assert shown == {name: value for name, value in made.json.items() if name != "token"}
    assert client.get("/api/v1/stations", headers={"Authorization": f"Bearer {text}"}).json == {
        "items": [],
        "next": None,
    }


def test_unknown_expired_and_revoked_are_told_in_the_same_words(
    client: FlaskClient, make: Make
) -> None:
    now = utc_now()
    expired = make(expires_at=now)
    revoked = make(revoked_at=now)
    unknown = {"Authorization": "Bearer ls_" + "A" * 43}
    assert client.get("/api/v1/lines", headers=make()).status_code == 200
    answers = [client.get("/api/v1/lines", headers=each) for each in (expired, revoked, unknown)]
    assert [each.status_code for each in answers] == [401] * 3
    assert len({each.text for each in answers}) == 1
    assert "expired" in answers[0].text


def test_a_revoked_token_is_let_in_no_more(client: FlaskClient) -> None:
    made = client.post("/api/v1/tokens", json={"name": "MES", "role": "operator"})
    assert made.json is not None
    header = {"Authorization": f"Bearer {made.json['token']}"}
    assert client.get("/api/v1/lines", headers=header).status_code == 200
    for _twice in range(2):
        assert client.delete(made.headers["Location"]).status_code == 204
    assert client.get("/api/v1/lines", headers=header).status_code == 401
    shown = client.get(made.headers["Location"]).json
    assert shown is not None
    assert shown["state"] == "revoked"
    assert client.delete("/api/v1/tokens/999").status_code == 404


def test_its_use_is_noted_once_a_minute(
    client: FlaskClient, database: Database, make: Make
) -> None:
    header = make()
    writes: list[str] = []

    def keep(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("UPDATE"):
            writes.append(statement)

    event.listen(database.engine, "before_cursor_execute", keep)
    for _ in range(3):
        client.get("/api/v1/lines", headers=header)
    assert len(writes) == 1
    with database.sessions.begin() as session:
        row = session.scalars(select(ApiToken)).one()
        assert row.last_used_at is not None
        assert abs(utc_now() - row.last_used_at) < timedelta(minutes=1)
        row.last_used_at -= timedelta(minutes=1)
    writes.clear()
    client.get("/api/v1/lines", headers=header)
    assert len(writes) == 1
    with database.reads() as session:
        assert session.scalars(select(AuditEntry)).all() == []


def test_what_a_role_lacks_is_refused_by_name(client: FlaskClient, make: Make) -> None:
    answer = client.post("/api/v1/products", json={}, headers=make("operator"))
    assert answer.status_code == 403
    assert answer.json is not None
    assert "`lab`" in answer.json["detail"]
    assert client.get("/api/v1/tokens", headers=make("engineer")).status_code == 403
    assert client.get("/api/v1/tokens", headers=make("admin")).status_code == 200


def push(client: FlaskClient, ref: object, header: dict[str, str]) -> int:
    form = {"image": (io.BytesIO(b"\xff\xd8\xff"), "a.jpg")}
    return client.post(f"/api/v1/stations/{ref}/frames", data=form, headers=header).status_code


def test_a_cameras_token_pushes_at_its_own_station_and_does_nothing_else(
    app: Flask, client: FlaskClient, database: Database, make: Make
) -> None:
    with database.sessions.begin() as session:
        line = factories.make_line(session)
        own, sister = (factories.make_station(session, line) for _ in range(2))
        foreign = factories.make_station(session)
    of_station = make("push", Place(station_id=own.id))
    of_line = make("push", Place(line_id=line.id))
    for ref in (own.id, own.key):
        assert push(client, ref, of_station) == 202
    assert [push(client, each.id, of_station) for each in (sister, foreign)] == [404, 404]
    assert [push(client, each.id, of_line) for each in (own, sister, foreign)] == [202, 202, 404]
    assert push(client, foreign.id, make("push")) == 202
    refused = 0
    for rule in app.url_map.iter_rules():
        _, path = rule.build(dict.fromkeys(rule.arguments, str(own.id))) or ("", "")
        if path.startswith("/api/v1/") and not path.endswith(("/frames", "/openapi.json")):
            for method in rule.methods or ():
                status = client.open(path, method=method, headers=of_station).status_code
                assert status == 403, (method, path)
                refused += 1
    assert refused > 60


def test_a_token_that_pushes_too_fast_is_held_back_alone(
    values: ApiValues, database: Database, make: Make
) -> None:
    time_s = [0.0]
    pace = Pace(per_s=0.5, burst=2, clock=lambda: time_s[0])
    client = create_app(replace(values, push_pace=pace)).test_client()
    with database.sessions.begin() as session:
        station_id = factories.make_station(session).id
    fast, other = make("push"), make("push")
    assert [push(client, station_id, fast) for _ in range(3)] == [202, 202, 429]
    assert push(client, station_id, other) == 202
    assert client.get("/api/v1/lines", headers=make()).status_code == 200
    time_s[0] = 1.0
    form = {"image": (io.BytesIO(b"\xff\xd8\xff"), "a.jpg")}
    address = f"/api/v1/stations/{station_id}/frames"
    assert client.post(address, data=form, headers=fast).headers["Retry-After"] == "1"
    time_s[0] = 2.0
    assert [push(client, station_id, fast) for _ in range(2)] == [202, 429]


@pytest.mark.parametrize(("behind", "address"), [(False, "127.0.0.1"), (True, "192.0.2.7")])
def test_who_asks_is_what_the_front_says_where_there_is_one(
    values: ApiValues, database: Database, make: Make, behind: bool, address: str
) -> None:
    client = create_app(replace(values, behind_front=behind)).test_client()
    header = make("engineer") | {"X-Forwarded-For": "203.0.113.1, 192.0.2.7"}
    made = client.post("/api/v1/sites", json={"key": "n", "name": "N"}, headers=header)
    assert made.status_code == 201
    with database.reads() as session:
        assert session.scalars(select(AuditEntry.address)).all() == [address]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "x", "role": "king"}, 422),
        ({"name": " ", "role": "push"}, 422),
        ({"name": "x", "role": "push", "days": 0}, 422),
        ({"name": "x", "role": "push", "days": 4000}, 422),
        ({"name": "x", "role": "push", "line": "nowhere"}, 404),
        ({"name": "x", "role": "operator", "station": "S"}, 422),
        ({"name": "x", "role": "push", "station": "S", "line": "L"}, 422),
        ({"role": "push"}, 422),
    ],
)
def test_what_is_no_token_is_refused(
    client: FlaskClient, database: Database, body: dict[str, object], status: int
) -> None:
    with database.sessions.begin() as session:
        factories.make_station(session, factories.make_line(session, key="L"), key="S")
    assert client.post("/api/v1/tokens", json=body).status_code == status


def test_an_admin_of_a_line_makes_no_token_for_more(
    client: FlaskClient, database: Database, make: Make
) -> None:
    with database.sessions.begin() as session:
        mine, other = factories.make_line(session), factories.make_line(session)
    header = make("admin", Place(line_id=mine.id))
    make("admin", Place(line_id=other.id))

    def asked(**place: object) -> int:
        body = {"name": "x", "role": "operator"} | place
        return client.post("/api/v1/tokens", json=body, headers=header).status_code

    assert asked(line=mine.key) == 201
    assert asked(line=other.key) == 404
    assert asked(site=str(mine.site_id)) == 403
    assert asked() == 403
    listed = client.get("/api/v1/tokens", headers=header).json
    assert listed is not None
    assert {each["line_id"] for each in listed["items"]} == {mine.id}


def test_part_of_a_site_does_not_change_the_whole(
    client: FlaskClient, database: Database, make: Make
) -> None:
    with database.sessions.begin() as session:
        line = factories.make_line(session)
        shift = factories.make_shift(session, session.get_one(Line, line.id).site)
    part, whole = (
        make("engineer", Place(line_id=line.id)),
        make("engineer", Place(site_id=line.site_id)),
    )
    site = f"/api/v1/sites/{line.site_id}"
    asked: list[tuple[str, str, dict[str, object], int]] = [
        ("PATCH", site, {"name": "N"}, 200),
        ("POST", "/api/v1/lines", {"site": str(line.site_id), "key": "n", "name": "n"}, 201),
        ("POST", f"{site}/shifts", {"name": "n", "starts_at": "06:00", "ends_at": "07:00"}, 201),
        ("PATCH", f"/api/v1/shifts/{shift.id}", {"name": "m"}, 200),
        ("DELETE", f"/api/v1/shifts/{shift.id}", {}, 204),
    ]
    for method, path, body, _ in asked:
        answer = client.open(path, method=method, json=body, headers=part)
        assert answer.status_code == 403, (method, path)
    for method, path, body, status in asked:
        answer = client.open(path, method=method, json=body, headers=whole)
        assert answer.status_code == status, (method, path, answer.text)
    new = {"key": "new", "name": "New"}
    assert client.post("/api/v1/sites", json=new, headers=whole).status_code == 403
    assert client.post("/api/v1/sites", json=new, headers=make("engineer")).status_code == 201
    # The line that was just made belongs to the site, and needs no new token.
    assert client.get("/api/v1/lines/n", headers=whole).status_code == 200


def test_histories_say_which_token_acted(
    client: FlaskClient, database: Database, make: Make
) -> None:
    with database.sessions.begin() as session:
        ids = [factories.make_discrepancy(session).id for _ in range(3)]
    address = "/api/v1/discrepancies/{}/acknowledge"
    client.post(address.format(ids[0]), json={}, headers=make())
    client.post(address.format(ids[1]), json={"actor": "Bo"}, headers=make())
    client.post(address.format(ids[2]), json={})
    with database.reads() as session:
        actors = [session.get_one(Discrepancy, each).actor for each in ids]
    assert actors == ["the MES", "Bo (the MES)", "api"]


def test_a_place_that_is_removed_takes_its_tokens_with_it(
    client: FlaskClient, database: Database, make: Make
) -> None:
    with database.sessions.begin() as session:
        station = factories.make_station(session, key="S")
        line = session.get_one(Line, session.get_one(Station, station.id).line_id)
    headers = [
        make("push", Place(station_id=station.id)),
        make("operator", Place(line_id=line.id)),
        make("operator", Place(site_id=line.site_id)),
    ]
    for path in (f"stations/{station.id}", f"lines/{line.id}", f"sites/{line.site_id}"):
        assert client.delete(f"/api/v1/{path}").status_code == 204
    for header in headers:
        assert client.get("/api/v1/lines", headers=header).status_code == 401
    with database.reads() as session:
        removed = session.scalars(select(AuditEntry.object_kind).order_by(AuditEntry.id)).all()
    assert removed.count("api_token") == 3


def test_a_streamed_answer_is_asked_for_by_the_same_one_to_its_end(
    app: GuardedApi, client: FlaskClient, database: Database, make: Make
) -> None:
    with database.sessions.begin() as session:
        line_id = factories.make_line(session).id
    ended: list[Access | None] = []

    def parts() -> Iterator[str]:
        try:
            for _ in range(2):
                access = current()
                yield f"{sorted(access.lines or ()) if access else 'everything'};"
        finally:
            ended.append(current())

    @app.get("/api/v1/stream")
    @needs(Permission.VIEW)
    def stream() -> Response:
        return Response(parts())

    answer = client.get("/api/v1/stream", headers=make(place=Place(line_id=line_id)))
    assert answer.text == f"[{line_id}];[{line_id}];"
    assert ended[0] is not None
    assert ended[0].actor == Actor(ActorKind.TOKEN, 1, "the MES", "127.0.0.1")
    assert current() is None
