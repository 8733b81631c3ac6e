"""The pages of the alerts: what a manager enters, reads back, and may not see."""

import re
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from dashboards.values import EXTENSION
from db.access import Role
from db.credentials import SecretBox
from db.engine import Database
from db.models import AlertChannel, AlertRule, Delivery, Discrepancy
from db.queries import alert_channels, alert_rules, people
from db.queries.alert_places import AlertPlace
from db.queries.alert_rules import RuleValues
from db.queries.outbox import write_alert
from tests import factories
from tests.signed_in import sign_in
from tests.unit.dashboards.conftest import NOW, SAME_SITE

NASTY = "<script>alert(1)</script>"
URL = "https://hooks.example/T0/very-secret-path"


@pytest.fixture
def app(app: Flask, tmp_path: Path) -> Flask:
    """The same app, with a key that addresses are encrypted by."""
    parts = app.extensions[EXTENSION]
    values = replace(parts.values, secrets=lambda: SecretBox(tmp_path / "secret.key"))
    app.extensions[EXTENSION] = replace(parts, values=values)
    return app


def of_our_pages(client: FlaskClient) -> FlaskClient:
    """A client whose forms say where they were sent from, as every browser's do."""
    for name, value in SAME_SITE.items():
        client.environ_base[f"HTTP_{name.upper().replace('-', '_')}"] = value
    return client


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return of_our_pages(sign_in(app))


@pytest.fixture
def line_id(database: Database) -> int:
    with database.sessions.begin() as session:
        site = factories.make_site(session, timezone="Europe/Vienna", name="Store 14")
        return factories.make_line(session, site, name="Line 2").id


def add_channel(client: FlaskClient, **fields: str) -> Any:
    form = {"name": "Night shift", "kind": "webhook", "url": URL, "secret": "0123456789abcdef"}
    return client.post("/alerts/channels", data=form | fields)


def only(database: Database, entity: type) -> Any:
    with database.reads() as session:
        return session.scalars(select(entity)).one()


def test_a_first_visit_says_what_to_do(client: FlaskClient) -> None:
    html = client.get("/alerts").text
    assert "First add a channel" in html
    assert client.get("/alerts/log").status_code == 200


def test_a_channel_is_kept_encrypted_and_never_shown_again(
    client: FlaskClient, database: Database, tmp_path: Path
) -> None:
    answer = add_channel(client)
    assert answer.status_code == 303
    row = only(database, AlertChannel)
    assert "very-secret" not in str(row.secret)
    assert "very-secret" in SecretBox(tmp_path / "secret.key").unlock(row.secret)
    for path in (answer.headers["Location"], "/alerts", "/alerts/rules/new"):
        html = client.get(path).text
        assert "Night shift" in html
        assert "very-secret" not in html
        assert "0123456789abcdef" not in html


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"url": "ftp://x.example/very-secret"}, "https://host/"),
        ({"secret": "short"}, "16 characters"),
        ({"name": ""}, "name"),
        ({"url": ""}, "an address"),
        ({"kind": "apprise", "url": "syslog://localhost"}, "slack://"),
        ({"kind": "apprise", "url": "dbus://very-secret"}, "slack://"),
        ({"kind": "apprise", "url": "mailto://h.example/?pgpkey=/very-secret"}, "names a file"),
        ({"kind": "mail", "url": "smtp://h.example", "sender": "a@b.example"}, "mail address"),
        ({"kind": "other"}, "one of"),
        ({"place": "line-4711"}, "no line"),
    ],
)
def test_a_wrong_channel_is_explained_and_not_shown(
    client: FlaskClient, database: Database, fields: dict[str, str], expected: str
) -> None:
    answer = add_channel(client, **fields)
    assert answer.status_code == 422
    assert expected in answer.text
    # At most in the field that it was typed into; never where it can be read.
    assert "very-secret" not in answer.text.replace(f'value="{URL}"', "")
    with database.reads() as session:
        assert session.scalars(select(AlertChannel)).all() == []


