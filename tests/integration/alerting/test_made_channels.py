"""Channels that somebody made in the pages, towards real receivers: HTTP, SMTP and MQTT."""

import email
import email.policy
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest
from sqlalchemy import select

from db.alert_addresses import ChannelAddress, apprise_address, mail_address, webhook_address
from db.base import utc_now
from db.credentials import SecretBox
from db.engine import Database
from db.models import AlertChannel, Delivery
from db.queries import alert_channels, alert_rules
from db.queries.alert_places import EVERYWHERE
from db.queries.alert_rules import RuleValues
from services.alerting.apprise_channel import AppriseChannel, without_secrets
from services.alerting.loop import AlertLoop
from services.alerting.made_channels import made_channel
from services.alerting.message import Channel, NotDelivered
from services.alerting.policy import Policy
from tests.integration.alerting.broker import TOPIC, running_broker
from tests.integration.alerting.receivers import (
    SECRET,
    Mailbox,
    answer,
    hang,
    http_receiver,
    mail_receiver,
)
from tests.integration.alerting.test_outbox import open_one
from tests.servers import wait_until
from tests.unit.db.conftest import database as database  # a fixture
from tests.unit.db.conftest import empty_sqlite as empty_sqlite
from tests.unit.services.alerting.test_message import make_message

HERE = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    return SecretBox(tmp_path / "secret.key")


@pytest.fixture
def channel(box: SecretBox) -> Callable[..., Channel]:
    def make(address: ChannelAddress, networks=HERE) -> Channel:
        row = AlertChannel(key="channel-1", kind=address.kind, secret=box.lock(address.to_json()))
        return made_channel(row, lambda: box, networks)

    return make


def test_a_message_through_apprise_arrives_over_http(channel):
    with http_receiver(answer(200)) as receiver:
        url = f"json://line:right@127.0.0.1:{receiver.port}/hook"
        channel(apprise_address(url)).send(make_message())
    (request,) = receiver.requests
    body = json.loads(request.body)
    assert body["title"] == "[Lineside] crack at Press 3, cell B2: crack 4.8 mm > 3.0 mm"
    assert "Press 3, Line 1, Plant North" in body["message"]
    assert body["type"] == "failure"


def test_a_message_through_apprise_arrives_as_mail(channel):
    mailbox = Mailbox()
    with mail_receiver(mailbox) as port:
        url = f"mailto://127.0.0.1:{port}/?from=line@plant.example&to=who@example.com&mode=insecure"
        channel(apprise_address(f"{url}&smtp=127.0.0.1")).send(make_message())
    (envelope,) = mailbox.envelopes
    assert envelope.rcpt_tos == ["who@example.com"]
    mail = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
    assert "crack at Press 3" in mail["Subject"]


def test_a_message_through_apprise_arrives_over_mqtt(channel, tmp_path):
    with running_broker(tmp_path) as broker:
        url = f"mqtt://line:right@127.0.0.1:{broker.port}/{TOPIC}"
        channel(apprise_address(f"{url}?qos=1")).send(make_message())
        wait_until(lambda: broker.heard, 20, "the subscriber hears it")
        assert "crack at Press 3, cell B2" in broker.heard[0]
        wrong = f"mqtt://line:not-right@127.0.0.1:{broker.port}/{TOPIC}"
        with pytest.raises(NotDelivered) as caught:
            channel(apprise_address(wrong)).send(make_message())
        assert "not-right" not in str(caught.value)


def test_mail_of_ours_keeps_its_message_id(channel):
    mailbox = Mailbox(answers=["451 later", "250 OK"])
    with mail_receiver(mailbox) as port:
        ours = channel(
            mail_address(f"smtp://127.0.0.1:{port}", "line@plant.example", "who@example.com")
        )
        with pytest.raises(NotDelivered, match="451 later"):
            ours.send(make_message())
        ours.send(make_message())
    ids = {
        email.message_from_bytes(one.original_content)["Message-ID"] for one in mailbox.envelopes
    }
    assert ids == {"<key-1@plant.example>"}


