"""Channels that somebody made in the pages: unlocked, read, and turned into what sends."""

from collections.abc import Callable, Sequence
from functools import partial

from db.addresses import Network, resolve_outside
from db.alert_addresses import ChannelAddress, read_smtp_url
from db.credentials import SecretBox, SecretUnreadable
from db.models import AlertChannel
from services.alerting.apprise_channel import AppriseChannel
from services.alerting.mail import MailChannel, SmtpServer, StartTls
from services.alerting.message import Channel, Message, NotDelivered
from services.alerting.webhook import WebhookChannel

_STARTTLS: dict[str, StartTls] = {"required": "required", "never": "never"}


class UnreadableChannel:
    """Stands for a channel whose address cannot be decrypted: it says so at each attempt."""

    def __init__(self, name: str) -> None:
        self.name = name

    def send(self, message: Message) -> None:
        raise NotDelivered(
            "its address cannot be decrypted here: the alerts process needs the same secret.key as"
            " the pages; if that one is lost, enter the address again"
        )


def made_channel(
    row: AlertChannel, box: Callable[[], SecretBox], networks: Sequence[Network]
) -> Channel:
    """What sends to a channel of the database; inside it reaches `networks` and nothing else."""
    try:
        address = ChannelAddress.from_json(box().unlock(row.secret or ""))
    except (SecretUnreadable, OSError, ValueError, TypeError):
        return UnreadableChannel(row.key)
    resolve_host = partial(resolve_outside, allowed=networks)
    if address.kind == "webhook":
        return WebhookChannel(address.url, address.secret, resolve_host=resolve_host, name=row.key)
    if address.kind == "mail":
        its = read_smtp_url(address.url)
        server = SmtpServer(
            host=its.host,
            port=its.port,
            user=its.user,
            password=its.password,
            implicit_tls=its.implicit_tls,
            starttls=_STARTTLS.get(address.starttls, "when-offered"),
        )
        return MailChannel(
            server,
            sender=address.sender,
            recipient=address.recipient,
            resolve_host=resolve_host,
            name=row.key,
        )
    return AppriseChannel(address.url, name=row.key, networks=networks)