@pytest.mark.parametrize(
    ("fields", "wrong", "kept"),
    [
        ({"secret": ""}, "secret: expected a secret of 16", ("url", "name")),
        ({"secret": "short"}, "secret: expected a secret of 16", ("url", "name")),
        ({"url": "ftp://h.example/x"}, "address: expected http", ("secret", "name")),
        (
            {"kind": "mail", "url": "smtp://u:p@h.example", "sender": "a@b.example"},
            "recipient: expected one mail address",
            ("url", "sender"),
        ),
    ],
)
def test_only_what_is_wrong_of_a_channel_must_be_typed_again(
    client: FlaskClient, fields: dict[str, str], wrong: str, kept: tuple[str, ...]
) -> None:
    sent = {"name": "Night shift", "kind": "webhook", "url": URL, "secret": "0123456789abcdef"}
    answer = add_channel(client, **fields)
    assert wrong in answer.text
    for name in ("name", "url", "secret", "sender"):
        shown = re.search(rf'<input name="{name}"[^>]* value="([^"]*)"', answer.text)
        assert shown is not None
        if name in kept:
            assert shown[1] == (sent | fields)[name]
        elif name in fields:
            assert shown[1] == ""


@pytest.mark.parametrize(("channels", "chosen"), [(0, 0), (1, 1), (2, 0)])
def test_a_new_rule_tells_the_only_channel_there_is(
    client: FlaskClient, channels: int, chosen: int
) -> None:
    for number in range(channels):
        add_channel(client, name=f"Channel {number}")
    html = client.get("/alerts/rules/new").text
    assert len(re.findall(r'name="channel" value="\d+" checked', html)) == chosen
    assert 'name="escalation" value="1" checked' not in html


def test_an_empty_address_keeps_the_one_that_is_there(
    client: FlaskClient, database: Database
) -> None:
    path = add_channel(client).headers["Location"]
    before = only(database, AlertChannel)
    client.post(path, data={"name": "Early shift", "kind": "webhook", "url": "", "enabled": "on"})
    after = only(database, AlertChannel)
    assert (after.name, after.secret, after.revision) == ("Early shift", before.secret, 2)


def test_a_test_is_asked_for_and_its_answer_is_shown(
    client: FlaskClient, database: Database
) -> None:
    path = add_channel(client).headers["Location"]
    assert client.post(f"{path}/test").status_code == 303
    assert "under way" in client.get(path).text
    with database.sessions.begin() as session:
        row = session.scalars(select(AlertChannel)).one()
        test = alert_channels.asked_test(session, row.key)
        assert test is not None
        assert alert_channels.take_test(session, test, NOW)
        assert not alert_channels.take_test(session, test, NOW), "another was first"
        alert_channels.settle_test(session, test, False, f"answered 500 {NASTY}", NOW)
    html = client.get(f"{path}/parts/test").text
    assert "answered 500" in html
    assert NASTY not in html


RULE = {
    "name": "Fails of line 2",
    "severity": "fail",
    "kinds": "crack, pit",
    "open_for": "5",
    "seen": "2",
    "escalate_after": "15",
    "quiet_from": "22:00",
    "quiet_to": "06:00",
    "group": "1.5",
    "cooldown": "60",
    "tell_end": "on",
    "enabled": "on",
}


def a_rule(client: FlaskClient, database: Database, line_id: int, **fields: str) -> Any:
    add_channel(client)
    channel = str(only(database, AlertChannel).id)
    both = {"channel": channel, "escalation": channel, "place": f"line-{line_id}"}
    return client.post("/alerts/rules", data=RULE | both | fields)


def test_a_rule_is_entered_and_read_back_as_sentences(
    client: FlaskClient, database: Database, line_id: int
) -> None:
    assert a_rule(client, database, line_id).status_code == 303
    rule = only(database, AlertRule)
    assert (rule.open_for_s, rule.group_s, rule.cooldown_s, rule.escalate_after_s) == (
        300,
        90,
        3600,
        900,
    )
    assert (rule.kinds, rule.line_id, rule.quiet_from) == (["crack", "pit"], line_id, time(22))
    html = client.get("/alerts").text
    for sentence in (
        "When a FAIL of crack, pit opens at Line 2, it tells “Night shift”.",
        "It waits until it has been open for 5 minutes.",
        "It waits until it was seen 2 times.",
        "If nobody acknowledges it within 15 minutes, it also tells “Night shift”.",
        "What one line brings within 90 seconds goes out as one message.",
        "After a message it leaves the line in peace for 1 hour.",
        "Not between 22:00 and 06:00; what is still open then is told at 06:00.",
    ):
        assert sentence in html
    form = client.get(f"/alerts/rules/{rule.id}").text
    assert 'value="crack, pit"' in form
    assert 'value="1.5"' in form


