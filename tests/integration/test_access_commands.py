"""`lineside token`, `audit-log` and `people`, as somebody at the host uses them."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from db.access import Role
from db.base import utc_now
from db.engine import Database
from db.queries import people, second_factors
from db.queries.tokens import find_token
from lineside.cli import group
from tests import factories


@pytest.fixture
def here(any_database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LINESIDE_DATABASE_URL", any_database_url)
    return any_database_url


def run(*words: str) -> Result:
    return CliRunner().invoke(group, list(words))


@pytest.mark.usefixtures("here")
def test_a_token_is_made_printed_once_listed_and_revoked(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        factories.make_station(session, key="press")
    made = run("token", "create", "camera 7", "--role", "push", "--station", "press")
    assert made.exit_code == 0, made.output
    token = made.stdout.strip()
    assert token.startswith("ls_")
    assert "\n" not in token
    with any_database.reads() as session:
        row = find_token(session, token, utc_now())
    assert row is not None
    listed = run("token", "list").output
    assert "camera 7" in listed
    assert token not in listed
    assert run("token", "revoke", str(row.id)).exit_code == 0
    with any_database.reads() as session:
        assert find_token(session, token, utc_now()) is None
    assert "camera 7" not in run("token", "list").output
    assert "revoked" in run("token", "list", "--all").output
    told = run("audit-log", "list").output
    assert "created api_token" in told
    assert "(command line)" in told
    assert token not in told


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("create", "x", "--role", "king"), "king"),
        (("create", "x", "--role", "push", "--line", "nowhere"), "there is no line 'nowhere'"),
        (("create", " ", "--role", "push"), "characters that can be seen"),
        (("create", "x", "--role", "push", "--days", "0"), "days"),
        (("revoke", "99"), "there is no token 99"),
    ],
)
def test_bad_input_is_told_and_ends_with_2(words: tuple[str, ...], expected: str) -> None:
    ended = run("token", *words)
    assert ended.exit_code == 2
    assert expected in ended.output


@pytest.mark.usefixtures("here")
def test_verify_says_that_it_holds_and_where_it_does_not(any_database: Database) -> None:
    for name in ("a", "b", "c"):
        run("token", "create", name, "--role", "operator")
    whole = run("audit-log", "verify")
    assert whole.exit_code == 0
    head = whole.output.split()[-1]
    assert run("audit-log", "verify", "--kept", head).exit_code == 0
    assert run("audit-log", "verify", "--kept", "f" * 64).exit_code == 1
    assert run("audit-log", "verify", "--kept", "nonsense").exit_code == 2
    with any_database.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER audit_entry_no_update"))
        else:
            connection.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))
        connection.execute(text("UPDATE audit_entry SET object_name = 'z' WHERE id = 2"))
    broken = run("audit-log", "verify")
    assert broken.exit_code == 1
    assert "BROKEN at entry 2" in broken.output


@pytest.mark.usefixtures("here")
def test_the_log_is_filtered_and_written_as_json() -> None:
    run("token", "create", "a", "--role", "operator")
    run("token", "create", "b", "--role", "operator")
    rows = [json.loads(each) for each in run("audit-log", "list", "--json").output.splitlines()]
    assert [each["object_name"] for each in rows] == ["b", "a"]
    one = run("audit-log", "list", "--object", f"api_token/{rows[1]['object_id']}", "--json")
    assert [json.loads(each)["object_name"] for each in one.output.splitlines()] == ["a"]
    assert "nothing" in run("audit-log", "list", "--person", "Nobody").output
    assert "nothing" in run("audit-log", "list", "--since", "2100-01-01").output
    assert "nothing" in run("audit-log", "list", "--until", "2000-01-01").output


@pytest.mark.usefixtures("here")
def test_who_has_lost_phone_and_codes_is_asked_for_a_password_alone(
    any_database: Database,
) -> None:
    with any_database.sessions.begin() as session:
        ada = people.create_person(session, "Ada", [people.Grant(Role.ADMIN)])
        second_factors.switch_on(session, ada, "locked", 1, utc_now())
        second_factors.new_codes(session, ada.id)
    done = run("people", "no-second-factor", "ada")
    assert (done.exit_code, done.output) == (0, "Ada is asked for a password alone\n")
    with any_database.reads() as session:
        ada = people.get_person(session, ada.id)
        assert (ada.totp_secret, ada.totp_step) == (None, None)
        assert second_factors.codes_left(session, ada.id) == 0
    again = run("people", "no-second-factor", "Ada")
    assert (again.exit_code, "has no second factor" in again.output) == (1, True)
    assert run("people", "no-second-factor", "Bo").exit_code == 1


def test_of_two_who_send_one_code_at_once_one_gets_in(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        ada = people.create_person(session, "Ada", [people.Grant(Role.ADMIN)])
        second_factors.switch_on(session, ada, "locked", 1, utc_now())
        code = second_factors.new_codes(session, ada.id)[0]
    together = Barrier(4)

    def one(number: int) -> bool:
        together.wait(timeout=30)
        with any_database.sessions.begin() as session:
            if number % 2:
                return second_factors.take_step(session, ada.id, 7)
            return second_factors.take_code(session, ada.id, code, utc_now())

    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(one, range(4)))
    assert (sum(taken[::2]), sum(taken[1::2])) == (1, 1)
