"""A second factor: set up, asked for, used once, lost, reset; and what gets past it by no way."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from dashboards.people import totp
from dashboards.values import EXTENSION
from db.access import Role
from db.credentials import SecretBox
from db.engine import Database
from db.models import AuditEntry, Person, RecoveryCode
from db.queries import people, second_factors, sign_ins
from db.queries.people import Grant
from tests.signed_in import sign_in
from tests.unit.dashboards.conftest import NOW, SAME_SITE

PASSWORD = "four words are enough"
# How a hash was made stands in it, so that these are checked quickly.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Clock:
    """What the pages take the time from."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def go_on(self, seconds: float = 30) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def set_values(app: Flask) -> Callable[..., None]:
    """Gives the pages other values."""

    def give(**others: Any) -> None:
        parts = app.extensions[EXTENSION]
        app.extensions[EXTENSION] = replace(parts, values=replace(parts.values, **others))

    return give


@pytest.fixture
def box(app: Flask, tmp_path: Path, clock: Clock, set_values: Callable[..., None]) -> SecretBox:
    box = SecretBox(tmp_path / "secret.key")
    set_values(secrets=lambda: box, now=clock)
    return box


@pytest.fixture
def ada(database: Database, box: SecretBox) -> int:
    """An engineer with a password, beside an admin."""
    with database.sessions.begin() as session:
        root = people.create_person(session, "Root", [Grant(Role.ADMIN)])
        root.password_hash = CHEAP.hash("another long password")
        person = people.create_person(session, "Ada", [Grant(Role.ENGINEER)])
        person.password_hash = CHEAP.hash(PASSWORD)
        return person.id


@pytest.fixture
def secret(database: Database, box: SecretBox, ada: int, clock: Clock) -> str:
    """What Ada's phone counts by; her codes of an hour ago are used up."""
    secret = totp.new_secret()
    before = clock.now - timedelta(hours=1)
    with database.sessions.begin() as session:
        person = people.get_person(session, ada)
        step = int(before.timestamp()) // 30
        second_factors.switch_on(session, person, box.lock(secret), step, before)
    return secret


def post(client: FlaskClient, path: str, **fields: str) -> Any:
    """Send a form with the token that the page before it carries."""
    page = client.get("/sign-in" if path == "/sign-in" else path_of_form(path))
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    token = found[1] if found else ""
    return client.post(path, data={"csrf_token": token, **fields}, headers=SAME_SITE)


def path_of_form(path: str) -> str:
    return "/account/second-factor" if path.startswith("/account/second-factor") else path


def with_password(app: Flask, password: str = PASSWORD, **fields: str) -> FlaskClient:
    client = app.test_client()
    post(client, "/sign-in", name="Ada", password=password, **fields)
    return client


def is_in(client: FlaskClient) -> bool:
    return client.get("/account").status_code == 200


def entries(database: Database) -> list[str]:
    with database.reads() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def test_a_password_alone_lets_nobody_in(app: Flask, secret: str, clock: Clock) -> None:
    client = app.test_client()
    answer = post(client, "/sign-in", name="Ada", password=PASSWORD, next="/discrepancies")
    assert answer.headers["Location"] == "/sign-in/code?next=/discrepancies"
    assert not is_in(client)
    answer = post(client, "/sign-in/code", code="000000")
    assert answer.status_code == 401
    assert not is_in(client)
    code = totp.code_at(secret, clock.now)
    answer = post(client, "/sign-in/code", code=f" {code[:3]} {code[3:]}", next="/discrepancies")
    assert answer.headers["Location"] == "/discrepancies"
    assert is_in(client)


def test_a_code_without_the_password_is_worth_nothing(
    app: Flask, secret: str, clock: Clock
) -> None:
    client = with_password(app, "wrong password")
    answer = post(client, "/sign-in/code", code=totp.code_at(secret, clock.now))
    assert answer.status_code in (303, 400)
    assert not is_in(client)