def test_a_form_that_is_not_sent_yet_says_what_it_would_do(
    client: FlaskClient, line_id: int
) -> None:
    said = client.post("/alerts/preview", data=RULE | {"place": f"line-{line_id}"}).text
    assert said.startswith("When a FAIL of crack, pit opens at Line 2, it tells nobody.")
    assert (
        "expected a number" in client.post("/alerts/preview", data={"name": "x", "seen": "y"}).text
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"channel": ""}, "channels"),
        ({"channel": "4711"}, "no channel"),
        ({"quiet_to": "22:00"}, "two different times"),
        ({"quiet_to": ""}, "both times"),
        ({"open_for": "-1"}, "0 or more"),
        ({"open_for": "99999"}, "604800"),
        ({"place": "line-4711"}, "no line"),
        ({"place": NASTY}, "out of the list"),
        ({"name": "x" * 101}, "1 to 100"),
        ({"seen": "0"}, "1 or more"),
    ],
)
def test_a_wrong_rule_is_explained_and_kept_in_the_form(
    client: FlaskClient, database: Database, line_id: int, fields: dict[str, str], expected: str
) -> None:
    answer = a_rule(client, database, line_id, **fields)
    assert answer.status_code in (404, 422)
    assert expected in answer.text
    assert NASTY not in answer.text
    with database.reads() as session:
        assert session.scalars(select(AlertRule)).all() == []


def test_of_two_who_edit_a_rule_the_second_is_told(
    client: FlaskClient, database: Database, line_id: int
) -> None:
    a_rule(client, database, line_id)
    rule = only(database, AlertRule)
    form = RULE | {"channel": "1", "escalation": "1", "revision": str(rule.revision)}
    assert client.post(f"/alerts/rules/{rule.id}", data=form | {"name": "A"}).status_code == 303
    second = client.post(f"/alerts/rules/{rule.id}", data=form | {"name": "B"})
    assert second.status_code == 409
    assert "somebody else has changed it" in second.text
    assert only(database, AlertRule).name == "A"


def test_a_rule_is_switched_off_snoozed_until_a_time_and_removed(
    client: FlaskClient, database: Database, line_id: int
) -> None:
    a_rule(client, database, line_id)
    path = f"/alerts/rules/{only(database, AlertRule).id}"
    client.post(f"{path}/switch", data={"to": "off"})
    assert not only(database, AlertRule).enabled
    client.post(f"{path}/switch", data={"to": "on"})
    client.post(f"{path}/snooze", data={"until": "14:00"})
    # 14:00 in Vienna; it is noon there.
    assert only(database, AlertRule).snoozed_until == datetime(2026, 7, 1, 12, tzinfo=UTC)
    client.post(f"{path}/snooze", data={"until": "11:00"})
    assert only(database, AlertRule).snoozed_until == datetime(2026, 7, 2, 9, tzinfo=UTC)
    assert "quiet until" in client.get("/alerts").text
    client.post(f"{path}/snooze", data={"until": ""})
    assert only(database, AlertRule).snoozed_until is None
    assert client.post("/alerts/channels/1/remove").status_code == 409, "a rule names it"
    client.post(f"{path}/remove")
    assert client.get(path).status_code == 404
    assert client.post("/alerts/channels/1/remove").status_code == 303


def given_up(database: Database) -> int:
    with database.sessions.begin() as session:
        discrepancy = factories.make_discrepancy(session)
        alert = write_alert(session, discrepancy, "discrepancy.opened")
        session.flush()
        session.add(
            Delivery(
                alert_id=alert.id, channel="smtp", state="failed", last_error=NASTY, attempts=12
            )
        )
        return discrepancy.id


def test_what_was_given_up_is_listed_and_tried_again(
    client: FlaskClient, database: Database
) -> None:
    given_up(database)
    given_up(database)
    assert "2 messages did not arrive" in client.get("/alerts").text
    html = client.get("/alerts/log?state=failed").text
    assert "given up" in html
    assert NASTY not in html
    assert client.post("/alerts/deliveries/1/again").status_code == 303
    with database.reads() as session:
        rows = session.scalars(select(Delivery).order_by(Delivery.id)).all()
        assert [(row.state, row.attempts) for row in rows] == [("due", 0), ("failed", 12)]
    client.post("/alerts/deliveries/again")
    with database.reads() as session:
        assert set(session.scalars(select(Delivery.state))) == {"due"}
    assert client.post("/alerts/deliveries/1/again").status_code == 409


