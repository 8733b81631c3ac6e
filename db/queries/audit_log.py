"""Looking into the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Select, Table, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.models import AuditEntry
from db.paging import Page, page_of_entities

_MOST_NAMES = 200  # in a list to choose from


@dataclass(frozen=True)
class AuditFilter:
    """Which entries; what is None is not asked about.

    Attributes:
        actor: a name, as the log has it.
        kind, id: of the thing that was changed.
        since, until: from this moment on, and before this one.
    """

    actor: str | None = None
    kind: str | None = None
    id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_entries(
    session: Session, wanted: AuditFilter, *, after: int | None = None, limit: int
) -> Page[AuditEntry]:
    """Entries, the newest first."""
    return page_of_entities(
        session,
        AuditEntry,
        _matching(wanted),
        AuditEntry.id,
        after=after,
        limit=limit,
        newest_first=True,
    )


def kinds(session: Session) -> list[str]:
    """Kinds of things of which the log tells, in order."""
    return _distinct(session, AuditEntry.object_kind)


def actors(session: Session) -> list[str]:
    """Names of those who did something, in order."""
    return _distinct(session, AuditEntry.actor_name)


def _distinct(session: Session, column: InstrumentedAttribute[Any]) -> list[str]:
    """Values of an indexed column, each found by a step to the next: DISTINCT reads every row."""
    found: list[str] = []
    while len(found) < _MOST_NAMES:
        statement = select(column).where(column > (found[-1] if found else ""))
        name = session.scalar(statement.order_by(column).limit(1))
        if name is None:
            break
        found.append(name)
    return found


def _matching(wanted: AuditFilter) -> Select[Any]:
    statement = select(AuditEntry)
    if wanted.actor is not None:
        statement = statement.where(AuditEntry.actor_name == wanted.actor)
    if wanted.kind is not None:
        statement = statement.where(AuditEntry.object_kind == wanted.kind)
    if wanted.id is not None:
        statement = statement.where(AuditEntry.object_id == wanted.id)
    # The log is in the order of time, so that two steps in the index of times bound the ids; a
    # condition on the time itself would have SQLite sort all that matches.
    entry = cast(Table, AuditEntry.__table__).c
    if wanted.since is not None:
        first = select(entry.id).where(entry.at >= wanted.since).order_by(entry.at, entry.id)
        statement = statement.where(AuditEntry.id >= first.limit(1).scalar_subquery())
    if wanted.until is not None:
        last = select(entry.id).where(entry.at < wanted.until)
        newest = last.order_by(entry.at.desc(), entry.id.desc()).limit(1)
        statement = statement.where(AuditEntry.id <= newest.scalar_subquery())
    return statement