def test_a_used_code_is_refused_and_so_is_every_older_one(
    app: Flask, database: Database, secret: str, clock: Clock
) -> None:
    before = totp.code_at(secret, clock.now - timedelta(seconds=30))
    now = totp.code_at(secret, clock.now)
    assert post(with_password(app), "/sign-in/code", code=now).status_code == 303
    for used in (now, before):
        client = with_password(app)
        assert post(client, "/sign-in/code", code=used).status_code == 401
        assert not is_in(client)
    assert entries(database)[-2:] == ["sign_in.refused"] * 2
    clock.go_on()
    fresh = totp.code_at(secret, clock.now)
    assert post(with_password(app), "/sign-in/code", code=fresh).status_code == 303


@pytest.mark.parametrize(("seconds", "status"), [(-90, 401), (-30, 303), (30, 303), (90, 401)])
def test_a_phone_may_be_half_a_minute_wrong(
    app: Flask, secret: str, clock: Clock, seconds: int, status: int
) -> None:
    code = totp.code_at(secret, clock.now + timedelta(seconds=seconds))
    assert post(with_password(app), "/sign-in/code", code=code).status_code == status


def test_codes_are_tried_as_seldom_as_passwords(app: Flask, secret: str, clock: Clock) -> None:
    told = [
        post(with_password(app), "/sign-in/code", code=f"{number:06}").status_code
        for number in range(7)
    ]
    assert told == [401] * 5 + [429] * 2
    code = totp.code_at(secret, clock.now)
    assert post(with_password(app), "/sign-in/code", code=code).status_code == 429


def test_a_right_password_waits_five_minutes_for_its_code(
    app: Flask, secret: str, clock: Clock
) -> None:
    client = with_password(app)
    clock.go_on(301)
    answer = client.get("/sign-in/code")
    assert answer.headers["Location"] == "/sign-in"
    assert not is_in(client)


def test_a_disabled_person_is_not_let_in_by_a_code(
    app: Flask, database: Database, ada: int, secret: str, clock: Clock
) -> None:
    client = with_password(app)
    with database.sessions.begin() as session:
        people.disable(session, people.get_person(session, ada))
    answer = post(client, "/sign-in/code", code=totp.code_at(secret, clock.now))
    assert answer.status_code == 401


def test_a_link_for_a_new_password_leads_past_no_code(
    app: Flask, database: Database, ada: int, secret: str, clock: Clock
) -> None:
    with database.sessions.begin() as session:
        link = sign_ins.make_link(session, people.get_person(session, ada))
    client, chosen = app.test_client(), "five other words for it"
    answer = post(client, f"/invitation/{link}", password=chosen, again=chosen)
    assert answer.headers["Location"] == "/sign-in/code"
    assert not is_in(client)
    post(client, "/sign-in/code", code=totp.code_at(secret, clock.now))
    assert is_in(client)


def test_it_is_set_up_by_showing_a_code_and_gives_codes_for_a_lost_phone(
    app: Flask, database: Database, ada: int, clock: Clock
) -> None:
    client, other = with_password(app), with_password(app)
    assert post(client, "/account/second-factor", old="wrong").status_code == 401
    assert post(client, "/account/second-factor", old=PASSWORD).status_code == 303
    html = client.get("/account/second-factor").text
    assert '<svg xmlns="http://www.w3.org/2000/svg"' in html
    key = re.search(r'class="secret">([A-Z2-7 ]+)<', html)
    assert key is not None
    secret = key[1].replace(" ", "")
    assert post(client, "/account/second-factor/confirm", code="000000").status_code == 401
    answer = post(client, "/account/second-factor/confirm", code=totp.code_at(secret, clock.now))
    codes = re.findall(r"<li><code>([A-Z2-9-]{19})</code>", answer.text)
    assert len(set(codes)) == second_factors.CODES
    assert is_in(client)
    assert not is_in(other)
    again = client.get("/account/second-factor").text
    assert codes[0] not in again
    assert secret not in again.replace(" ", "")
    with database.reads() as session:
        person = session.get_one(Person, ada)
        rows = session.scalars(select(RecoveryCode)).all()
        log = str([vars(entry) for entry in session.scalars(select(AuditEntry))])
    assert person.totp_secret is not None
    assert secret not in person.totp_secret
    assert not {code.replace("-", "") for code in codes} & {row.code_hash for row in rows}
    assert person.totp_secret not in log
    assert "recovery_codes.made" in log

    # The code that was shown is used up, a recovery code works once, in any writing.
    shown = totp.code_at(secret, clock.now)
    assert post(with_password(app), "/sign-in/code", code=shown).status_code == 401
    typed = codes[0].lower().replace("-", " ")
    assert post(with_password(app), "/sign-in/code", code=typed).status_code == 303
    assert post(with_password(app), "/sign-in/code", code=codes[0]).status_code == 401
    assert "9 recovery codes are left" in client.get("/account/second-factor").text


