"""The webhook against a real HTTP server that refuses, hangs, answers late or lies."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.alerting.message import NotDelivered
from services.alerting.webhook import WebhookChannel
from tests.integration.alerting.certificates import Authority
from tests.integration.alerting.receivers import (
    SECRET,
    HttpReceiver,
    answer,
    hang,
    http_receiver,
    trickle,
    verified,
)
from tests.unit.services.alerting.test_message import make_message


@pytest.fixture
def test_ends() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def channel_to(receiver: HttpReceiver, **options) -> WebhookChannel:
    return WebhookChannel(
        **{"url": receiver.url, "secret": SECRET, "allow_private": True, "timeout_s": 2} | options
    )


def test_a_receiver_can_verify_the_signature_and_read_the_message():
    with http_receiver(verified) as receiver:
        channel_to(receiver).send(make_message())
    (request,) = receiver.requests
    assert request.path == "/hook/secret-path"
    assert request.body == make_message().body
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == "key-1"
    assert request.headers["lineside-event"] == "discrepancy.opened"


def test_another_secret_is_noticed_by_the_receiver():
    with http_receiver(verified) as receiver, pytest.raises(NotDelivered, match="answered 401"):
        channel_to(receiver, secret="not the receiver's secret").send(make_message())


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_any_other_status_is_no_receipt(status):
    with http_receiver(answer(status)) as receiver, pytest.raises(NotDelivered, match=str(status)):
        channel_to(receiver).send(make_message())


def test_redirects_are_not_followed():
    with http_receiver() as inside:
        redirect = answer(307, headers=[("Location", inside.url)])
        with http_receiver(redirect) as receiver, pytest.raises(NotDelivered, match="redirects"):
            channel_to(receiver).send(make_message())
    assert inside.requests == []


def test_a_receiver_that_says_nothing_is_left_in_time(test_ends):
    with http_receiver(hang(test_ends)) as receiver:
        started = time.monotonic()
        with pytest.raises(NotDelivered, match="did not answer within 1 s"):
            channel_to(receiver, timeout_s=1).send(make_message())
        assert time.monotonic() - started < 5
        test_ends.set()


@pytest.mark.parametrize("prefix", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: "])
def test_a_receiver_that_trickles_is_left_in_time(test_ends, prefix):
    # Each letter comes well within a time-out per read; only a deadline ends this.
    with http_receiver(trickle(test_ends, prefix)) as receiver:
        with pytest.raises(NotDelivered):
            channel_to(receiver, timeout_s=1).send(make_message())
        test_ends.set()


def test_an_endless_answer_after_its_receipt_is_cut_off(test_ends):
    with http_receiver(trickle(test_ends, b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000)) as receiver:
        channel_to(receiver, timeout_s=30).send(make_message())
        test_ends.set()


def test_a_receiver_that_is_not_there_is_said_so_without_its_path():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    channel = WebhookChannel(
        f"http://127.0.0.1:{port}/hook/secret-path", SECRET, allow_private=True, timeout_s=2
    )
    with pytest.raises(NotDelivered) as caught:
        channel.send(make_message())
    assert "127.0.0.1" in str(caught.value)
    assert "secret-path" not in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433"])
def test_this_host_is_refused_unless_it_is_allowed(host):
    with http_receiver() as receiver:
        url = receiver.url.replace("127.0.0.1", host)
        with pytest.raises(NotDelivered, match="LINESIDE_WEBHOOK_ALLOW_PRIVATE"):
            channel_to(receiver, url=url, allow_private=False).send(make_message())
    assert receiver.requests == []


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_https_checks_the_certificate_for_the_name_though_it_connects_to_a_number(authority):
    with http_receiver(tls=authority.server("localhost")) as receiver:
        url = receiver.url.replace("127.0.0.1", "localhost")
        channel_to(receiver, url=url, tls=authority.client()).send(make_message())
    assert len(receiver.requests) == 1


def test_a_certificate_for_another_name_is_refused(authority):
    with http_receiver(tls=authority.server("other.example")) as receiver:
        url = receiver.url.replace("127.0.0.1", "localhost")
        with pytest.raises(NotDelivered, match="certificate"):
            channel_to(receiver, url=url, tls=authority.client()).send(make_message())
    assert receiver.requests == []


def test_a_certificate_of_nobody_we_trust_is_refused(authority):
    with (
        http_receiver(tls=authority.server("127.0.0.1")) as receiver,
        pytest.raises(NotDelivered, match="certificate"),
    ):
        channel_to(receiver).send(make_message())
    assert receiver.requests == []
