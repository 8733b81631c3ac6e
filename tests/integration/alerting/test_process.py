"""`lineside alerts` as a process: killed, stopped, and with receivers in trouble."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from sqlalchemy import select

from db.engine import Database
from db.heartbeat import age_s
from db.models import Delivery
from tests.integration.alerting.receivers import (
    SECRET,
    Behaviour,
    Mailbox,
    answer,
    hang,
    http_receiver,
    mail_receiver,
    verified,
)
from tests.integration.alerting.test_outbox import open_one
from tests.servers import wait_until

MAIL = {"LINESIDE_ALERT_TO": "who@example.com", "LINESIDE_ALERT_FROM": "line@plant.example"}


class Alerts:
    """The process, its settings, and its log."""

    def __init__(self, database_url: str, log: Path, **settings: str) -> None:
        self._log = log
        self.data_dir = log.parent
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("LINESIDE_")},
            "LINESIDE_DATABASE_URL": database_url,
            "LINESIDE_DATA_DIR": str(self.data_dir),
            "LINESIDE_WEBHOOK_ALLOW_PRIVATE": "true",
            "LINESIDE_ALERT_RETRY_S": "0.2",
            "LINESIDE_ALERT_LEASE_S": "1",
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lineside", "alerts"],
            env=self._environment,
            stdout=self._log.open("ab"),
            stderr=subprocess.STDOUT,
        )

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(10)

    @property
    def said(self) -> str:
        return self._log.read_text()


@pytest.fixture
def alerts(any_database_url: str, tmp_path: Path) -> Iterator[Callable[..., Alerts]]:
    made: list[Alerts] = []

    def make(**settings: str) -> Alerts:
        made.append(Alerts(any_database_url, tmp_path / "alerts.log", **settings))
        return made[-1]

    yield make
    for one in made:
        if one.process is not None and one.process.poll() is None:
            one.end(signal.SIGKILL)


@contextmanager
def webhook(*behaviours: Behaviour) -> Iterator[tuple[dict[str, str], list]]:
    with http_receiver(*behaviours) as receiver:
        yield (
            {"LINESIDE_WEBHOOK_URL": receiver.url, "LINESIDE_WEBHOOK_SECRET": SECRET},
            receiver.requests,
        )


def delivery_states(database: Database) -> list[str]:
    with database.reads() as session:
        return list(session.scalars(select(Delivery.state).order_by(Delivery.id)))


def test_an_alert_reaches_both_channels(alerts, any_database):
    mailbox = Mailbox()
    with webhook() as (settings, requests), mail_receiver(mailbox) as port:
        one = alerts(**settings, **MAIL, LINESIDE_SMTP_URL=f"smtp://127.0.0.1:{port}")
        one.start()
        open_one(any_database)
        wait_until(lambda: delivery_states(any_database) == ["sent", "sent"], 20, "both are sent")
        assert age_s(one.data_dir / "run", "alerts") < 30, "its health check finds it alive"
    assert len(requests) == len(mailbox.envelopes) == 1
    key = requests[0].key
    assert f"Message-ID: <{key}@plant.example>".encode() in mailbox.envelopes[0].original_content


def test_killed_between_send_and_commit_it_repeats_with_the_same_key(alerts, any_database):
    """The receivers take the message and kill the sender before it can write that down."""
    killed = threading.Event()
    running: list[Alerts] = []

    def kill_sender(handler: BaseHTTPRequestHandler) -> None:
        running[0].end(signal.SIGKILL)
        killed.set()
        handler.close_connection = True

    with webhook(kill_sender, verified) as (settings, requests):
        one = alerts(**settings)
        running.append(one)
        open_one(any_database)
        one.start()
        assert killed.wait(20)
        assert delivery_states(any_database) == ["due"]
        one.start()
        wait_until(lambda: delivery_states(any_database) == ["sent"], 20, "the repeat is sent")
    first, second = requests
    assert first.key == second.key
    assert first.body == second.body


def test_a_killed_sender_repeats_its_mail_with_the_same_message_id(alerts, any_database):
    running: list[Alerts] = []

    class KillingMailbox(Mailbox):
        async def handle_DATA(self, server, session, envelope):
            if not self.envelopes:
                running[0].end(signal.SIGKILL)
            return await super().handle_DATA(server, session, envelope)

    mailbox = KillingMailbox()
    with mail_receiver(mailbox) as port:
        one = alerts(**MAIL, LINESIDE_SMTP_URL=f"smtp://127.0.0.1:{port}")
        running.append(one)
        open_one(any_database)
        one.start()
        wait_until(lambda: mailbox.envelopes, 20, "the first mail")
        one.start()
        wait_until(lambda: delivery_states(any_database) == ["sent"], 20, "the repeat is sent")
    first, second = (
        next(line for line in one.original_content.splitlines() if line.startswith(b"Message-ID"))
        for one in mailbox.envelopes
    )
    assert first == second


def test_trouble_is_tried_again_until_it_passes(alerts, any_database):
    with webhook(answer(500), answer(503), verified) as (settings, requests):
        one = alerts(**settings)
        open_one(any_database)
        one.start()
        wait_until(lambda: delivery_states(any_database) == ["sent"], 20, "the third is taken")
    assert len(requests) == 3
    assert len({request.key for request in requests}) == 1


def test_a_hanging_webhook_does_not_hold_the_mail(alerts, any_database):
    test_ends = threading.Event()
    mailbox = Mailbox()
    with webhook(hang(test_ends)) as (settings, requests), mail_receiver(mailbox) as port:
        one = alerts(**settings, **MAIL, LINESIDE_SMTP_URL=f"smtp://127.0.0.1:{port}")
        for _ in range(3):
            open_one(any_database)
        one.start()
        wait_until(lambda: requests, 20, "the webhook is asked and hangs")
        wait_until(lambda: len(mailbox.envelopes) == 3, 20, "the mails, while it hangs")
        wait_until(
            lambda: sorted(delivery_states(any_database)) == ["due"] * 3 + ["sent"] * 3,
            20,
            "the mails are sent, and the webhook still has none",
        )
        test_ends.set()


def test_it_ends_soon_in_mid_send(alerts, any_database):
    test_ends = threading.Event()
    with webhook(hang(test_ends)) as (settings, requests):
        one = alerts(**settings)
        open_one(any_database)
        one.start()
        wait_until(lambda: requests, 20, "the webhook is asked and hangs")
        started = time.monotonic()
        assert one.end(signal.SIGTERM) == 0
        # Two seconds on a free host; a busy one starts the interpreter's end late. The send that
        # is under way would last five.
        assert time.monotonic() - started < 4
        test_ends.set()


def test_giving_up_is_logged_and_no_secret_is(alerts, any_database):
    with webhook(answer(500)) as (settings, _):
        one = alerts(
            **settings,
            **MAIL,
            LINESIDE_SMTP_URL="smtp://line:p4ssw0rd@127.0.0.1:1",
            LINESIDE_ALERT_ATTEMPTS="2",
        )
        open_one(any_database)
        one.start()
        wait_until(lambda: delivery_states(any_database) == ["failed"] * 2, 20, "both fail")
        one.end()
    assert one.said.count("alert given up") == 2
    for secret in (SECRET, "p4ssw0rd", "secret-path"):
        assert secret not in one.said
    with any_database.reads() as session:
        for error in session.scalars(select(Delivery.last_error)):
            assert error
            assert not any(secret in error for secret in (SECRET, "p4ssw0rd", "secret-path"))


def test_a_wrong_setting_is_explained_and_not_shown(alerts):
    one = alerts(LINESIDE_WEBHOOK_URL="https://hooks.example/secret-path")
    one.start()
    assert one.process.wait(30) == 1
    assert "LINESIDE_WEBHOOK_SECRET" in one.said
    assert "secret-path" not in one.said
    assert "Traceback" not in one.said
