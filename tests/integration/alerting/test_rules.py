"""Rules: who is told of what and when, by a clock that the test turns, on both databases."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from db.engine import Database
from db.models import Alert, AlertRule, AlertWatch, Camera, Delivery, Discrepancy, Line, Station
from db.queries import alert_channels, alert_rules, discrepancies, snoozing
from db.queries.alert_places import AlertPlace
from db.queries.alert_rules import RuleValues
from db.queries.outbox import write_alert
from services.alerting.loop import AlertLoop
from services.alerting.message import Message
from services.alerting.policy import Policy
from tests.factories import (
    Found,
    decide,
    make_camera,
    make_discrepancy,
    make_line,
    make_site,
    make_station,
)
from tests.integration.alerting.test_outbox import FakeChannel
from tests.unit.db.conftest import database as database  # a fixture
from tests.unit.db.conftest import empty_sqlite as empty_sqlite

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
MINUTE = 60


class Plant:
    """Two lines of one site, two channels of the environment, and a clock that stands still."""

    def __init__(self, its: Database, timezone: str = "UTC") -> None:
        self.database = its
        self.now = NOON
        self.mail, self.chat = FakeChannel("smtp"), FakeChannel("webhook")
        with its.sessions.begin() as session:
            site = make_site(session, timezone=timezone)
            self.site_id = site.id
            self.lines: list[int] = []
            self.cameras: list[int] = []
            for _ in range(2):
                line = make_line(session, site)
                camera = make_camera(session, make_station(session, line))
                self.lines.append(line.id)
                self.cameras.append(camera.id)
            alert_channels.present_environment(session, {"smtp": "mail", "webhook": "chat"})
        with its.reads() as session:
            self.channel_ids = {row.key: row.id for row in alert_channels.all_channels(session)}
        self.loop = self.new_loop()

    def new_loop(self) -> AlertLoop:
        return AlertLoop(
            self.database,
            [self.mail, self.chat],
            policy=Policy(attempts=3),
            public_url="",
            stop=threading.Event(),
            clock=lambda _: self.now,
        )

    def rule(self, *channels: str, escalate: str | None = None, **values: object) -> int:
        both = {"name": "a rule", "channel_ids": [self.channel_ids[key] for key in channels]}
        if escalate is not None:
            values["escalation_channel_ids"] = [self.channel_ids[escalate]]
        with self.database.sessions.begin() as session:
            return alert_rules.create_rule(session, RuleValues(**both | values)).id

    def opens(self, line: int = 0, **values: object) -> int:
        with self.database.sessions.begin() as session:
            camera = session.get_one(Camera, self.cameras[line])
            seen = decide(session, camera, "fail", found=[Found()], captured_at=self.now)
            discrepancy = make_discrepancy(
                session, seen, **{"place": f"cell {seen.id}", "detail": "crack"} | values
            )
            write_alert(session, discrepancy, "discrepancy.opened")
            return discrepancy.id

    def ends(self, discrepancy_id: int) -> None:
        with self.database.sessions.begin() as session:
            discrepancies.resolve(session, discrepancy_id, "somebody")

    def changes(self, discrepancy_id: int, **values: object) -> None:
        with self.database.sessions.begin() as session:
            row = session.get_one(Discrepancy, discrepancy_id)
            for name, value in values.items():
                setattr(row, name, value)

    def passes(self, **span: float) -> None:
        """Let time pass, and the loop take its turn."""
        self.now += timedelta(**span)
        self.loop.run_once()

    def at(self, moment: datetime) -> None:
        self.now = moment.astimezone(UTC)
        self.loop.run_once()

    def watches(self) -> list[tuple[str, str | None]]:
        with self.database.reads() as session:
            rows = session.execute(
                select(AlertWatch.state, AlertWatch.why_over).order_by(AlertWatch.id)
            )
            return [(state, why) for state, why in rows]

    def states(self) -> list[tuple[str, str, str]]:
        """What rules have told, or would have."""
        with self.database.reads() as session:
            rows = session.execute(
                select(Alert.event, Delivery.channel, Delivery.state)
                .join(Alert)
                .where(Delivery.rule_name.is_not(None))
                .order_by(Delivery.id)
            )
            return [(event.partition(".")[2], channel, state) for event, channel, state in rows]


@pytest.fixture
def any_plant(any_database: Database) -> Plant:
    return Plant(any_database)


@pytest.fixture
def plant(database: Database) -> Plant:
    return Plant(database)


def told(channel: FakeChannel) -> list[tuple[str, int]]:
    return [(each.event.partition(".")[2], 1 + len(each.others)) for each in channel.sent]


def about(channel: FakeChannel) -> list[int]:
    return [each.discrepancy_id for each in channel.sent]


def test_a_channel_of_the_environment_is_told_everything_until_a_rule_names_it(plant: Plant):
    plant.opens()
    plant.passes(seconds=1)
    assert (told(plant.mail), told(plant.chat)) == ([("opened", 1)], [("opened", 1)])
    plant.rule("smtp", place=AlertPlace(line_id=plant.lines[1]))
    plant.opens()
    plant.passes(seconds=1)
    assert len(plant.mail.sent) == 1, "a rule names the mail now, and it is for another line"
    assert len(plant.chat.sent) == 2


@pytest.mark.parametrize(
    ("values", "opened", "is_told"),
    [
        ({}, {}, True),
        ({"kinds": ["crack"]}, {}, True),
        ({"kinds": ["pit", "dent"]}, {}, False),
        ({"min_severity": "fail"}, {"severity": "warn"}, False),
        ({"min_severity": "warn"}, {"severity": "warn"}, True),
        ({"seen_at_least": 3}, {"seen_count": 2}, False),
        ({"seen_at_least": 3}, {"seen_count": 3}, True),
        ({"enabled": False}, {}, False),
    ],
)
def test_a_rule_tells_what_it_says(plant: Plant, values, opened, is_told):
    plant.rule("smtp", **values)
    discrepancy_id = plant.opens(**opened)
    plant.passes(seconds=1)
    assert about(plant.mail) == ([discrepancy_id] if is_told else [])


@pytest.mark.parametrize("place", ["site_id", "line_id", "station_id"])
def test_a_rule_is_for_its_place(plant: Plant, place: str):
    with plant.database.sessions.begin() as session:
        station = session.get_one(Camera, plant.cameras[1]).station
        other = make_station(session, make_line(session, make_site(session)))
        ids = {"site_id": plant.site_id, "line_id": station.line_id, "station_id": station.id}
        plant.cameras.append(make_camera(session, other).id)
    plant.rule("smtp", place=AlertPlace(**{place: ids[place]}))
    first, second, _elsewhere = plant.opens(0), plant.opens(1), plant.opens(2)
    plant.passes(seconds=1)
    assert about(plant.mail) == ([first, second] if place == "site_id" else [second])


def test_it_is_told_when_it_has_been_open_for_long_enough(plant: Plant):
    plant.rule("smtp", open_for_s=5 * MINUTE)
    discrepancy_id = plant.opens()
    plant.passes(minutes=4, seconds=59)
    assert plant.mail.sent == []
    plant.passes(seconds=1)
    assert about(plant.mail) == [discrepancy_id]
    plant.passes(hours=1)
    assert len(plant.mail.sent) == 1


@pytest.mark.parametrize("action", [discrepancies.resolve, discrepancies.false_call])
def test_what_is_gone_before_it_was_told_is_told_to_nobody(plant: Plant, action: Callable):
    plant.rule("smtp", open_for_s=5 * MINUTE)
    discrepancy_id = plant.opens()
    plant.passes(minutes=1)
    with plant.database.sessions.begin() as session:
        action(session, discrepancy_id, "somebody")
    plant.passes(minutes=10)
    assert plant.mail.sent == []
    ((state, why),) = plant.watches()
    assert state == "over"
    assert "before it was told" in str(why)


def test_what_somebody_took_care_of_in_time_is_not_told(plant: Plant):
    plant.rule("smtp", open_for_s=5 * MINUTE)
    discrepancy_id = plant.opens()
    plant.passes(minutes=1)
    with plant.database.sessions.begin() as session:
        discrepancies.acknowledge(session, discrepancy_id, "somebody")
    plant.passes(minutes=10)
    assert plant.mail.sent == []


def test_who_was_told_is_told_its_end_and_nobody_else(any_plant: Plant):
    any_plant.rule("smtp")
    any_plant.rule("webhook", tell_end=False)
    discrepancy_id = any_plant.opens()
    any_plant.passes(seconds=1)
    any_plant.ends(discrepancy_id)
    any_plant.passes(seconds=1)
    assert told(any_plant.mail) == [("opened", 1), ("resolved", 1)]
    assert told(any_plant.chat) == [("opened", 1)]


def test_what_becomes_worse_is_told_then_and_as_it_is_then(any_plant: Plant):
    any_plant.rule("smtp", min_severity="fail", seen_at_least=3)
    discrepancy_id = any_plant.opens(severity="warn", detail="crack 2.5 mm")
    any_plant.passes(minutes=1)
    any_plant.changes(discrepancy_id, severity="fail", detail="crack 4.8 mm", seen_count=2)
    any_plant.passes(minutes=1)
    assert any_plant.mail.sent == []
    any_plant.changes(discrepancy_id, seen_count=3)
    any_plant.passes(minutes=1)
    (message,) = any_plant.mail.sent
    assert (message.payload["severity"], message.payload["detail"]) == ("fail", "crack 4.8 mm")


def test_two_rules_tell_one_channel_but_once(any_plant: Plant):
    any_plant.rule("smtp", name="first")
    any_plant.rule("smtp", name="second", open_for_s=MINUTE)
    discrepancy_id = any_plant.opens()
    any_plant.passes(seconds=1)
    any_plant.passes(minutes=2)
    any_plant.ends(discrepancy_id)
    any_plant.passes(seconds=1)
    assert told(any_plant.mail) == [("opened", 1), ("resolved", 1)]


def test_what_one_line_brings_within_the_window_is_one_message(plant: Plant):
    plant.rule("smtp", group_s=5 * MINUTE)
    first = plant.opens(0)
    plant.passes(seconds=0)
    plant.passes(minutes=2)
    second, elsewhere, gone = plant.opens(0), plant.opens(1), plant.opens(0)
    plant.ends(gone)
    plant.passes(seconds=0)
    plant.passes(minutes=2, seconds=59)
    assert plant.mail.sent == []
    plant.passes(seconds=1)
    (message,) = plant.mail.sent
    assert [message.discrepancy_id, *(each.discrepancy_id for each in message.others)] == [
        first,
        second,
    ]
    assert message.subject.endswith("and 1 more")
    plant.passes(minutes=5)
    assert about(plant.mail) == [first, elsewhere]


def test_a_group_is_one_message_with_one_fate_and_each_attempt_has_its_key(any_plant: Plant):
    refusals = ["451 later"]
    keys: list[str] = []

    def refuse(message: Message) -> str | None:
        keys.append(message.idempotency_key)
        return refusals.pop() if refusals else None

    any_plant.mail._refuse = refuse
    any_plant.rule("smtp", group_s=MINUTE)
    for _ in range(3):
        any_plant.opens()
    any_plant.passes(seconds=1)
    any_plant.passes(minutes=1)
    assert any_plant.states() == [("opened", "smtp", "due")] * 3
    any_plant.passes(minutes=10)
    assert any_plant.states() == [("opened", "smtp", "sent")] * 3
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_a_message_has_fifty_at_most_and_the_rest_is_the_next(plant: Plant):
    plant.rule("smtp", group_s=MINUTE)
    for _ in range(60):
        plant.opens()
    plant.passes(seconds=0)
    plant.passes(minutes=1)
    assert told(plant.mail) == [("opened", 50), ("opened", 10)]


def test_ends_are_grouped_as_their_openings_were(plant: Plant):
    plant.rule("smtp", group_s=MINUTE)
    opened = [plant.opens() for _ in range(3)]
    plant.passes(seconds=1)
    plant.passes(minutes=1)
    for discrepancy_id in opened:
        plant.ends(discrepancy_id)
    plant.passes(seconds=1)
    assert told(plant.mail) == [("opened", 3)]
    plant.passes(minutes=1)
    assert told(plant.mail) == [("opened", 3), ("resolved", 3)]


def test_after_a_message_a_line_is_left_in_peace_and_nothing_is_lost(any_plant: Plant):
    any_plant.rule("smtp", cooldown_s=10 * MINUTE)
    first = any_plant.opens(0)
    any_plant.passes(seconds=1)
    second = any_plant.opens(0)
    elsewhere = any_plant.opens(1)
    any_plant.passes(minutes=4)
    third = any_plant.opens(0)
    any_plant.passes(minutes=5, seconds=58)
    assert about(any_plant.mail) == [first, elsewhere]
    any_plant.passes(seconds=2)
    assert about(any_plant.mail) == [first, elsewhere, second]
    assert [each.discrepancy_id for each in any_plant.mail.sent[-1].others] == [third]


def test_nobody_is_told_in_quiet_hours_and_in_the_morning_what_is_still_there(any_plant: Plant):
    any_plant.rule("smtp", quiet_from=time(22), quiet_to=time(6))
    any_plant.at(NOON.replace(hour=23))
    over, stays = any_plant.opens(), any_plant.opens()
    any_plant.passes(minutes=1)
    any_plant.ends(over)
    any_plant.at(NOON + timedelta(hours=17, minutes=59))
    assert any_plant.mail.sent == []
    any_plant.at(NOON + timedelta(hours=18))
    assert about(any_plant.mail) == [stays]


@pytest.mark.parametrize(
    ("night", "utc_hour"), [((2026, 3, 28), 4), ((2026, 7, 1), 4), ((2026, 10, 24), 5)]
)
def test_quiet_hours_are_those_of_the_wall_clock_when_it_is_changed(
    database: Database,
    night: tuple[int, int, int],
    utc_hour: int,
):
    plant = Plant(database, "Europe/Vienna")
    plant.rule("smtp", quiet_from=time(22), quiet_to=time(6))
    plant.now = datetime(*night, 23, tzinfo=ZoneInfo("Europe/Vienna")).astimezone(UTC)
    plant.opens()
    six = datetime(*night, utc_hour, tzinfo=UTC) + timedelta(days=1)
    plant.at(six - timedelta(seconds=1))
    assert plant.mail.sent == []
    plant.at(six)
    assert len(plant.mail.sent) == 1


def test_an_end_in_quiet_hours_is_told_after_them(plant: Plant):
    plant.rule("smtp", quiet_from=time(22), quiet_to=time(6))
    plant.at(NOON.replace(hour=21, minute=59))
    discrepancy_id = plant.opens()
    plant.passes(seconds=1)
    plant.at(NOON.replace(hour=23))
    plant.ends(discrepancy_id)
    plant.passes(minutes=1)
    assert told(plant.mail) == [("opened", 1)]
    plant.at(NOON + timedelta(hours=18))
    assert told(plant.mail) == [("opened", 1), ("resolved", 1)]


def test_what_nobody_acknowledges_is_told_to_others_too(any_plant: Plant):
    any_plant.rule("smtp", escalate="webhook", escalate_after_s=15 * MINUTE)
    discrepancy_id = any_plant.opens()
    any_plant.passes(seconds=1)
    any_plant.passes(minutes=14, seconds=59)
    assert any_plant.chat.sent == []
    any_plant.passes(seconds=1)
    assert told(any_plant.chat) == [("escalated", 1)]
    assert "Nobody has acknowledged it" in any_plant.chat.sent[0].subject
    any_plant.passes(hours=2)
    assert len(any_plant.chat.sent) == 1
    any_plant.ends(discrepancy_id)
    any_plant.passes(seconds=1)
    assert told(any_plant.chat)[-1] == told(any_plant.mail)[-1] == ("resolved", 1)


@pytest.mark.parametrize("when", ["before it is due", "before it is delivered"])
def test_what_somebody_acknowledged_is_not_escalated(plant: Plant, when: str):
    plant.chat._refuse = lambda _: "503"
    plant.rule("smtp", escalate="webhook", escalate_after_s=15 * MINUTE)
    discrepancy_id = plant.opens()
    plant.passes(seconds=1)
    if when == "before it is delivered":
        plant.passes(minutes=15)
    with plant.database.sessions.begin() as session:
        discrepancies.acknowledge(session, discrepancy_id, "somebody")
    plant.chat._refuse = lambda _: None
    plant.passes(hours=1)
    assert plant.chat.sent == []
    if when == "before it is delivered":
        assert plant.states()[-1] == ("escalated", "webhook", "dropped")


def test_a_snoozed_discrepancy_is_told_again_at_the_end_if_it_is_still_there(any_plant: Plant):
    any_plant.rule("smtp", escalate="webhook", escalate_after_s=15 * MINUTE)
    discrepancy_id = any_plant.opens()
    any_plant.passes(seconds=1)
    with any_plant.database.sessions.begin() as session:
        until = any_plant.now + timedelta(hours=2)
        snoozing.snooze(session, discrepancy_id, until, "manager", now=any_plant.now)
    any_plant.passes(hours=1, minutes=59, seconds=59)
    assert (told(any_plant.mail), any_plant.chat.sent) == ([("opened", 1)], [])
    any_plant.passes(seconds=1)
    assert told(any_plant.mail) == [("opened", 1), ("reminded", 1)]
    assert any_plant.chat.sent == [], "it has its quarter of an hour anew"
    any_plant.passes(minutes=15)
    assert told(any_plant.chat) == [("escalated", 1)]
    any_plant.passes(minutes=15)
    assert len(any_plant.mail.sent) == 2


def test_one_that_is_snoozed_before_it_was_told_waits_for_the_end(plant: Plant):
    plant.rule("smtp", open_for_s=MINUTE)
    discrepancy_id = plant.opens()
    with plant.database.sessions.begin() as session:
        until = plant.now + timedelta(hours=2)
        snoozing.snooze(session, discrepancy_id, until, "manager", now=plant.now)
    plant.passes(hours=1)
    assert plant.mail.sent == []
    plant.passes(hours=1)
    assert told(plant.mail) == [("opened", 1)]


def test_a_snoozed_rule_says_what_is_left_at_the_end(plant: Plant):
    rule_id = plant.rule("smtp")
    with plant.database.sessions.begin() as session:
        until = plant.now + timedelta(hours=2)
        alert_rules.snooze_rule(session, rule_id, until, "manager", plant.now)
    over, stays = plant.opens(), plant.opens()
    plant.passes(hours=1)
    plant.ends(over)
    plant.passes(minutes=59, seconds=59)
    assert plant.mail.sent == []
    plant.passes(seconds=1)
    assert about(plant.mail) == [stays]


def test_a_channel_that_is_switched_off_is_passed_over_for_all_to_see(plant: Plant):
    plant.rule("smtp", "webhook")
    with plant.database.sessions.begin() as session:
        alert_channels.present_environment(session, {"webhook": "chat"})
    plant.opens()
    plant.passes(seconds=1)
    assert sorted(plant.states()) == [("opened", "smtp", "dropped"), ("opened", "webhook", "sent")]


def test_a_removed_rule_leaves_what_it_has_told_in_the_log(plant: Plant):
    rule_id = plant.rule("smtp", name="Night shift")
    plant.opens()
    plant.passes(seconds=1)
    with plant.database.sessions.begin() as session:
        alert_rules.remove_rule(session, rule_id)
    plant.opens()
    with plant.database.reads() as session:
        assert session.scalars(select(AlertRule)).all() == []
        told_by = session.scalars(select(Delivery.rule_name).where(Delivery.channel == "smtp"))
        assert told_by.all() == ["Night shift"]


def test_two_dispatchers_at_once_tell_each_but_once(any_plant: Plant):
    any_plant.rule("smtp", cooldown_s=MINUTE)
    any_plant.rule("webhook", group_s=0)
    for number in range(20):
        any_plant.opens(number % 2)
    start = threading.Barrier(2)

    def run() -> None:
        loop = any_plant.new_loop()
        start.wait()
        for _ in range(3):
            loop.run_once()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    any_plant.loop.run_once()
    mailed = [one.discrepancy_id for each in any_plant.mail.sent for one in (each, *each.others)]
    assert len(any_plant.mail.sent) == 2, "one message a line, because of the cool-down"
    assert len(mailed) == len(set(mailed)) == 20
    called = [one.discrepancy_id for each in any_plant.chat.sent for one in (each, *each.others)]
    assert len(called) == len(set(called)) == 20


def test_a_station_that_moves_is_told_of_by_the_rule_of_its_new_line(plant: Plant):
    plant.rule("smtp", place=AlertPlace(line_id=plant.lines[1]))
    with plant.database.sessions.begin() as session:
        station_id = session.get_one(Camera, plant.cameras[0]).station_id
        session.get_one(Station, station_id).line_id = session.get_one(Line, plant.lines[1]).id
    plant.opens(0)
    plant.passes(seconds=1)
    assert len(plant.mail.sent) == 1
