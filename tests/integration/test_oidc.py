"""Sign-in through a real OpenID Connect provider, which runs in this test."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import oidc_provider_mock
import pytest
from flask import Flask
from flask.testing import FlaskClient

from dashboards import DashboardValues, create_app
from dashboards.people.oidc_settings import OidcSettings
from db import migrate
from db.access import Role
from db.engine import Database, connect
from db.frames import open_store
from db.queries import people, sign_ins
from db.queries.people import Grant
from tests.signed_in import sign_in
from tests.unit.dashboards.conftest import ToldEvents

BACK = "http://localhost/oidc/callback"


@pytest.fixture
def provider() -> Iterator[str]:
    with oidc_provider_mock.run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = connect(f"sqlite:///{tmp_path / 'lineside.sqlite3'}")
    migrate.upgrade(database.engine)
    yield database
    database.dispose()


def pages(database: Database, tmp_path: Path, issuer: str, *, allow_private: bool = True) -> Flask:
    settings = OidcSettings.model_construct(
        issuer=issuer,
        client_id="lineside",
        client_secret=OidcSettings(client_secret="a secret of both").client_secret,
        name="Works ID",
        allow_private=allow_private,
    )
    store = open_store(str(tmp_path / "frames"))
    redis = "redis://127.0.0.1:1/0"
    return create_app(
        DashboardValues(database, store, ToldEvents(), redis, b"secret" * 6, oidc=settings)
    )


def at_provider(location: str, subject: str) -> str:
    """What the browser does there: say who one is; gives the address back to us."""
    answer = httpx.post(location, data={"sub": subject}, follow_redirects=False)
    assert answer.status_code in (302, 303), answer.text
    back = answer.headers["Location"]
    assert back.startswith(BACK)
    return back.removeprefix("http://localhost")


def invited(database: Database) -> str:
    with database.sessions.begin() as session:
        person = people.create_person(session, "Olga", [Grant(Role.OPERATOR)])
        return sign_ins.make_link(session, person)


def test_an_invitation_joins_a_person_and_who_the_provider_knows(
    database: Database, tmp_path: Path, provider: str
) -> None:
    app = pages(database, tmp_path, provider)
    link = invited(database)
    first = app.test_client()
    assert "Use Works ID instead of a password" in first.get(f"/invitation/{link}").text
    to = first.get(f"/oidc/start?invitation={link}").headers["Location"]
    assert re.search(r"code_challenge_method=S256", to)
    assert re.search(r"nonce=", to)
    back = at_provider(to, "olga@works")
    assert first.get(back).headers["Location"] == "/"
    assert first.get("/").status_code == 200
    assert "Olga" in first.get("/account").text
    assert app.test_client().get(f"/invitation/{link}").status_code == 404

    # From now on the provider's word is enough, and brings back to where one wanted to go.
    again = app.test_client()
    to = again.get("/oidc/start?next=/discrepancies").headers["Location"]
    assert again.get(at_provider(to, "olga@works")).headers["Location"] == "/discrepancies"
    assert again.get("/discrepancies").status_code == 200


def test_who_was_not_invited_is_not_let_in_whatever_they_are_called(
    database: Database, tmp_path: Path, provider: str
) -> None:
    app = pages(database, tmp_path, provider)
    invited(database)
    browser = app.test_client()
    to = browser.get("/oidc/start").headers["Location"]
    assert browser.get(at_provider(to, "Olga")).status_code == 401
    assert browser.get("/").status_code == 302


def test_somebody_signed_in_joins_the_two_themselves(
    database: Database, tmp_path: Path, provider: str
) -> None:
    app = pages(database, tmp_path, provider)
    client: FlaskClient = sign_in(app)
    to = client.get("/oidc/start?next=/account").headers["Location"]
    assert client.get(at_provider(to, "ada@works")).headers["Location"] == "/account"
    assert "You can sign in with it." in client.get("/account").text


def test_a_page_of_another_site_joins_nobody(
    database: Database, tmp_path: Path, provider: str
) -> None:
    app = pages(database, tmp_path, provider)
    client: FlaskClient = sign_in(app)
    sent_here = {"Sec-Fetch-Site": "cross-site"}
    to = client.get("/oidc/start", headers=sent_here).headers["Location"]
    assert client.get(at_provider(to, "mallory@works")).status_code == 401
    assert "You can sign in with it." not in client.get("/account").text


def test_an_answer_to_another_question_is_refused(
    database: Database, tmp_path: Path, provider: str
) -> None:
    app = pages(database, tmp_path, provider)
    link = invited(database)
    mine, theirs = app.test_client(), app.test_client()
    to = theirs.get(f"/oidc/start?invitation={link}").headers["Location"]
    back = at_provider(to, "olga@works")
    mine.get("/oidc/start")
    assert mine.get(back).status_code == 401, "the state is of another browser"
    assert mine.get("/oidc/callback?error=access_denied&state=x").status_code == 401


def test_a_provider_inside_is_refused_unless_allowed(
    database: Database, tmp_path: Path, provider: str
) -> None:
    app = pages(database, tmp_path, provider, allow_private=False)
    assert app.test_client().get("/oidc/start").status_code == 502


def test_a_provider_that_is_away_is_said_to_be(database: Database, tmp_path: Path) -> None:
    app = pages(database, tmp_path, "http://127.0.0.1:1")
    answer = app.test_client().get("/oidc/start")
    assert answer.status_code == 502
    assert "The provider does not answer" in answer.text


@pytest.mark.parametrize(
    "given",
    [
        {"issuer": "ftp://x", "client_id": "a"},
        {"issuer": "http://x", "client_id": "a"},
        {"issuer": "https://x"},
    ],
)
def test_settings_that_are_not_whole_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="expected https://"):
        OidcSettings(**given)  # type: ignore[arg-type]