@pytest.mark.parametrize("kind", ["webhook", "mail", "apprise", "apprise by name", "mqtt"])
def test_an_address_inside_is_refused_unless_it_is_allowed(channel, kind: str):
    with http_receiver(answer(200)) as receiver:
        address = {
            "webhook": lambda: webhook_address(receiver.url, SECRET),
            "mail": lambda: mail_address(
                f"smtp://127.0.0.1:{receiver.port}", "a@b.example", "c@d.example"
            ),
            "apprise": lambda: apprise_address(f"json://127.0.0.1:{receiver.port}/"),
            "apprise by name": lambda: apprise_address(f"json://localhost:{receiver.port}/"),
            "mqtt": lambda: apprise_address(f"mqtt://127.0.0.1:{receiver.port}/lineside"),
        }[kind]()
        with pytest.raises(NotDelivered, match="LINESIDE_ALERT_ALLOW_NETWORKS"):
            channel(address, networks=()).send(make_message())
        with pytest.raises(NotDelivered, match="LINESIDE_ALERT_ALLOW_NETWORKS"):
            channel(address, networks=(ip_network("10.0.0.0/8"),)).send(make_message())
    assert receiver.requests == []


def test_a_redirect_inside_leads_nowhere(channel):
    with http_receiver(answer(200), host="127.0.0.2") as inside:
        redirect = answer(307, headers=[("Location", inside.url)])
        with http_receiver(redirect) as receiver:
            address = apprise_address(f"json://127.0.0.1:{receiver.port}/")
            channel(address).send(make_message())
            assert len(inside.requests) == 1, "it follows where both are allowed"
            to_one = channel(address, networks=[ip_network("127.0.0.1")])
            with pytest.raises(NotDelivered, match=r"127\.0\.0\.2 is an address inside"):
                to_one.send(make_message())
    assert len(inside.requests) == 1


def test_a_service_that_refuses_says_so_without_any_secret(channel):
    with http_receiver(answer(403)) as receiver:
        url = f"json://line:pass-word@127.0.0.1:{receiver.port}/secret-path?+token=token-value"
        refused = channel(apprise_address(url))
        with pytest.raises(NotDelivered) as caught:
            refused.send(make_message())
    assert "403" in str(caught.value)
    for secret in ("pass-word", "secret-path", "token-value"):
        assert secret not in str(caught.value)


def test_a_service_that_hangs_is_ended_in_time():
    test_ends = threading.Event()
    with http_receiver(hang(test_ends)) as receiver:
        channel = AppriseChannel(
            f"json://127.0.0.1:{receiver.port}/", name="x", networks=HERE, timeout_s=3
        )
        with pytest.raises(NotDelivered, match="no answer within 3 s"):
            channel.send(make_message())
        test_ends.set()


def test_a_key_that_is_gone_is_said_so(tmp_path, box):
    address = apprise_address("json://example.com")
    row = AlertChannel(key="channel-1", kind="apprise", secret=box.lock(address.to_json()))
    other = SecretBox(tmp_path / "other.key")
    with pytest.raises(NotDelivered, match="enter the address again"):
        made_channel(row, lambda: other, ()).send(make_message())


TRIES = {
    "open('/etc/passwd')": "opens a file",
    "open('/tmp/x', 'w')": "opens a file",
    "import os; os.system('true')": "os.system",
    "import subprocess; subprocess.Popen(['true'])": "subprocess.Popen",
    "import socket; socket.create_connection(('169.254.169.254', 80))": "169.254.169.254",
    "import socket; socket.create_connection(('::ffff:10.0.0.1', 80))": "::ffff:10.0.0.1",
    "import socket; socket.socket(socket.AF_UNIX).connect('/run/x')": "/run/x",
    "import socket; socket.socket(type=2).sendto(b'', ('10.0.0.1', 53))": "10.0.0.1",
    "import socket; socket.socket().bind(('0.0.0.0', 8080))": "listens",
}