def test_it_is_given_up_and_its_codes_are_renewed_by_the_password_alone(
    app: Flask, database: Database, ada: int, secret: str, clock: Clock
) -> None:
    client = with_password(app)
    post(client, "/sign-in/code", code=totp.code_at(secret, clock.now))
    for what in ("codes", "off"):
        assert post(client, f"/account/second-factor/{what}", old="wrong").status_code == 401
    made = [
        re.findall(
            r"<code>([A-Z2-9-]{19})<",
            post(client, "/account/second-factor/codes", old=PASSWORD).text,
        )
        for _ in range(2)
    ]
    assert post(with_password(app), "/sign-in/code", code=made[0][0]).status_code == 401
    assert post(with_password(app), "/sign-in/code", code=made[1][0]).status_code == 303
    assert post(client, "/account/second-factor/off", old=PASSWORD).status_code == 303
    assert is_in(with_password(app))
    with database.reads() as session:
        assert session.scalars(select(RecoveryCode)).all() == []


@pytest.mark.parametrize(
    ("required", "must"),
    [({Role.ADMIN, Role.ENGINEER}, True), ({Role.ADMIN}, False), (set(), False)],
)
def test_a_role_that_must_have_one_sees_nothing_before(
    app: Flask,
    ada: int,
    clock: Clock,
    set_values: Callable[..., None],
    required: set[Role],
    must: bool,
) -> None:
    set_values(second_factor=frozenset(required))
    client = with_password(app)
    answer = client.get("/lab/stations")
    assert (answer.status_code == 302) is must
    if not must:
        return
    assert answer.headers["Location"] == "/account/second-factor"
    assert client.get("/parts/home").status_code in (403, 404)
    assert client.get("/account").status_code == 302
    assert post(client, "/account/second-factor", old=PASSWORD).status_code == 303
    key = re.search(r'class="secret">([A-Z2-7 ]+)<', client.get("/account/second-factor").text)
    assert key is not None
    code = totp.code_at(key[1].replace(" ", ""), clock.now)
    assert post(client, "/account/second-factor/confirm", code=code).status_code == 200
    assert client.get("/lab/stations").status_code == 200


def test_an_admin_helps_who_has_lost_phone_and_codes_but_not_themselves(
    app: Flask, database: Database, ada: int, secret: str
) -> None:
    admin = sign_in(app, name="Amy")
    answer = admin.post(f"/people/{ada}/second-factor/off", headers=SAME_SITE)
    assert answer.status_code == 303
    assert is_in(with_password(app))
    with database.reads() as session:
        own = session.scalars(select(Person.id).where(Person.name == "amy")).one()
    answer = admin.post(f"/people/{own}/second-factor/off", headers=SAME_SITE)
    assert answer.status_code == 409


def test_without_the_key_of_the_data_folder_recovery_codes_still_work(
    app: Flask,
    database: Database,
    ada: int,
    secret: str,
    tmp_path: Path,
    clock: Clock,
    set_values: Callable[..., None],
) -> None:
    with database.sessions.begin() as session:
        codes = second_factors.new_codes(session, ada)
    other = SecretBox(tmp_path / "other.key")
    set_values(secrets=lambda: other)
    code = totp.code_at(secret, clock.now)
    assert post(with_password(app), "/sign-in/code", code=code).status_code == 401
    assert post(with_password(app), "/sign-in/code", code=codes[0]).status_code == 303
