"""Who gets in, how far, and what those get who should not."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from dashboards.people.passwords import TooWeak, hash_password, hash_pin
from db.access import Role
from db.engine import Database
from db.models import AuditEntry, Person, WebSession
from db.queries import people, sign_ins
from db.queries.people import Grant
from tests import factories
from tests.signed_in import sign_in, sign_in_device
from tests.unit.dashboards.conftest import NOW, SAME_SITE

PASSWORD = "four words are enough"


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """Nobody yet."""
    return app.test_client()


@pytest.fixture
def ada(database: Database, app: Flask) -> int:
    """Somebody with a password and a PIN who is operator everywhere, beside an admin."""
    sign_in(app)
    with app.test_request_context(), database.sessions.begin() as session:
        admin = people.create_person(session, "Root", [Grant(Role.ADMIN)])
        admin.password_hash = hash_password("another long password", "Root")
        person = people.create_person(session, "Ada Byron", [Grant(Role.OPERATOR)])
        person.password_hash = hash_password(PASSWORD, "Ada Byron")
        person.pin_hash = hash_pin("2804")
        return person.id


def post(client: FlaskClient, path: str, **fields: str):  # type: ignore[no-untyped-def]
    """Send a form as the page with it would."""
    page = client.get("/sign-in" if path != "/pair" else path, follow_redirects=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token is not None
    return client.post(path, data={"csrf_token": token[1], **fields}, headers=SAME_SITE)


def test_nobody_sees_a_page_and_is_brought_back_after_signing_in(
    browser: FlaskClient, ada: int
) -> None:
    answer = browser.get("/discrepancies?state=all")
    assert answer.headers["Location"] == "/sign-in?next=/discrepancies?state%3Dall"
    answer = post(
        browser, "/sign-in", name="ada  BYRON", password=PASSWORD, next="/discrepancies?state=all"
    )
    assert answer.headers["Location"] == "/discrepancies?state=all"
    assert browser.get("/discrepancies").status_code == 200


def test_after_signing_in_nobody_is_sent_elsewhere(browser: FlaskClient, ada: int) -> None:
    answer = post(browser, "/sign-in", name="Ada Byron", password=PASSWORD, next="//evil.example")
    assert answer.headers["Location"] == "/"


def test_wrong_and_unknown_get_the_same_answer_and_are_locked_out(
    browser: FlaskClient, ada: int
) -> None:
    for name in ("Ada Byron", "Nobody"):
        told = [post(browser, "/sign-in", name=name, password="wrong") for _ in range(8)]
        assert [each.status_code for each in told] == [401] * 5 + [429] * 3, name
        assert "Name or password is not right." in told[0].text
    # The right one is locked out, too: otherwise the answer would say which one it was.
    assert post(browser, "/sign-in", name="Ada Byron", password=PASSWORD).status_code == 429


def test_refused_sign_ins_are_in_the_audit_log(
    browser: FlaskClient, ada: int, database: Database
) -> None:
    post(browser, "/sign-in", name="Ada Byron", password="wrong")
    post(browser, "/sign-in", name="Ada Byron", password=PASSWORD)
    with database.reads() as session:
        actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        entries = session.scalars(select(AuditEntry)).all()
    assert actions[-2:] == ["sign_in.refused", "signed_in"]
    assert not any(PASSWORD in str(vars(entry)) for entry in entries)


def test_a_session_ends_by_signing_out_by_time_and_by_an_admin(
    browser: FlaskClient, ada: int, database: Database
) -> None:
    def signed_in() -> bool:
        return browser.get("/").status_code == 200

    def enter() -> None:
        post(browser, "/sign-in", name="Ada Byron", password=PASSWORD)
        assert signed_in()

    enter()
    stolen = browser.get_cookie("lineside")
    assert post(browser, "/sign-out").status_code == 303
    assert not signed_in()
    browser.set_cookie("lineside", stolen.value if stolen else "")
    assert not signed_in(), "a cookie that was kept works after signing out"
    enter()
    with database.sessions.begin() as session:
        row = session.scalars(select(WebSession).where(WebSession.person_id == ada)).one()
        row.seen_at = NOW - timedelta(hours=2)
    assert not signed_in()
    enter()
    with database.sessions.begin() as session:
        people.disable(session, people.get_person(session, ada))
    assert not signed_in()
    assert post(browser, "/sign-in", name="Ada Byron", password=PASSWORD).status_code == 401


def test_the_first_admin_comes_by_a_link_that_works_once(
    browser: FlaskClient, database: Database
) -> None:
    assert "lineside people setup-link" in browser.get("/sign-in").text
    with database.sessions.begin() as session:
        link = sign_ins.make_link(session, None)
    assert browser.get(f"/setup/{link}x").status_code == 404
    assert browser.get(f"/setup/{link}").status_code == 200
    weak = post(browser, f"/setup/{link}", name="Root", password="short", again="short")
    assert weak.status_code == 422
    good = {"name": "Root", "password": PASSWORD, "again": PASSWORD}
    assert post(browser, f"/setup/{link}", **good).status_code == 303
    assert browser.get("/people").status_code == 200
    assert browser.get(f"/setup/{link}").status_code == 404
    with database.sessions.begin() as session:
        again = sign_ins.make_link(session, None)
    assert browser.get(f"/setup/{again}").status_code == 404, "there is an admin already"


def test_an_admin_lets_somebody_in(app: Flask, client: FlaskClient, database: Database) -> None:
    page = client.post(
        "/people",
        data={"name": "Bo", "role": "operator", "place": "everywhere"},
        headers=SAME_SITE,
    )
    link = re.search(r"/invitation/[\w-]+", page.text)
    assert link is not None
    bo = app.test_client()
    assert post(bo, link[0], password=PASSWORD, again=PASSWORD).status_code == 303
    assert bo.get("/").status_code == 200
    assert bo.get("/people").status_code == 403
    assert app.test_client().get(link[0]).status_code == 404


def test_an_admin_of_one_line_gives_nothing_beyond_it(app: Flask, database: Database) -> None:
    with database.sessions.begin() as session:
        mine, other = factories.make_line(session), factories.make_line(session)
        boss = people.create_person(session, "Boss", [Grant(Role.ADMIN)])
        boss.password_hash = "set"
        mine_id, other_id, boss_id = mine.id, other.id, boss.id
    admin = sign_in(app, Grant(Role.ADMIN, line_id=mine_id))

    def add(place: str) -> int:
        data = {"name": f"At {place}", "role": "admin", "place": place}
        return int(admin.post("/people", data=data, headers=SAME_SITE).status_code)

    assert add(f"line-{mine_id}") == 200
    assert add(f"line-{other_id}") == 404
    assert add("everywhere") == 404
    assert admin.get(f"/people/{boss_id}").status_code == 404
    assert "Boss" not in admin.get("/people").text
    assert admin.post(f"/people/{boss_id}/disable", headers=SAME_SITE).status_code == 404


def test_an_admin_of_one_line_takes_over_nobody_without_a_role(
    app: Flask, database: Database
) -> None:
    with database.sessions.begin() as session:
        mine_id = factories.make_line(session).id
        gone_id = people.create_person(session, "Gone for now", []).id
    admin = sign_in(app, Grant(Role.ADMIN, line_id=mine_id))
    assert "Gone for now" not in admin.get("/people").text
    role = {"role": "operator", "place": f"line-{mine_id}"}
    for path, data in (("link", {}), ("pin", {"pin": "2804"}), ("roles", role), ("enable", {})):
        answer = admin.post(f"/people/{gone_id}/{path}", data=data, headers=SAME_SITE)
        assert answer.status_code == 404, path


def test_what_links_do_is_in_the_audit_log(
    app: Flask, browser: FlaskClient, database: Database
) -> None:
    with database.sessions.begin() as session:
        first = sign_ins.make_link(session, None)
        bo = people.create_person(session, "Bo", [Grant(Role.OPERATOR)])
        link = sign_ins.make_link(session, bo)
    good = {"password": PASSWORD, "again": PASSWORD}
    assert post(browser, f"/setup/{first}", name="Root", **good).status_code == 303
    assert post(app.test_client(), f"/invitation/{link}", **good).status_code == 303
    with database.reads() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    told = [(row.actor_name, row.action, row.object_kind, row.object_name) for row in entries]
    assert ("Root", "created", "person", "Root") in told
    assert ("Root", "created", "role_grant") in [row[:3] for row in told]
    assert ("Bo", "changed", "person", "Bo") in told
    written = repr([(row.before, row.after) for row in entries])
    assert "argon2" not in written
    assert sign_ins.hash_of(link) not in written
    assert sign_ins.hash_of(first) not in written


def test_somebody_stays_admin(app: Flask, client: FlaskClient, ada: int) -> None:
    with app.app_context():
        from dashboards.values import values

        with values().database.reads() as session:
            root = session.scalars(select(Person.id).where(Person.name == "root")).one()
    assert client.post(f"/people/{root}/disable", headers=SAME_SITE).status_code == 400


def test_a_wall_board_sees_its_line_and_changes_nothing(app: Flask, database: Database) -> None:
    with database.sessions.begin() as session:
        mine, other = factories.make_line(session, key="mine"), factories.make_line(session)
        discrepancy = factories.make_discrepancy(
            session,
            factories.decide(
                session,
                factories.make_camera(session, factories.make_station(session, mine)),
                "fail",
            ),
        )
        other_key, discrepancy_id = other.key, discrepancy.id
    wall = sign_in_device(app, "mine")
    assert wall.get("/lines/mine").status_code == 200
    assert wall.get(f"/lines/{other_key}").status_code == 404
    assert wall.get("/people").status_code == 403
    url = f"/discrepancies/{discrepancy_id}/acknowledge"
    assert wall.post(url, headers=SAME_SITE).status_code == 403


def test_with_name_and_pin_somebody_acts_at_a_screen(
    app: Flask, database: Database, ada: int
) -> None:
    with database.sessions.begin() as session:
        line = factories.make_line(session, key="mine")
        station = factories.make_station(session, line)
        discrepancy = factories.make_discrepancy(
            session, factories.decide(session, factories.make_camera(session, station), "fail")
        )
        discrepancy_id = discrepancy.id
    tablet = sign_in_device(app, "mine")
    wrong = tablet.post("/pin", data={"name": "Ada Byron", "pin": "0000"}, headers=SAME_SITE)
    assert wrong.status_code == 401
    given = tablet.post("/pin", data={"name": "ada byron", "pin": "2804"}, headers=SAME_SITE)
    assert given.status_code == 303
    url = f"/discrepancies/{discrepancy_id}/acknowledge"
    assert tablet.post(url, headers=SAME_SITE).status_code == 303
    assert "Ada Byron" in tablet.get(f"/discrepancies/{discrepancy_id}").text
    assert tablet.get("/people").status_code == 403
    assert tablet.get("/account").status_code == 403
    with database.sessions.begin() as session:
        row = session.scalars(select(WebSession).where(WebSession.device_id.is_not(None))).one()
        row.acts_until = NOW - timedelta(seconds=1)
    assert tablet.post(url, headers=SAME_SITE).status_code == 403, "she left ten minutes ago"


def test_a_screen_stays_paired_when_somebody_who_acted_there_is_let_in_no_more(
    app: Flask, client: FlaskClient, database: Database, ada: int
) -> None:
    with database.sessions.begin() as session:
        factories.make_line(session, key="mine")
    tablet = sign_in_device(app, "mine")
    tablet.post("/pin", data={"name": "Ada Byron", "pin": "2804"}, headers=SAME_SITE)
    assert client.post(f"/people/{ada}/disable", headers=SAME_SITE).status_code == 303
    page = tablet.get("/lines/mine")
    assert page.status_code == 200
    assert "Ada Byron" not in page.text
    answer = tablet.post("/discrepancies/1/acknowledge", headers=SAME_SITE)
    assert answer.status_code == 403, "nobody acts there now"


def test_a_screen_is_paired_by_a_code_once(
    app: Flask, client: FlaskClient, browser: FlaskClient, database: Database
) -> None:
    with database.sessions.begin() as session:
        line_id = factories.make_line(session, key="mine").id
    page = client.post("/screens", data={"name": "Wall", "line": str(line_id)}, headers=SAME_SITE)
    code = re.search(r"[A-Z2-9]{4}-[A-Z2-9]{4}", page.text)
    assert code is not None
    assert post(browser, "/pair", code=code[0].lower()).headers["Location"] == "/lines/mine"
    assert post(app.test_client(), "/pair", code=code[0]).status_code == 401
    with database.reads() as session:
        device_id = sign_ins.list_devices(session)[0].id
    client.post(f"/screens/{device_id}/revoke", headers=SAME_SITE)
    assert browser.get("/lines/mine").status_code == 302


@pytest.mark.parametrize(
    "password", ["short", "a" * 12, "abcabcabcabcabc", "123456789012", "Ada Byron 1", "x" * 300]
)
def test_weak_passwords_are_refused_with_a_reason(app: Flask, password: str) -> None:
    with app.test_request_context(), pytest.raises(TooWeak, match="Expected"):
        hash_password(password, "Ada Byron")


@pytest.mark.parametrize("pin", ["123", "1111", "1234", "98765", "12a4", "٣٤٥٦", "1" * 13])
def test_weak_pins_are_refused_with_a_reason(app: Flask, pin: str) -> None:
    with app.test_request_context(), pytest.raises(TooWeak, match="Expected"):
        hash_pin(pin)
