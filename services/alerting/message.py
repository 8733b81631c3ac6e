"""What a channel is handed: one alert, in a form that every attempt repeats to the byte."""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from db.queries.deliveries import ClaimedDelivery
from db.queries.outbox import ESCALATED, REMINDED, TELLING

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SUBJECT_LENGTH = 180
_KEYS = uuid.UUID("6f1a3e0e-1f0b-4f5e-9f0e-6a7b6b2f4d11")  # of this project, for keys of groups
TEST = "channel.test"


class NotDelivered(Exception):
    """A channel did not take a message. The text is shown to people and holds no secret."""


class Channel(Protocol):
    """A way to somebody. `name` stands in the delivery rows."""

    @property
    def name(self) -> str: ...

    def send(self, message: "Message") -> None:
        """Hand the message over, or raise `NotDelivered`; returns within its time-outs."""


_LEADS = {
    ESCALATED: "Nobody has acknowledged it: {}",
    REMINDED: "Still there: {}",
    TEST: "Test: {}",
}


@dataclass(frozen=True)
class Message:
    """An alert about a discrepancy, and `others` that go out with it as one message.

    `idempotency_key` is the same in every attempt; that of a group follows from its members.
    """

    idempotency_key: str
    event: str
    discrepancy_id: int
    created_at: datetime
    payload: Mapping[str, object]
    page_url: str | None
    others: tuple["Message", ...] = ()

    @property
    def body(self) -> bytes:
        """The JSON that a webhook gets, always the same bytes for the same alert."""
        return json.dumps(self._document(), ensure_ascii=False, sort_keys=True).encode()

    @property
    def is_telling(self) -> bool:
        """Whether something is wrong, and not over."""
        return self.event in TELLING

    @property
    def is_bad(self) -> bool:
        return any(one.payload.get("severity") == "fail" for one in (self, *self.others))

    def _document(self) -> dict[str, object]:
        document: dict[str, object] = {
            "id": self.idempotency_key,
            "event": self.event,
            "created_at": self.created_at.astimezone(UTC).isoformat(),
            "url": self.page_url,
            "discrepancy": {"id": self.discrepancy_id, **self.payload},
        }
        if self.others:
            # The first stands where it always does, so that a receiver that knows no groups
            # sees one of them at least.
            document["others"] = [one._document() for one in self.others]
        return document

    @property
    def subject(self) -> str:
        """One line: what, where, and how bad; without control characters, whatever a name holds."""
        line = f"[Lineside] {self._headline()}"
        if self.others:
            line += f" and {len(self.others)} more"
        elif detail := self._field("detail"):
            line += f": {detail}"
        return line if len(line) <= _SUBJECT_LENGTH else line[: _SUBJECT_LENGTH - 1] + "…"

    @property
    def text(self) -> str:
        """The mail's plain text."""
        return "\n".join(one._text() for one in (self, *self.others))

    def _text(self) -> str:
        rows = [
            ("Where", ", ".join(filter(None, map(self._field, ("station", "line", "site"))))),
            ("Place", self._field("place")),
            ("What", self._field("kind")),
            ("Detail", self._field("detail")),
            ("Severity", self._field("severity")),
            ("Since", self._field("opened_at")),
            ("Ended", self._field("closed_at")),
            ("By", self._field("actor")),
        ]
        lines = [self._headline(), ""]
        lines += [f"{name + ':':<10}{value}" for name, value in rows if value]
        if self.page_url:
            lines += ["", self.page_url]
        return "\n".join(lines) + "\n"

    def _headline(self) -> str:
        headline = f"{self._field('kind') or 'discrepancy'} at {self._field('station') or '?'}"
        if place := self._field("place"):
            headline += f", {place}"
        if self.event in TELLING or self.event == TEST:
            return _LEADS.get(self.event, "{}").replace("{}", headline)
        # How it ended (resolved, or a false call), as it was when the alert was written.
        ending = self._field("state") or self.event.rpartition(".")[2]
        return f"{ending.replace('_', ' ').capitalize()}: {headline}"

    def _field(self, name: str) -> str:
        value = self.payload.get(name)
        if isinstance(value, Mapping):
            value = value.get("name") or value.get("key")
        return _CONTROL.sub(" ", str(value)).strip() if value is not None else ""


def message_of(claimed: ClaimedDelivery, public_url: str) -> Message:
    """The message of a claimed delivery; `public_url` is where people open Lineside, or empty."""
    page = (
        f"{public_url.rstrip('/')}/discrepancies/{claimed.discrepancy_id}" if public_url else None
    )
    others = tuple(message_of(one, public_url) for one in claimed.others)
    key = claimed.idempotency_key
    if others:
        # A member that is gone before the next attempt makes another message with another key.
        keys = sorted((key, *(one.idempotency_key for one in others)))
        key = str(uuid.uuid5(_KEYS, " ".join(keys)))
    return Message(
        idempotency_key=key,
        event=claimed.event,
        discrepancy_id=claimed.discrepancy_id,
        created_at=claimed.created_at,
        payload=claimed.payload,
        page_url=page,
        others=others,
    )


def trial_message(channel_name: str, asked_at: datetime) -> Message:
    """What the button "send a test" sends: an alert in form, about nothing."""
    return Message(
        idempotency_key=str(uuid.uuid5(_KEYS, f"{channel_name} {asked_at.isoformat()}")),
        event=TEST,
        discrepancy_id=0,
        created_at=asked_at,
        payload={
            "kind": "nothing is wrong",
            "place": "",
            "severity": "warn",
            "state": "open",
            "detail": f"somebody tries the channel {channel_name}",
            "station": {"id": 0, "key": "test", "name": "no station"},
        },
        page_url=None,
    )
