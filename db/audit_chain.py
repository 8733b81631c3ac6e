"""The chain of the audit log: each entry is sealed with the hash of the one before it.

What was changed, removed or put in between afterwards, past the triggers, no longer fits. Only
entries cut off at the very end leave no gap: for that somebody keeps the newest hash elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Connection, Table, func, select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.models import AuditEntry

FIRST = "0" * 64  # what the first entry names as the hash before it
_LOCK = 5471232  # of the audit log, among the advisory locks of PostgreSQL
_PAGE = 500

_TABLE = cast(Table, AuditEntry.__table__)
_SEALED = tuple(each.name for each in _TABLE.columns if each.name not in ("id", "hash"))


@dataclass(frozen=True)
class Verified:
    """How far the chain holds.

    Attributes:
        entries: how many were looked at, a broken one among them.
        head: the hash of the last entry that fits.
        broken_id: the first entry that does not; None: all do.
        problem: what is wrong with it.
        kept_found: whether a hash that somebody kept elsewhere is in the chain; None: none given.
    """

    entries: int
    head: str
    broken_id: int | None = None
    problem: str = ""
    kept_found: bool | None = None


def seal(entry: Mapping[str, Any]) -> str:
    """The SHA-256 of an entry in canonical JSON, all but its id and its own hash."""
    plain = {name: _plain(entry[name]) for name in _SEALED}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def append(connection: Connection, entries: Sequence[dict[str, Any]]) -> None:
    """Put entries at the end of the chain, in order. It stays locked until the commit.

    Args:
        entries: values of all columns but `id`, `at`, `previous_hash` and `hash`. Their time is
            taken under the lock, so that the log is in the order of time.
    """
    if connection.dialect.name == "postgresql":
        # On SQLite this transaction is the only writer already (BEGIN IMMEDIATE).
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    newest = select(_TABLE.c.hash).order_by(_TABLE.c.id.desc()).limit(1)
    previous = connection.scalar(newest) or FIRST
    rows = []
    for entry in entries:
        row = entry | {"at": utc_now(), "previous_hash": previous}
        previous = row["hash"] = seal(row)
        rows.append(row)
    connection.execute(_TABLE.insert(), rows)


def verify(session: Session, *, kept: str | None = None) -> Verified:
    """Follow the chain from its first entry to its last, or to the first that does not fit.

    Args:
        kept: a hash that this log had once, to be found in it again.
    """
    connection = session.connection()
    previous, count, last_id, found = FIRST, 0, 0, False
    while True:
        page = select(_TABLE).where(_TABLE.c.id > last_id).order_by(_TABLE.c.id).limit(_PAGE)
        rows = connection.execute(page).mappings().all()
        for row in rows:
            count += 1
            problem = _problem(dict(row), previous)
            if problem:
                return Verified(count, previous, row["id"], problem, found if kept else None)
            previous = row["hash"]
            found = found or previous == kept
        if len(rows) < _PAGE:
            return Verified(count, previous, kept_found=found if kept else None)
        last_id = rows[-1]["id"]


def _problem(row: Mapping[str, Any], previous: str) -> str:
    if seal(row) != row["hash"]:
        return "it does not say what it said when it was written"
    if row["previous_hash"] != previous:
        return "the entry before it is not the one that it was written after"
    return ""


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value