def test_a_discrepancy_sleeps_until_the_time_that_a_manager_says(
    client: FlaskClient, database: Database
) -> None:
    discrepancy_id = given_up(database)
    client.post(f"/alerts/discrepancies/{discrepancy_id}/snooze", data={"until": "14:00"})
    assert only(database, Discrepancy).snoozed_until == NOW.replace(hour=14)
    assert "quiet until" in client.get("/alerts/log").text
    client.post(f"/alerts/discrepancies/{discrepancy_id}/snooze", data={"until": ""})
    assert only(database, Discrepancy).snoozed_until is None


def test_people_of_a_line_see_and_change_only_their_own(
    app: Flask, database: Database, line_id: int
) -> None:
    with database.sessions.begin() as session:
        other = factories.make_line(session, name="Line 9").id
        ids = {}
        for name, place in (
            ("all", AlertPlace()),
            ("mine", AlertPlace(line_id=line_id)),
            ("other", AlertPlace(line_id=other)),
        ):
            channel = AlertChannel(
                key=name, name=f"channel {name}", kind="webhook", line_id=place.line_id
            )
            session.add(channel)
            session.flush()
            rule = alert_rules.create_rule(
                session, RuleValues(f"rule {name}", [channel.id], place=place)
            )
            ids[name] = (rule.id, channel.id)
    client = of_our_pages(sign_in(app, people.Grant(Role.MANAGER, line_id=line_id)))
    html = client.get("/alerts").text
    assert "rule mine" in html
    assert "channel mine" in html
    for name in ("all", "other"):
        assert f"rule {name}" not in html
        assert f"channel {name}" not in html
        rule_id, channel_id = ids[name]
        for path in (f"/alerts/rules/{rule_id}", f"/alerts/channels/{channel_id}"):
            assert client.get(path).status_code == 404
            assert client.post(f"{path}/remove").status_code == 404
        form = {"name": "x", "channel": str(channel_id), "place": f"line-{line_id}"}
        assert client.post("/alerts/rules", data=form).status_code == 404
    mine = str(ids["mine"][1])
    for place in ("everywhere", f"line-{other}"):
        answer = client.post("/alerts/rules", data={"name": "x", "channel": mine, "place": place})
        assert answer.status_code in (404, 422), place
    form = {"name": "x", "channel": mine, "place": f"line-{line_id}"}
    assert client.post("/alerts/rules", data=form).status_code == 303


def test_an_operator_has_no_alerts_page(app: Flask, line_id: int) -> None:
    client = sign_in(app, people.Grant(Role.OPERATOR, line_id=line_id))
    assert client.get("/alerts").status_code in (403, 404)


def test_a_channel_that_who_edits_does_not_see_stays_in_the_rule(
    app: Flask, database: Database, line_id: int
) -> None:
    with database.sessions.begin() as session:
        theirs = AlertChannel(key="theirs", name="theirs", kind="webhook")
        mine = AlertChannel(key="mine", name="mine", kind="webhook", line_id=line_id)
        session.add_all([theirs, mine])
        session.flush()
        values = RuleValues("r", [theirs.id, mine.id], place=AlertPlace(line_id=line_id))
        rule_id, mine_id = alert_rules.create_rule(session, values).id, mine.id
    client = of_our_pages(sign_in(app, people.Grant(Role.MANAGER, line_id=line_id)))
    assert "a channel of others" in client.get("/alerts").text
    form = {"name": "renamed", "channel": str(mine_id), "place": f"line-{line_id}"}
    assert client.post(f"/alerts/rules/{rule_id}", data=form).status_code == 303
    with database.reads() as session:
        rule = alert_rules.get_rule(session, rule_id)
        assert rule.name == "renamed"
        assert {target.channel.name for target in rule.targets} == {"theirs", "mine"}


def test_the_pages_ask_a_fixed_number_of_queries(
    client: FlaskClient, database: Database, line_id: int, count_queries: Any
) -> None:
    a_rule(client, database, line_id)
    for _ in range(3):
        given_up(database)

    def asked(path: str) -> int:
        with count_queries() as statements:
            assert client.get(path).status_code == 200
        return len(statements)

    before = {path: asked(path) for path in ("/alerts", "/alerts/log")}
    with database.sessions.begin() as session:
        for number in range(5):
            alert_rules.create_rule(session, RuleValues(f"r{number}", [1]))
    for _ in range(5):
        given_up(database)
    assert {path: asked(path) for path in before} == before
