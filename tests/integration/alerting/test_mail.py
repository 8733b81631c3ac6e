"""Mail against a real SMTP server, with and without TLS and sign-in."""

import email
import email.policy
import socket
import threading
from pathlib import Path

import pytest

from services.alerting.mail import MailChannel, SmtpServer
from services.alerting.message import NotDelivered
from tests.integration.alerting.certificates import Authority
from tests.integration.alerting.receivers import Mailbox, mail_receiver
from tests.unit.services.alerting.test_message import make_message

PASSWORD = "p4ss/w0rd"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def channel_to(port: int, authority: Authority | None = None, **server) -> MailChannel:
    return MailChannel(
        SmtpServer(host="localhost" if authority else "127.0.0.1", port=port, **server),
        sender="line@plant.example",
        recipient="who@example.com",
        timeout_s=2,
        budget_s=4,
        tls=authority.client() if authority else None,
    )


def parsed(mailbox: Mailbox) -> list:
    return [
        email.message_from_bytes(one.original_content, policy=email.policy.default)
        for one in mailbox.envelopes
    ]


def test_a_mail_arrives_and_says_what_is_wrong():
    mailbox = Mailbox()
    with mail_receiver(mailbox) as port:
        channel_to(port).send(make_message())
    (envelope,) = mailbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("line@plant.example", ["who@example.com"])
    (mail,) = parsed(mailbox)
    assert mail["Subject"] == "[Lineside] crack at Press 3, cell B2: crack 4.8 mm > 3.0 mm"
    assert "Press 3, Line 1, Plant North" in mail.get_content()
    assert mail.get_content_type() == "text/plain"


def test_a_repeat_has_the_same_message_id():
    mailbox = Mailbox(answers=["451 try again later", "250 OK"])
    with mail_receiver(mailbox) as port:
        with pytest.raises(NotDelivered, match="451 try again later"):
            channel_to(port).send(make_message())
        channel_to(port).send(make_message())
    first, second = parsed(mailbox)
    assert first["Message-ID"] == second["Message-ID"] == "<key-1@plant.example>"


def test_starttls_is_used_when_it_is_offered(authority):
    mailbox = Mailbox()
    with mail_receiver(
        mailbox, tls_context=authority.server("localhost"), require_starttls=True
    ) as port:
        channel_to(port, authority).send(make_message())
    assert len(mailbox.envelopes) == 1


def test_a_server_with_another_name_gets_nothing(authority):
    mailbox = Mailbox()
    other = authority.server("other.example")
    with (
        mail_receiver(mailbox, tls_context=other) as port,
        pytest.raises(NotDelivered, match="certificate"),
    ):
        channel_to(port, authority).send(make_message())
    assert mailbox.envelopes == []


def test_required_starttls_that_is_not_offered_ends_it():
    mailbox = Mailbox()
    with mail_receiver(mailbox) as port, pytest.raises(NotDelivered, match="STARTTLS"):
        channel_to(port, starttls="required").send(make_message())
    assert mailbox.envelopes == []


def test_a_password_never_goes_out_in_the_clear():
    mailbox = Mailbox()
    with (
        mail_receiver(mailbox, authenticator=mailbox.authenticate, auth_require_tls=False) as port,
        pytest.raises(NotDelivered, match="STARTTLS"),
    ):
        channel_to(port, user="line", password=PASSWORD).send(make_message())
    assert mailbox.signed_in == []


def test_signing_in_over_tls(authority):
    mailbox = Mailbox(password=PASSWORD.encode())
    with mail_receiver(
        mailbox, tls_context=authority.server("localhost"), authenticator=mailbox.authenticate
    ) as port:
        channel_to(port, authority, user="line", password=PASSWORD).send(make_message())
    assert mailbox.signed_in == [b"line"]
    assert len(mailbox.envelopes) == 1


def test_a_refused_sign_in_says_so_without_the_password(authority):
    mailbox = Mailbox()
    with (
        mail_receiver(
            mailbox, tls_context=authority.server("localhost"), authenticator=mailbox.authenticate
        ) as port,
        pytest.raises(NotDelivered, match="refused the sign-in") as caught,
    ):
        channel_to(port, authority, user="line", password=PASSWORD).send(make_message())
    assert PASSWORD not in str(caught.value)


def test_a_server_that_is_not_there():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(NotDelivered, match=r"127\.0\.0\.1"):
        channel_to(port).send(make_message())


def test_a_server_that_hangs_or_trickles_is_left_in_time():
    test_ends = threading.Event()

    def greet_slowly(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            while not test_ends.wait(0.2):
                try:
                    connection.sendall(b"2")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet_slowly, args=[listener], daemon=True)
        thread.start()
        channel = MailChannel(
            SmtpServer("127.0.0.1", listener.getsockname()[1]),
            sender="line@plant.example",
            recipient="who@example.com",
            timeout_s=5,
            budget_s=1,
        )
        with pytest.raises(NotDelivered):
            channel.send(make_message())
        test_ends.set()
        thread.join(5)
    assert not thread.is_alive()
