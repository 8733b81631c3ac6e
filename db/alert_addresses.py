"""Addresses of alert channels: read, refused where they are not what they should be, and hidden.

Three kinds. `webhook`: our signed POST. `mail`: an SMTP server, sender and recipient. `apprise`:
a URL of one of the services in `SERVICES`. Nothing here is looked up or connected to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

# Services of Apprise that may be used: each speaks to a server over the network and reads nothing
# of this host. Left out on purpose: what runs or shows something here (dbus, gnome, macosx,
# windows, syslog, blink1), what reads files by its nature (vapid, fcm, deltachat), and whatever
# Apprise learns tomorrow.
SERVICES: Mapping[str, str] = {
    "mailto": "E-mail",
    "mailtos": "E-mail",
    "slack": "Slack",
    "workflow": "Microsoft Teams",
    "workflows": "Microsoft Teams",
    "mqtt": "MQTT",
    "mqtts": "MQTT",
    "discord": "Discord",
    "gchat": "Google Chat",
    "gotify": "Gotify",
    "gotifys": "Gotify",
    "hassio": "Home Assistant",
    "hassios": "Home Assistant",
    "json": "JSON over HTTP",
    "jsons": "JSON over HTTPS",
    "matrix": "Matrix",
    "matrixs": "Matrix",
    "mmost": "Mattermost",
    "mmosts": "Mattermost",
    "nctalk": "Nextcloud Talk",
    "nctalks": "Nextcloud Talk",
    "ntfy": "ntfy",
    "ntfys": "ntfy",
    "opsgenie": "Opsgenie",
    "pagerduty": "PagerDuty",
    "pover": "Pushover",
    "rocket": "Rocket.Chat",
    "rockets": "Rocket.Chat",
    "signal": "Signal",
    "signals": "Signal",
    "tgram": "Telegram",
    "twilio": "Twilio",
    "webex": "Webex",
    "wxteams": "Webex",
    "zulip": "Zulip",
}
# Parameters by which a service of Apprise would read a file of this host.
_FILE_PARAMETERS = frozenset(
    {"attach", "file", "include", "key", "keyfile", "pgp", "pgpkey", "subfile", "template"}
)
_MAX_URL = 2000
STARTTLS = ("when-offered", "required", "never")


class BadAddress(ValueError):
    """An address that is not what it should be. The message never holds the address.

    Attributes:
        field: what is not right: `url`, or what goes with it.
    """

    def __init__(self, message: str, field: str = "url") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class SmtpAddress:
    """Where mail is handed in; `implicit_tls` is `smtps://`."""

    host: str
    port: int
    user: str | None
    password: str | None = field(repr=False)
    implicit_tls: bool


@dataclass(frozen=True)
class ChannelAddress:
    """An address with its secrets. `shown` is what may be seen of it."""

    kind: str  # webhook | mail | apprise
    shown: str
    url: str = field(repr=False)
    secret: str = field(default="", repr=False)
    sender: str = ""
    recipient: str = ""
    starttls: str = "when-offered"

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ChannelAddress:
        return cls(**json.loads(text))


def webhook_address(url: str, secret: str) -> ChannelAddress:
    """Raises BadAddress."""
    host = check_webhook_url(url)
    if len(secret) < 16:
        raise BadAddress(
            "expected a secret of 16 characters or more; it signs what is sent", "secret"
        )
    return ChannelAddress("webhook", f"{urlsplit(url).scheme}://{host}/…", url, secret)


def mail_address(
    smtp_url: str, sender: str, recipient: str, starttls: str = "when-offered"
) -> ChannelAddress:
    """Raises BadAddress."""
    _check_length(smtp_url)
    server = read_smtp_url(smtp_url)
    for name, address in (("sender", sender), ("recipient", recipient)):
        if not is_mail_address(address):
            raise BadAddress("expected one mail address each, such as line@example.com", name)
    if starttls not in STARTTLS:
        raise BadAddress(f"expected STARTTLS to be one of {', '.join(STARTTLS)}", "starttls")
    shown = f"{recipient} by {server.host}"[:200]
    return ChannelAddress("mail", shown, smtp_url, "", sender, recipient, starttls)


def apprise_address(url: str) -> ChannelAddress:
    """Raises BadAddress."""
    _check_length(url)
    scheme, separator, _ = url.partition("://")
    service = SERVICES.get(scheme.lower())
    if not separator or service is None:
        raise BadAddress(f"expected one of {', '.join(f'{name}://' for name in sorted(SERVICES))}")
    query = urlsplit(url).query
    names = {name.lower().lstrip("+-:") for name, _ in parse_qsl(query, keep_blank_values=True)}
    if forbidden := sorted(names & _FILE_PARAMETERS):
        raise BadAddress(f"expected no parameter that names a file, and {forbidden[0]} does")
    # Where secrets stand in these URLs differs from service to service, so none of it is shown.
    return ChannelAddress("apprise", f"{service} ({scheme.lower()}://…)", url)


def check_webhook_url(url: str) -> str:
    """The host of a webhook's URL. Raises BadAddress."""
    _check_length(url)
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https"):
        raise BadAddress("expected http://host/… or https://host/… in ASCII")
    if parts.username is not None:
        raise BadAddress("expected no user and password; the signature says who sends it")
    _port(parts)
    return host


def read_smtp_url(url: str) -> SmtpAddress:
    """Read `smtp[s]://[user:password@]host[:port]`. Raises BadAddress."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("smtp", "smtps"):
        raise BadAddress("expected smtp://[user:password@]host[:port], or smtps:// for TLS at once")
    implicit_tls = parts.scheme == "smtps"
    return SmtpAddress(
        host=host,
        port=_port(parts) or (465 if implicit_tls else 25),
        user=unquote(parts.username) if parts.username is not None else None,
        password=unquote(parts.password) if parts.password is not None else None,
        implicit_tls=implicit_tls,
    )


def is_mail_address(value: str) -> bool:
    """Whether it is one address, in ASCII and without anything that could add a header."""
    try:
        address = Address(addr_spec=value)
    except (ValueError, IndexError, MessageError):
        return False
    return bool(address.username and address.domain) and value.isascii() and value.isprintable()


def _port(parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        # The parser's own words would show what stands there, which after a `/` in a password
        # is a piece of it.
        raise BadAddress("expected a port from 1 to 65535, and special characters as %XX")
    return port


def _check_length(url: str) -> None:
    if len(url) > _MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise BadAddress(
            f"expected a URL of at most {_MAX_URL} characters in ASCII, without spaces"
        )
