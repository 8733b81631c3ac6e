"""Who is told, and how hard it is tried. Read in the entry point only."""

from email.errors import MessageError
from email.headerregistry import Address
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.alerting.mail import MailChannel, SmtpServer, StartTls
from services.alerting.message import Channel
from services.alerting.webhook import WebhookChannel


class AlertSettings(BaseSettings):
    """Channels of the alerts. None is configured by default, and then nobody is told."""

    # A wrong value is named, never shown: each of these can hold a password.
    model_config = SettingsConfigDict(env_prefix="LINESIDE_", hide_input_in_errors=True)

    webhook_url: SecretStr = Field(SecretStr(""), description="https://… that gets the alerts.")
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="Signs them; 16 characters or more."
    )
    webhook_allow_private: bool = Field(False, description="Allow addresses inside this network.")
    smtp_url: SecretStr = Field(SecretStr(""), description="smtp[s]://[user:password@]host[:port].")
    smtp_starttls: StartTls = Field("when-offered", description="when-offered, required or never.")
    alert_to: str = Field("", description="Mail address that gets the alerts.")
    alert_from: str = Field("", description="Mail address that they come from.")
    public_url: str = Field("", description="Where people open Lineside, for links in alerts.")
    alert_attempts: int = Field(12, ge=1, le=50, description="Attempts before giving up.")
    alert_retry_s: float = Field(2, gt=0, le=3600, description="Wait after the first, seconds.")
    # Longer than any one attempt lasts (look-up, and 20 s for mail), or it would be sent twice.
    alert_lease_s: float = Field(60, ge=1, description="How long one attempt may last, seconds.")
    alert_in_flight: int = Field(
        4, ge=1, le=32, description="Deliveries of one channel at once; more for slow receivers."
    )

    @field_validator("webhook_url")
    @classmethod
    def _webhook_url(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if not url:
            return value
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii():
            raise ValueError("expected http://host/… or https://host/… in ASCII")
        if parts.username is not None:
            raise ValueError("expected no user and password; the signature says who sends it")
        _port(parts)
        return value

    @field_validator("smtp_url")
    @classmethod
    def _smtp_url(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            _smtp_server(value.get_secret_value(), "when-offered")
        return value

    @field_validator("alert_to", "alert_from")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not _is_address(value):
            raise ValueError("expected one mail address such as line@example.com")
        return value

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in ("http", "https"):
            raise ValueError("expected http://… or https://…")
        return value

    @model_validator(mode="after")
    def _complete(self) -> "AlertSettings":
        if self.webhook_url.get_secret_value() and len(self.webhook_secret.get_secret_value()) < 16:
            raise ValueError(
                "LINESIDE_WEBHOOK_URL needs a LINESIDE_WEBHOOK_SECRET of 16 characters or more,"
                " such as `openssl rand -hex 32` prints"
            )
        if self.smtp_url.get_secret_value() and not (self.alert_to and self.alert_from):
            raise ValueError("LINESIDE_SMTP_URL needs LINESIDE_ALERT_TO and LINESIDE_ALERT_FROM")
        return self

    def channels(self) -> list[Channel]:
        """The configured channels; none if nobody is to be told."""
        found: list[Channel] = []
        if url := self.webhook_url.get_secret_value():
            secret = self.webhook_secret.get_secret_value()
            found.append(WebhookChannel(url, secret, allow_private=self.webhook_allow_private))
        if url := self.smtp_url.get_secret_value():
            server = _smtp_server(url, self.smtp_starttls)
            found.append(MailChannel(server, sender=self.alert_from, recipient=self.alert_to))
        return found


def _smtp_server(url: str, starttls: StartTls) -> SmtpServer:
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("expected smtp://[user:password@]host[:port], or smtps:// for TLS at once")
    implicit_tls = parts.scheme == "smtps"
    return SmtpServer(
        host=parts.hostname,
        port=_port(parts) or (465 if implicit_tls else 25),
        user=unquote(parts.username) if parts.username is not None else None,
        password=unquote(parts.password) if parts.password is not None else None,
        implicit_tls=implicit_tls,
        starttls=starttls,
    )


def _port(parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        # The parser's own words would show what stands there, which after a `/` in a password
        # is a piece of it.
        raise ValueError("expected a port from 1 to 65535, and special characters as %XX")
    return port


def _is_address(value: str) -> bool:
    try:
        address = Address(addr_spec=value)
    except (ValueError, IndexError, MessageError):
        return False
    return bool(address.username and address.domain) and value.isascii() and value.isprintable()
