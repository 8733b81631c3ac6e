"""Receivers that alerts are sent to in tests: a real HTTP server and a real SMTP server.

An HTTP receiver answers each request by the next of its behaviours, and the last one for ever.
"""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from db.base import utc_now
from services.alerting import signature

SECRET = "the receiver's secret, long enough"


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        return self.headers["idempotency-key"]


Behaviour = Callable[[BaseHTTPRequestHandler], None]


def answer(status: int, body: bytes = b"", headers: Sequence[tuple[str, str]] = ()) -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def verified(handler: BaseHTTPRequestHandler) -> None:
    """Answer 204 to a good signature and 401 to any other."""
    request = handler.server.requests[-1]  # type: ignore[attr-defined]
    try:
        header = request.headers.get(signature.HEADER.lower(), "")
        signature.verify(SECRET, request.body, header, now=utc_now())
    except signature.BadSignature:
        answer(401)(handler)
    else:
        answer(204)(handler)


def hang(until: threading.Event) -> Behaviour:
    """Say nothing until the event is set, then hang up."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        until.wait(60)
        handler.close_connection = True

    return behave


def trickle(until: threading.Event, prefix: bytes) -> Behaviour:
    """Send a prefix, then a letter every tenth of a second, without an end."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        with contextlib.suppress(OSError):
            handler.wfile.write(prefix)
            while not until.wait(0.1):
                handler.wfile.write(b"x")

    return behave


class HttpReceiver:
    def __init__(
        self, behaviours: Sequence[Behaviour], tls: ssl.SSLContext | None, host: str
    ) -> None:
        self.requests: list[Request] = []
        self._behaviours = list(behaviours)
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with receiver._lock:
                    receiver.requests.append(Request(self.path, headers, body))
                    left = receiver._behaviours
                    behave = left.pop(0) if len(left) > 1 else left[0]
                behave(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self._server.daemon_threads = True
        self._server.requests = self.requests  # type: ignore[attr-defined]
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}/hook/secret-path"
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextlib.contextmanager
def http_receiver(
    *behaviours: Behaviour, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[HttpReceiver]:
    receiver = HttpReceiver(behaviours or [verified], tls, host)
    try:
        yield receiver
    finally:
        receiver.close()


@dataclass
class Mailbox:
    """What an SMTP server has taken, and how it answers: "250 …" takes, "451 …" refuses."""

    envelopes: list[Envelope] = field(default_factory=list)
    signed_in: list[bytes] = field(default_factory=list)
    answers: list[str] = field(default_factory=lambda: ["250 OK"])
    password: bytes = b"right"

    async def handle_DATA(self, server: object, session: object, envelope: Envelope) -> str:
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.envelopes.append(envelope)
        return said

    def authenticate(
        self, server: object, session: object, envelope: object, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        self.signed_in.append(data.login)
        # Not handled: the server itself says 535 then.
        return AuthResult(success=data.password == self.password, handled=False)


class _Controller(Controller):
    def __init__(self, mailbox: Mailbox, **options: object) -> None:
        self._options = options
        super().__init__(mailbox, hostname="127.0.0.1", port=0)

    def factory(self) -> SMTP:
        return SMTP(self.handler, **self._options)

    def _trigger_server(self) -> None:
        # The port is the kernel's choice; the base class would connect to port 0.
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextlib.contextmanager
def mail_receiver(mailbox: Mailbox, **options: object) -> Iterator[int]:
    """An SMTP server on a port of this host; options are those of `aiosmtpd.smtp.SMTP`."""
    controller = _Controller(mailbox, **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()
