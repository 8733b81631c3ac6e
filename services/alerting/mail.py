"""Mail to one address through an SMTP server (RFC 5321), over TLS where there is any."""

import smtplib
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Literal

from db.addresses import AddressRefused, Resolve
from services.alerting.message import Message, NotDelivered

StartTls = Literal["when-offered", "required", "never"]


@dataclass(frozen=True)
class SmtpServer:
    """Where mail is handed in. `implicit_tls` is `smtps://`: TLS before the first word."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    implicit_tls: bool = False
    starttls: StartTls = "when-offered"


class MailChannel:
    """Sends plain text from `sender` to `recipient`. Its Message-ID is the alert's, every time."""

    def __init__(
        self,
        server: SmtpServer,
        *,
        sender: str,
        recipient: str,
        timeout_s: float = 5,
        budget_s: float = 20,
        tls: ssl.SSLContext | None = None,
        resolve_host: Resolve | None = None,
        name: str = "smtp",
    ) -> None:
        self.name = name
        self._resolve = resolve_host
        self._server = server
        self._sender = sender
        self._recipient = recipient
        self._timeout_s = timeout_s
        self._budget_s = budget_s
        self._tls = tls or ssl.create_default_context()

    def send(self, message: Message) -> None:
        """Raises NotDelivered with the server's code, never with what was said to it."""
        mail = self.compose(message)
        try:
            self._hand_in(mail)
        except smtplib.SMTPAuthenticationError as error:
            # Some servers repeat the credentials in their answer, so only its code is kept.
            raise NotDelivered(
                f"{self._server.host} refused the sign-in ({error.smtp_code})"
            ) from None
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            raise NotDelivered(
                f"{self._server.host} refused the recipient: {_said(code, text)}"
            ) from None
        except smtplib.SMTPResponseException as error:
            said = _said(error.smtp_code, error.smtp_error)
            raise NotDelivered(f"{self._server.host} refused the mail: {said}") from None
        except smtplib.SMTPException as error:
            raise NotDelivered(f"{self._server.host}: {type(error).__name__}: {error}") from None
        except AddressRefused as error:
            raise NotDelivered(str(error)) from None
        except TimeoutError:
            raise NotDelivered(
                f"{self._server.host} did not answer within {self._timeout_s:g} s"
            ) from None
        except OSError as error:
            raise NotDelivered(f"{self._server.host}: {type(error).__name__}: {error}") from None

    def compose(self, message: Message) -> EmailMessage:
        """The mail of an alert; the same in every attempt, so that a repeat can be told."""
        mail = EmailMessage(policy=SMTP)
        mail["Subject"] = message.subject
        mail["From"] = Address("Lineside", addr_spec=self._sender)
        mail["To"] = Address(addr_spec=self._recipient)
        mail["Date"] = format_datetime(message.created_at)
        mail["Message-ID"] = f"<{message.idempotency_key}@{self._sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
        mail.set_content(message.text)
        return mail

    def _hand_in(self, mail: EmailMessage) -> None:
        client = self._client()
        # The time-out is per read, and a server may answer by one letter at a time.
        watchdog = threading.Timer(self._budget_s, _hang_up, [client])
        watchdog.daemon = True
        watchdog.start()
        try:
            client.connect(self._server.host, self._server.port)
            self._secure(client)
            if self._server.user is not None:
                client.login(self._server.user, self._server.password or "")
            client.send_message(mail)
            # It has been taken; a server that goes away now takes nothing back.
            with suppress(smtplib.SMTPException, OSError):
                client.quit()
        finally:
            watchdog.cancel()
            client.close()

    def _client(self) -> smtplib.SMTP:
        # Without a name of our own smtplib asks the DNS for one, which has no time-out.
        name = socket.gethostname()
        client: _CheckedSmtp
        if self._server.implicit_tls:
            client = _CheckedSmtpSsl(
                local_hostname=name, timeout=self._timeout_s, context=self._tls
            )
        else:
            client = _CheckedSmtp(local_hostname=name, timeout=self._timeout_s)
        client.resolve = self._resolve
        # The name to check the certificate for. Given to the constructor it would connect at once,
        # before the watchdog is there; `connect` does not keep it (CPython's smtplib.py).
        client._host = self._server.host  # type: ignore[attr-defined]
        return client

    def _secure(self, client: smtplib.SMTP) -> None:
        client.ehlo_or_helo_if_needed()
        if self._server.implicit_tls or self._server.starttls == "never":
            return
        if client.has_extn("starttls"):
            client.starttls(context=self._tls)
        elif self._server.starttls == "required" or self._server.user is not None:
            # Whoever sits between could have taken the offer away to read the password.
            raise NotDelivered(f"{self._server.host} does not offer STARTTLS, which is required")


class _CheckedSmtp(smtplib.SMTP):
    """Connects to the address that was checked, and to no other that the name may lead to."""

    resolve: Resolve | None = None

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        if self.resolve is None:
            return super()._get_socket(host, port, timeout)  # type: ignore[misc,no-any-return]
        failure: OSError = OSError(f"{host} has no address")
        for address in self.resolve(host, port):
            try:
                return super()._get_socket(  # type: ignore[misc,no-any-return]
                    address, port, timeout
                )
            except OSError as error:
                failure = error
        raise failure


class _CheckedSmtpSsl(smtplib.SMTP_SSL, _CheckedSmtp):
    """The same, and TLS around it; the certificate is checked for the name."""


def _hang_up(client: smtplib.SMTP) -> None:
    if client.sock is not None:
        with suppress(OSError):
            client.sock.shutdown(socket.SHUT_RDWR)


def _said(code: int, text: bytes | str) -> str:
    line = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {line}".strip()[:200]