@pytest.mark.parametrize("code", TRIES)
def test_what_a_confined_process_may_not_do(code: str):
    script = (
        "from services.alerting.outside_only import confine, Refused\n"
        "confine([], [])\n"
        f"try:\n    {code}\nexcept Refused as error:\n    print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert TRIES[code] in said.stdout, said.stderr


@pytest.mark.parametrize(
    ("url", "text", "expected"),
    [
        ("slack://TAAA/BBBB/CCCC", "Slack: TAAA/BBBB/CCCC 404", "Slack: ***/***/*** 404"),
        ("json://u:pass@h.example/p%40th", "h.example said p@th", "h.example said ***"),
        ("mqtts://line:PassWord@h/topic", "bad password for line", "bad *** for ***"),
    ],
)
def test_words_of_a_service_lose_every_piece_of_the_url(url: str, text: str, expected: str):
    assert without_secrets(text, url) == expected


class Running:
    """The loop of `lineside alerts` over a database, with what somebody makes in the pages."""

    def __init__(self, its: Database, box: SecretBox) -> None:
        self.database, self.box = its, box
        self.loop = AlertLoop(
            its,
            [],
            policy=Policy(attempts=1),
            public_url="",
            stop=threading.Event(),
            make=lambda row: made_channel(row, lambda: box, HERE),
        )

    def channel(self, url: str) -> int:
        with self.database.sessions.begin() as session:
            address = webhook_address(url, SECRET)
            row = alert_channels.create_channel(session, "c", address, EVERYWHERE, self.box)
            alert_rules.create_rule(session, RuleValues("r", [row.id], min_severity="warn"))
            return row.id

    def edit(self, channel_id: int, **values: object) -> None:
        with self.database.sessions.begin() as session:
            alert_channels.edit_channel(session, channel_id, box=self.box, **values)

    def states(self) -> list[tuple[str, str | None]]:
        with self.database.reads() as session:
            rows = session.execute(
                select(Delivery.state, Delivery.last_error).order_by(Delivery.id)
            )
            return [(state, error) for state, error in rows]


def test_the_loop_takes_in_what_is_made_changed_and_switched_off(database: Database, box):
    running = Running(database, box)
    assert running.loop.run_once() == 0
    with http_receiver() as first, http_receiver() as second:
        channel_id = running.channel(first.url)
        open_one(database)
        assert running.loop.run_once() == 1
        running.edit(channel_id, address=webhook_address(second.url, SECRET))
        open_one(database)
        assert running.loop.run_once() == 1
        assert (len(first.requests), len(second.requests)) == (1, 1)
        running.edit(channel_id, enabled=False)
        open_one(database)
        assert running.loop.run_once() == 0
    assert running.states() == [
        ("sent", None),
        ("sent", None),
        ("dropped", "the channel is switched off"),
    ]


def test_what_waits_for_a_channel_that_is_switched_off_is_dropped_for_all_to_see(
    database: Database, box
):
    running = Running(database, box)
    with http_receiver(answer(500)) as receiver:
        channel_id = running.channel(receiver.url)
        open_one(database)
        running.loop.run_once()
        with database.sessions.begin() as session:
            session.scalars(select(Delivery)).one().state = "due"
        running.edit(channel_id, enabled=False)
        running.loop.run_once()
    assert running.states() == [("dropped", "the channel was switched off or removed")]


@pytest.mark.parametrize(("status", "ok"), [(204, True), (500, False)])
def test_a_test_says_what_came_back(database: Database, box, status: int, ok: bool):
    running = Running(database, box)
    with http_receiver(answer(status)) as receiver:
        channel_id = running.channel(receiver.url)
        with database.sessions.begin() as session:
            alert_channels.ask_test(session, channel_id, "manager", utc_now())
        running.loop.run_once()
        running.loop.run_once()
    (request,) = receiver.requests
    assert json.loads(request.body)["event"] == "channel.test"
    with database.reads() as session:
        row = alert_channels.get_channel(session, channel_id)
    assert row.test_ok is ok
    assert ("taken" if ok else "answered 500") in str(row.test_said)
