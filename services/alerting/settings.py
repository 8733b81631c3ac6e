"""Who is told, and how hard it is tried. Read in the entry point only."""

from ipaddress import ip_network
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from db.addresses import Network
from db.alert_addresses import check_webhook_url, is_mail_address, read_smtp_url
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
    alert_allow_networks: str = Field(
        "",
        description="Addresses inside that channels made in the pages may reach, as 10.1.0.0/16.",
    )
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
        if url := value.get_secret_value():
            check_webhook_url(url)
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
        if value and not is_mail_address(value):
            raise ValueError("expected one mail address such as line@example.com")
        return value

    @field_validator("alert_allow_networks")
    @classmethod
    def _networks(cls, value: str) -> str:
        for text in _listed(value):
            try:
                ip_network(text)
            except ValueError:
                raise ValueError("expected networks such as 10.1.0.0/16,192.168.7.5") from None
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

    @property
    def allowed_networks(self) -> tuple[Network, ...]:
        return tuple(ip_network(text) for text in _listed(self.alert_allow_networks))

    def shown_channels(self) -> dict[str, str]:
        """The configured channels by their keys, with what may be shown of each."""
        shown = {}
        if url := self.webhook_url.get_secret_value():
            shown["webhook"] = f"{urlsplit(url).scheme}://{urlsplit(url).hostname}/…"
        if url := self.smtp_url.get_secret_value():
            shown["smtp"] = f"{self.alert_to} by {urlsplit(url).hostname}"
        return shown

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


def _listed(value: str) -> list[str]:
    return [text for part in value.split(",") if (text := part.strip())]


def _smtp_server(url: str, starttls: StartTls) -> SmtpServer:
    address = read_smtp_url(url)
    return SmtpServer(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        implicit_tls=address.implicit_tls,
        starttls=starttls,
    )
