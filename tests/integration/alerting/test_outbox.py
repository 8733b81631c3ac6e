"""From a discrepancy to its deliveries, on SQLite and PostgreSQL, with channels that are fakes."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from db.base import utc_now
from db.engine import Database
from db.models import Alert, Delivery, Discrepancy
from db.queries import alert_dispatch, deliveries
from db.queries.outbox import write_alert
from services.alerting.loop import AlertLoop
from services.alerting.message import Message, NotDelivered
from services.alerting.policy import Policy
from tests.factories import make_discrepancy

LEASE = timedelta(minutes=1)


class FakeChannel:
    """Takes every message, but those for which `refuse` says why not."""

    def __init__(self, name="webhook", refuse=lambda message: None):
        self.name = name
        self.sent: list[Message] = []
        self._refuse = refuse

    def send(self, message: Message) -> None:
        if why := self._refuse(message):
            raise NotDelivered(why)
        self.sent.append(message)

    @property
    def events(self) -> list[str]:
        return [message.event for message in self.sent]


def open_one(database: Database) -> int:
    with database.sessions.begin() as session:
        discrepancy = make_discrepancy(session)
        write_alert(session, discrepancy, "discrepancy.opened")
        return discrepancy.id


def end_one(database: Database, discrepancy_id: int, state="resolved") -> None:
    with database.sessions.begin() as session:
        discrepancy = session.get_one(Discrepancy, discrepancy_id)
        discrepancy.state = state
        discrepancy.closed_at = utc_now()
        write_alert(session, discrepancy, "discrepancy.resolved")


def make_due(database: Database) -> None:
    """Let the time pass that a retry or a lease waits for."""
    past = utc_now() - timedelta(hours=1)
    with database.sessions.begin() as session:
        for delivery in session.scalars(select(Delivery).where(Delivery.state == "due")):
            delivery.next_at = past
            if delivery.lease_until is not None:
                delivery.lease_until = past


def states(database: Database) -> list[tuple[str, str, str]]:
    with database.reads() as session:
        rows = session.execute(
            select(Alert.event, Delivery.channel, Delivery.state)
            .join(Alert)
            .order_by(Alert.id, Delivery.channel)
        )
        return [(event.partition(".")[2], channel, state) for event, channel, state in rows]


def loop_of(database: Database, *channels: FakeChannel, attempts=3) -> AlertLoop:
    return AlertLoop(
        database,
        channels,
        policy=Policy(attempts=attempts),
        public_url="https://lineside.example",
        stop=threading.Event(),
    )


def test_opening_and_resolving_are_told_on_every_channel_and_once(any_database):
    webhook, mail = FakeChannel("webhook"), FakeChannel("smtp")
    loop = loop_of(any_database, webhook, mail)
    discrepancy_id = open_one(any_database)
    assert loop.run_once() == 2
    end_one(any_database, discrepancy_id)
    assert loop.run_once() == 2
    assert loop.run_once() == 0
    assert webhook.events == mail.events == ["discrepancy.opened", "discrepancy.resolved"]
    opened, resolved = webhook.sent
    assert opened.idempotency_key == mail.sent[0].idempotency_key != resolved.idempotency_key
    assert opened.payload["station"]["name"].startswith("Station")
    assert opened.page_url == f"https://lineside.example/discrepancies/{discrepancy_id}"
    assert {state for _, _, state in states(any_database)} == {"sent"}


def test_an_alert_lives_and_dies_with_the_transaction_of_its_discrepancy(any_database):
    with any_database.sessions() as session:
        write_alert(session, make_discrepancy(session), "discrepancy.opened")
        session.flush()
        session.rollback()  # the worker dies here
    channel = FakeChannel()
    assert loop_of(any_database, channel).run_once() == 0
    assert channel.sent == []


def test_without_a_channel_alerts_are_marked_and_nothing_else(any_database):
    for _ in range(3):
        open_one(any_database)
    loop_of(any_database).run_once()
    assert states(any_database) == []
    with any_database.reads() as session:
        assert not alert_dispatch.waiting_alerts(session)


@pytest.mark.parametrize("state", ["resolved", "false_call"])
def test_what_is_gone_before_it_was_told_is_not_told(any_database, state):
    discrepancy_id = open_one(any_database)
    end_one(any_database, discrepancy_id, state)
    channel = FakeChannel()
    loop_of(any_database, channel).run_once()
    assert channel.sent == []
    assert states(any_database) == [
        ("opened", "webhook", "dropped"),
        ("resolved", "webhook", "dropped"),
    ]


def test_what_is_gone_after_a_try_that_may_have_arrived_is_told_as_ended(any_database):
    channel = FakeChannel(
        refuse=lambda message: "late" if message.event.endswith("opened") else None
    )
    loop = loop_of(any_database, channel)
    discrepancy_id = open_one(any_database)
    loop.run_once()
    end_one(any_database, discrepancy_id)
    make_due(any_database)
    loop.run_once()
    assert channel.events == ["discrepancy.resolved"]
    assert states(any_database) == [
        ("opened", "webhook", "dropped"),
        ("resolved", "webhook", "sent"),
    ]


def test_an_acknowledged_one_is_still_told(any_database):
    discrepancy_id = open_one(any_database)
    with any_database.sessions.begin() as session:
        session.get_one(Discrepancy, discrepancy_id).state = "acknowledged"
    channel = FakeChannel()
    loop_of(any_database, channel).run_once()
    assert channel.events == ["discrepancy.opened"]


def test_an_end_waits_while_its_opening_is_under_way(any_database):
    discrepancy_id = open_one(any_database)
    with any_database.sessions.begin() as session:
        alert_dispatch.take_in(session, ["webhook"])
        opening = deliveries.claim(session, "webhook", LEASE)
    assert opening is not None
    end_one(any_database, discrepancy_id)
    channel = FakeChannel()
    loop = loop_of(any_database, channel)
    assert loop.run_once() == 0
    with any_database.sessions.begin() as session:
        assert deliveries.settle_sent(session, opening)
    assert loop.run_once() == 1
    assert channel.events == ["discrepancy.resolved"]


def test_it_is_tried_again_later_and_then_given_up_visibly(any_database):
    open_one(any_database)
    loop = loop_of(any_database, FakeChannel(refuse=lambda _: "host answered 500"), attempts=3)
    assert loop.run_once() == 1
    assert loop.run_once() == 0, "the second attempt waits for its time"
    with any_database.reads() as session:
        delivery = session.scalars(select(Delivery)).one()
        assert (delivery.state, delivery.attempts) == ("due", 1)
        assert delivery.next_at > utc_now()
    for _ in range(2):
        make_due(any_database)
        assert loop.run_once() == 1
    with any_database.reads() as session:
        delivery = session.scalars(select(Delivery)).one()
        assert (delivery.state, delivery.attempts) == ("failed", 3)
        assert delivery.last_error == "host answered 500"
    make_due(any_database)
    assert loop.run_once() == 0


def test_what_was_given_up_can_be_sent_again(any_database):
    open_one(any_database)
    loop_of(any_database, FakeChannel(refuse=lambda _: "no"), attempts=1).run_once()
    with any_database.sessions.begin() as session:
        assert deliveries.retry_failed(session) == 1
    channel = FakeChannel()
    loop_of(any_database, channel).run_once()
    assert channel.events == ["discrepancy.opened"]


def test_a_channel_in_trouble_delays_no_other(any_database):
    for _ in range(3):
        open_one(any_database)
    mail = FakeChannel("smtp")
    loop_of(any_database, FakeChannel("webhook", refuse=lambda _: "down"), mail).run_once()
    assert len(mail.sent) == 3


def test_a_held_delivery_is_not_taken_by_another_until_its_lease_ran_out(any_database):
    open_one(any_database)
    with any_database.sessions.begin() as session:
        alert_dispatch.take_in(session, ["webhook"])
        zombie = deliveries.claim(session, "webhook", LEASE)
    assert zombie is not None
    with any_database.sessions.begin() as session:
        assert deliveries.claim(session, "webhook", LEASE) is None
    make_due(any_database)
    with any_database.sessions.begin() as session:
        heir = deliveries.claim(session, "webhook", LEASE)
    assert heir is not None
    assert heir.idempotency_key == zombie.idempotency_key
    with any_database.sessions.begin() as session:
        assert not deliveries.settle_failed(session, zombie, "too late", None)
        assert not deliveries.settle_sent(session, zombie)
    with any_database.sessions.begin() as session:
        assert deliveries.settle_sent(session, heir)


def test_what_ends_the_process_in_every_attempt_is_given_up(any_database):
    open_one(any_database)
    with any_database.sessions.begin() as session:
        alert_dispatch.take_in(session, ["webhook"])
    for _ in range(3):
        with any_database.sessions.begin() as session:
            assert deliveries.claim(session, "webhook", LEASE) is not None
        make_due(any_database)
    channel = FakeChannel()
    loop_of(any_database, channel, attempts=3).run_once()
    assert channel.sent == []
    assert states(any_database) == [("opened", "webhook", "failed")]


def test_two_dispatchers_and_senders_at_once_send_each_alert_once(any_database):
    count = 40
    for _ in range(count):
        open_one(any_database)
    channel = FakeChannel()
    start = threading.Barrier(2)

    def run() -> None:
        start.wait()
        loop_of(any_database, channel).run_once()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    keys = [message.idempotency_key for message in channel.sent]
    assert len(keys) == len(set(keys)) == count
    assert [state for _, _, state in states(any_database)] == ["sent"] * count


def test_an_idle_turn_takes_no_write_lock(any_database):
    loop = loop_of(any_database, FakeChannel())
    with any_database.sessions.begin():
        # Another writer is in the middle of something; an idle loop must not wait for it.
        assert loop.run_once() == 0
