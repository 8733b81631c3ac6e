"""The page of the audit log: read by admins, as far as their role goes, and altered by nobody."""

import csv
import io

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from db import audit
from db.access import Access, Actor, ActorKind, Role, acting
from db.engine import Database
from db.models import AuditEntry
from db.queries import plant_edits
from db.queries.people import Grant
from tests import factories
from tests.signed_in import sign_in
from tests.unit.dashboards.conftest import SAME_SITE

ADA = Access(Actor(ActorKind.PERSON, 9, "Ada", "192.0.2.9"), None)
EVIL = '<script>alert(1)</script>=HYPERLINK("x")'


@pytest.fixture
def line_ids(database: Database) -> tuple[int, int]:
    """Two lines that Ada has renamed."""
    with database.sessions.begin() as session:
        rows = [factories.make_line(session, key=key, name=key) for key in ("press", "oven")]
    with acting(ADA), database.sessions.begin() as session:
        for row in rows:
            plant_edits.edit_line(session, row.key, name=f"{row.key} renamed")
    return rows[0].id, rows[1].id


@pytest.mark.usefixtures("line_ids")
def test_it_says_who_what_before_and_after(client: FlaskClient) -> None:
    page = client.get("/audit-log").text
    for words in ("Ada", "192.0.2.9", "changed", "<del>press</del>", "<ins>press renamed</ins>"):
        assert words in page
    assert 'aria-current="page"' in page


@pytest.mark.usefixtures("line_ids")
def test_filters_narrow_it(client: FlaskClient, line_ids: tuple[int, int]) -> None:
    assert "oven renamed" in client.get("/audit-log?person=Ada&kind=line").text
    one = client.get(f"/audit-log?kind=line&id={line_ids[0]}").text
    assert "press renamed" in one
    assert "oven renamed" not in one
    for nothing in ("person=Nobody", "until=2020-01-01", "since=2200-01-01", "kind=nothing"):
        assert "renamed" not in client.get(f"/audit-log?{nothing}").text
    for bad in ("since=yesterday", "until=9999-12-31", "after=x", "after=-1"):
        assert client.get(f"/audit-log?{bad}").status_code == 400


def test_it_comes_in_pages(client: FlaskClient, database: Database) -> None:
    with database.sessions.begin() as session:
        for number in range(60):
            audit.record(session, f"did {number:02}", actor=ADA.actor)
    first = client.get("/audit-log?person=Ada").text
    assert "did 59" in first
    assert "did 09" not in first
    link = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    second = client.get(link).text
    assert "did 09" in second
    assert "did 00" in second
    assert "did 59" not in second


def test_what_people_typed_is_text_on_the_page_and_no_formula_in_the_table(
    client: FlaskClient, database: Database
) -> None:
    with acting(ADA), database.sessions.begin() as session:
        factories.make_site(session, key="a", name=EVIL)
        factories.make_site(session, key="b", name="=1+1")
        audit.record(session, "=2+2", name="@x")
    page = client.get("/audit-log").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    answer = client.get("/audit-log.csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {"'=2+2", "'@x"} <= {cell for row in rows for cell in row.values()}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "@", "+"))]


@pytest.mark.parametrize("path", ["/audit-log.csv?kind=line", "/discrepancies.csv"])
def test_who_takes_a_table_along_is_in_the_log(
    client: FlaskClient, database: Database, path: str
) -> None:
    assert client.get(path).status_code == 200
    with database.reads() as session:
        newest = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert newest is not None
    assert newest.actor_name.startswith("Ada")
    assert (newest.action, newest.after) == ("exported", {"asked": path})


def test_a_table_that_is_refused_is_not(client: FlaskClient, database: Database) -> None:
    assert client.get("/audit-log.csv?since=x").status_code == 400
    assert client.get("/audit-log").status_code == 200
    with database.reads() as session:
        assert session.scalars(select(AuditEntry)).all() == []


def test_an_admin_of_a_line_reads_of_that_line_alone(app: Flask, line_ids: tuple[int, int]) -> None:
    scoped = sign_in(app, Grant(Role.ADMIN, line_id=line_ids[0]))
    for path in ("/audit-log", "/audit-log.csv"):
        text = scoped.get(path).text
        assert "press renamed" in text
        assert "oven" not in text


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.MANAGER, Role.ENGINEER])
def test_only_admins_read_it(app: Flask, role: Role) -> None:
    somebody = sign_in(app, Grant(role))
    assert somebody.get("/audit-log").status_code == 403
    assert somebody.get("/audit-log.csv").status_code == 403


def test_no_page_changes_it(app: Flask, client: FlaskClient) -> None:
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/audit-log"):
            assert set(rule.methods or ()) <= {"GET", "HEAD", "OPTIONS"}
    assert client.post("/audit-log", headers=SAME_SITE).status_code in (400, 405)
