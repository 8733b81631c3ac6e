"""The audit log in words that an admin reads, out of rows that a program wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import LazyString, lazy_gettext

from db.audit import CHANGED, CREATED, REMOVED
from db.models import AuditEntry

ACTIONS: dict[str, LazyString] = {
    "created": lazy_gettext("created"),
    "changed": lazy_gettext("changed"),
    "removed": lazy_gettext("removed"),
    "exported": lazy_gettext("exported"),
    "sent again": lazy_gettext("sent again"),
    "signed_in": lazy_gettext("signed in"),
    "signed_out": lazy_gettext("signed out"),
    "sign_in.refused": lazy_gettext("was refused at sign-in"),
    "recovery_code.used": lazy_gettext("used a recovery code"),
    "recovery_codes.made": lazy_gettext("made recovery codes"),
    "pin.accepted": lazy_gettext("gave the right PIN"),
    "pin.refused": lazy_gettext("was refused by PIN"),
    "device.paired": lazy_gettext("was paired"),
}
KINDS: dict[str, LazyString] = {
    "alert_channel": lazy_gettext("alert channel"),
    "alert_rule": lazy_gettext("alert rule"),
    "api_token": lazy_gettext("API token"),
    "audit_entry": lazy_gettext("audit log"),
    "calibration": lazy_gettext("calibration"),
    "camera": lazy_gettext("camera"),
    "device": lazy_gettext("screen"),
    "discrepancy": lazy_gettext("discrepancy"),
    "discrepancy_event": lazy_gettext("step of a discrepancy"),
    "disposition": lazy_gettext("disposition"),
    "line": lazy_gettext("line"),
    "one_time_link": lazy_gettext("one-time link"),
    "person": lazy_gettext("person"),
    "product": lazy_gettext("product"),
    "recipe": lazy_gettext("recipe"),
    "recipe_version": lazy_gettext("recipe version"),
    "role_grant": lazy_gettext("role"),
    "shift": lazy_gettext("shift"),
    "site": lazy_gettext("site"),
    "station": lazy_gettext("station"),
}
ACTORS: dict[str, LazyString] = {
    "person": lazy_gettext("person"),
    "device": lazy_gettext("screen"),
    "token": lazy_gettext("API token"),
    "local": lazy_gettext("this host"),
}
_LONGEST = 300  # characters of one value; the CSV and the API have all of it


@dataclass(frozen=True)
class Change:
    """One field: what it was and what it is; None where it was not there."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Told:
    """One entry."""

    id: int
    at: datetime
    who: str
    who_kind: str
    address: str
    action: str
    is_change: bool  # of some fields
    is_event: bool  # no change of a row; else the whole of one is in `changes`
    kind: str
    kind_key: str
    thing: str
    changes: tuple[Change, ...]


def told(rows: Sequence[AuditEntry]) -> list[Told]:
    """Entries as a page shows them."""
    return [_told(row) for row in rows]


def word(words: Mapping[str, LazyString], name: str) -> str:
    """A name of the program's as a person says it."""
    return str(words[name]) if name in words else name.replace("_", " ").replace(".", ": ")


def _told(row: AuditEntry) -> Told:
    number = f"{row.object_id}" if row.object_id else ""
    thing = f"{row.object_name} ({number})" if row.object_name and number else row.object_name
    before, after = row.before or {}, row.after or {}
    changes = tuple(
        Change(name.replace("_", " "), _text(before, name), _text(after, name))
        for name in dict.fromkeys((*before, *after))
    )
    return Told(
        id=row.id,
        at=row.at,
        who=row.actor_name,
        who_kind=word(ACTORS, row.actor_kind),
        address=row.address or "",
        action=word(ACTIONS, row.action),
        is_change=row.action == CHANGED,
        is_event=row.action not in (CREATED, CHANGED, REMOVED),
        kind=word(KINDS, row.object_kind) if row.object_kind else "",
        kind_key=row.object_kind or "",
        thing=thing or number,
        changes=changes,
    )


def _text(values: Mapping[str, object], name: str) -> str | None:
    if name not in values:
        return None
    value = values[name]
    if value is None or value == "":
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
