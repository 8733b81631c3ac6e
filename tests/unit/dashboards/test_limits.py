"""Tries are counted before they are looked at, and what was not wrong is given back."""

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from db.access import Role
from db.engine import Database
from db.queries import people
from db.queries.people import Grant
from tests.unit.dashboards.conftest import SAME_SITE

PASSWORD = "four words are enough"
# How a hash was made stands in it, so that these are checked quickly.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
THREADS = 9
LET_THROUGH = 5


@pytest.fixture
def ada(database: Database) -> str:
    """The name of an admin with a password."""
    with database.sessions.begin() as session:
        person = people.create_person(session, "Ada", [Grant(Role.ADMIN)])
        person.password_hash = CHEAP.hash(PASSWORD)
    return "Ada"


def form_token(client: FlaskClient) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/sign-in").text)
    assert found is not None
    return found[1]


def sign_in(client: FlaskClient, token: str, name: str, password: str) -> int:
    fields = {"csrf_token": token, "name": name, "password": password}
    return client.post("/sign-in", data=fields, headers=SAME_SITE).status_code


def test_many_tries_at_once_are_no_more_than_one_after_the_other(app: Flask, ada: str) -> None:
    together = Barrier(THREADS)
    clients = [app.test_client() for _ in range(THREADS)]
    tokens = [form_token(client) for client in clients]
    # The first request finds that there is no Redis here, and counts in this process.
    assert sign_in(clients[0], tokens[0], "Nobody", "wrong") == 401

    def one(number: int) -> int:
        together.wait(timeout=60)
        return sign_in(clients[number], tokens[number], ada, f"wrong {number}")

    with ThreadPoolExecutor(THREADS) as threads:
        told = sorted(threads.map(one, range(THREADS)))
    assert told == [401] * LET_THROUGH + [429] * (THREADS - LET_THROUGH)


def test_who_signs_in_rightly_often_is_never_locked_out(app: Flask, ada: str) -> None:
    for _ in range(LET_THROUGH + 2):
        client = app.test_client()
        assert sign_in(client, form_token(client), ada, PASSWORD) == 303


def test_tries_that_are_refused_unseen_lock_nobody_out_for_longer(app: Flask, ada: str) -> None:
    client = app.test_client()
    token = form_token(client)
    told = [sign_in(client, token, ada, "wrong") for _ in range(LET_THROUGH + 20)]
    assert told.count(401) == LET_THROUGH
    # The address has 20 tries a minute, of which those that were not looked at took none.
    others = [sign_in(client, token, f"Nobody {number}", "wrong") for number in range(16)]
    assert others == [401] * 15 + [429]
