"""A channel of Apprise: each message in a confined process of its own, ended when it hangs."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from db.addresses import Network
from services.alerting.message import Message, NotDelivered

_KEPT_VARIABLES = ("LANG", "LC_ALL", "PATH", "PYTHONPATH", "SSL_CERT_DIR", "SSL_CERT_FILE", "TZ")
_SHORTEST_SECRET = 4


class AppriseChannel:
    """Hands messages to the service that `url` names; `networks` inside may be reached."""

    def __init__(
        self, url: str, *, name: str, networks: Sequence[Network] = (), timeout_s: float = 20
    ) -> None:
        self.name = name
        self._url = url
        self._networks = networks
        self._timeout_s = timeout_s

    def send(self, message: Message) -> None:
        """Raises NotDelivered, with Apprise's words but without anything of the URL."""
        asked = {
            "url": self._url,
            "title": message.subject,
            "body": message.text,
            "kind": _kind(message),
            "networks": [str(network) for network in self._networks],
            "limit_s": self._timeout_s,
        }
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "services.alerting.apprise_child"],
                input=json.dumps(asked).encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=self._timeout_s,
                env=_environment(),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NotDelivered(f"no answer within {self._timeout_s:g} s") from None
        except OSError as error:
            raise NotDelivered(f"no process for it: {error.strerror}") from None
        try:
            answer = json.loads(ended.stdout)
        except ValueError:
            raise NotDelivered("the process for it ended without a word") from None
        if not answer["ok"]:
            if answer["refused"]:
                raise NotDelivered(str(answer["refused"]))  # our own words, of an address alone
            said = without_secrets(str(answer["said"]), self._url)
            raise NotDelivered(said or "the service did not take it")


def without_secrets(text: str, url: str) -> str:
    """The text without any piece of the URL that may be a secret: all but scheme and host.

    In Slack's and others' URLs the host is a token, so it goes too, unless it looks like a name.
    """
    parts = urlsplit(url)
    pieces = {parts.username, parts.password}
    pieces |= set(re.split(r"[/?&=@:;,]+", url.partition("://")[2]))
    host = parts.hostname or ""
    secrets = {unquote(piece) for piece in pieces if piece} | {piece for piece in pieces if piece}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET and not (secret.lower() == host and "." in host):
            text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)
    return text


def _kind(message: Message) -> str:
    if not message.is_telling:
        return "info" if message.discrepancy_id == 0 else "success"
    return "failure" if message.is_bad else "warning"


def _environment() -> dict[str, str]:
    # No proxy, which would connect for it to where it may not; no setting and no secret of ours.
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return kept | {"PYTHONDONTWRITEBYTECODE": "1"}
