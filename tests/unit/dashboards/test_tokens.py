"""API tokens on their page: made, shown once, listed and revoked, by admins as far as they go."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from db.access import Role
from db.base import utc_now
from db.engine import Database
from db.models import ApiToken, AuditEntry
from db.queries import tokens
from db.queries.people import Grant
from db.queries.tokens import Place
from tests import factories
from tests.signed_in import sign_in
from tests.unit.dashboards.conftest import SAME_SITE

FORM = {"name": "MES of hall 2", "role": "operator", "place": "everywhere", "days": "90"}


@pytest.fixture
def station(database: Database) -> Any:
    with database.sessions.begin() as session:
        station = factories.make_station(session)
        assert station.line.site_id
        return station


def post(client: FlaskClient, path: str = "/tokens", **fields: str) -> Any:
    return client.post(path, data=fields, headers=SAME_SITE)


def all_tokens(database: Database) -> list[ApiToken]:
    with database.reads() as session:
        return list(session.scalars(select(ApiToken).order_by(ApiToken.id)))


def test_a_tokens_text_is_shown_once_and_lets_in(client: FlaskClient, database: Database) -> None:
    answer = post(client, **FORM)
    text = re.search(r'<code class="secret">(ls_[^<]+)<', answer.text)
    assert text is not None
    assert answer.headers["Cache-Control"] == "no-store"
    html = client.get("/tokens").text
    assert "MES of hall 2" in html
    assert text[1] not in html
    with database.reads() as session:
        found = tokens.find_token(session, text[1], utc_now())
        entries = session.scalars(select(AuditEntry)).all()
    assert found is not None
    assert (found.role, found.line_id, found.created_by[:3]) == ("operator", None, "Ada")
    assert timedelta(days=89) < found.expires_at - utc_now() < timedelta(days=91)
    assert any(entry.object_kind == "api_token" for entry in entries)
    assert text[1] not in str([vars(entry) for entry in entries])


def test_a_revoked_token_stays_listed_and_lets_nobody_in(
    client: FlaskClient, database: Database
) -> None:
    text = re.search(r">(ls_[^<]+)<", post(client, **FORM).text)
    assert text is not None
    answer = client.post("/tokens/1/revoke", headers=SAME_SITE, follow_redirects=True)
    assert "let in no more" in answer.text
    assert "revoked" in answer.text
    with database.reads() as session:
        assert tokens.find_token(session, text[1], utc_now()) is None
    assert client.post("/tokens/99/revoke", headers=SAME_SITE).status_code == 404


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": ""}, "1 to 100 characters"),
        ({"name": "x" * 101}, "1 to 100 characters"),
        ({"role": "king"}, "push or operator"),
        ({"days": "0"}, "1 to 3650"),
        ({"days": "-1"}, "1 to 3650"),
        ({"days": "many"}, "1 to 3650"),
        ({"place": "moon-1"}, "a place out of the list"),
        ({"place": ""}, "a place out of the list"),
        ({"place": "line-99"}, "There is no line 99"),
        ({"place": "station-1"}, "only push goes with it"),
    ],
)
def test_what_is_wrong_is_explained_and_kept_in_the_form(
    client: FlaskClient, database: Database, station: Any, fields: dict[str, str], expected: str
) -> None:
    answer = post(client, **FORM | fields)
    assert answer.status_code in (404, 422)
    assert expected in answer.text
    assert f'value="{(FORM | fields)["name"]}"' in answer.text
    assert all_tokens(database) == []


def test_a_camera_gets_a_token_of_its_station(
    client: FlaskClient, database: Database, station: Any
) -> None:
    answer = post(client, **FORM | {"role": "push", "place": f"station-{station.id}"})
    assert answer.status_code == 200
    assert station.name in answer.text
    assert [token.station_id for token in all_tokens(database)] == [station.id]


def test_an_admin_of_a_line_makes_tokens_of_it_and_sees_no_others(
    app: Flask, database: Database, station: Any
) -> None:
    line, site = station.line_id, station.line.site_id
    with database.sessions.begin() as session:
        tokens.create_token(session, "Of all", "admin", created_by="Root")
        tokens.create_token(session, "Of site", "push", Place(site_id=site), created_by="Root")
    mine = sign_in(app, Grant(Role.ADMIN, line_id=line))
    assert post(mine, **FORM | {"place": f"line-{line}"}).status_code == 200
    assert post(mine, **FORM).status_code == 422
    assert post(mine, **FORM | {"place": f"site-{site}"}).status_code == 404
    html = mine.get("/tokens").text
    assert "Of all" not in html
    assert "Of site" not in html
    assert mine.post("/tokens/1/revoke", headers=SAME_SITE).status_code == 404
    assert [token.revoked_at for token in all_tokens(database)] == [None] * 3


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.MANAGER, Role.ENGINEER])
def test_who_is_no_admin_makes_none(app: Flask, database: Database, role: Role) -> None:
    client = sign_in(app, Grant(role))
    assert client.get("/tokens").status_code == 403
    assert post(client, **FORM).status_code == 403
    assert all_tokens(database) == []


def test_many_tokens_come_in_pages(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        for number in range(53):
            tokens.create_token(session, f"Token {number:02}", "push", created_by="Root")
    first = client.get("/tokens").text
    assert "Token 52" in first
    assert "Token 02" not in first
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older is not None
    second = client.get(older[1]).text
    assert "Token 02" in second
    assert "Token 03" not in second
    assert client.get("/tokens?after=x").status_code == 400
