"""The audit log writes itself: what a person changes through a session, in its own transaction.

Listeners of the session note each changed row while somebody acts (`db.access.current`), and write
the entries as the last thing before the commit, so that the chain is locked for an instant only.
Workers and ingest act for nobody and write none; rows inserted in bulk are of no table that people
edit, and pass by unseen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Result, Update, event, inspect
from sqlalchemy.orm import (
    InstanceState,
    Mapper,
    ORMExecuteState,
    Session,
    SessionTransaction,
    UOWTransaction,
    sessionmaker,
)

from db import audit_chain
from db.access import Actor, current
from db.audit_places import place_of
from db.audit_rows import changed, id_of, names_of, read_columns, read_rows, shown, table_of
from db.audit_values import changes_by_itself, is_edited, name_of, written

CREATED, CHANGED, REMOVED = "created", "changed", "removed"

_LISTENS, _PENDING, _KNOWN_BEFORE = "audit listens", "audit pending", "audit before"


@dataclass(frozen=True)
class _Note:
    """What is to be written at the commit, unless its savepoint is rolled back before."""

    actor: Actor
    action: str
    kind: str | None
    id: str | None
    values: Mapping[str, Any]  # of the whole row as far as known: its name and place
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    savepoint: SessionTransaction | None


def listen(sessions: sessionmaker[Session]) -> None:
    """Write the audit log of every session that is made here."""
    sessions.configure(info={_LISTENS: True})
    event.listen(sessions, "before_flush", _before_flush)
    event.listen(sessions, "after_flush", _after_flush)
    event.listen(sessions, "do_orm_execute", _on_statement)
    event.listen(sessions, "before_commit", _write)
    event.listen(sessions, "after_soft_rollback", _forget)


def record(
    session: Session,
    action: str,
    *,
    kind: str | None = None,
    id: int | str | None = None,
    name: str | None = None,
    detail: Mapping[str, Any] | None = None,
    site_id: int | None = None,
    line_id: int | None = None,
    station_id: int | None = None,
    actor: Actor | None = None,
) -> None:
    """Note what is no change of a row: signed in, sign-in refused, exported, test alert sent.

    Args:
        session: one of `Database.sessions`; the entry is written when it commits.
        site_id, line_id, station_id: where, as narrow as it is known.
        actor: who did it; None: who acts.

    Raises:
        LookupError: nobody acts, and no actor is given.
        ValueError: the session only reads, so that the entry would never be written.
    """
    if not session.info.get(_LISTENS):
        raise ValueError("expected a session of Database.sessions, got one that only reads")
    actor = actor or _actor()
    if actor is None:
        raise LookupError(f"nobody acts: who {action}?")
    values = {"name": name, "site_id": site_id, "line_id": line_id, "station_id": station_id}
    after = {key: written(None, key, value) for key, value in (detail or {}).items()}
    _note(session, actor, action, kind, None if id is None else str(id), values, None, after)


def _actor() -> Actor | None:
    access = current()
    return access.actor if access else None


def _note(
    session: Session,
    actor: Actor,
    action: str,
    kind: str | None,
    id_: str | None,
    values: Mapping[str, Any],
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    savepoint = session.get_nested_transaction()
    note = _Note(actor, action, kind, id_, values, before or None, after or None, savepoint)
    session.info.setdefault(_PENDING, []).append(note)


def _before_flush(session: Session, _context: UOWTransaction, _objects: object) -> None:
    """Read what is about to be overwritten where the session does not know it."""
    if _actor() is None:
        return
    for row in session.dirty:
        state: InstanceState[Any] = inspect(row)
        if not is_edited(table_of(state.mapper).name):
            continue
        unknown = [name for name in changed(state) if not state.attrs[name].history.deleted]
        if unknown:
            known = session.info.setdefault(_KNOWN_BEFORE, {})
            known[state] = read_columns(session, state, unknown)
    for row in session.deleted:
        for name in inspect(row).unloaded.intersection(names_of(inspect(row).mapper)):
            getattr(row, name)


def _after_flush(session: Session, context: UOWTransaction) -> None:
    actor = _actor()
    if actor is None:
        return
    known = session.info.pop(_KNOWN_BEFORE, {})
    # All that was flushed: what became an orphan is deleted without being in `session.deleted`.
    for state, (is_deleted, only_listed) in sorted(context.states.items(), key=_order):
        table = table_of(state.mapper)
        if only_listed or not is_edited(table.name):
            continue
        values = {name: state.dict.get(name) for name in names_of(state.mapper)}
        mapper = state.mapper
        if is_deleted:
            whole = shown(mapper, values)
            _note(session, actor, REMOVED, table.name, id_of(mapper, values), values, whole, None)
        elif state.key is None:
            whole = shown(mapper, values)
            _note(session, actor, CREATED, table.name, id_of(mapper, values), values, None, whole)
        else:
            old = {
                name: (state.attrs[name].history.deleted or (known.get(state, {}).get(name),))[0]
                for name in changed(state)
            }
            _note_change(session, actor, mapper, values, old)


def _order(flushed: tuple[InstanceState[Any], Any]) -> tuple[str, int]:
    """By table, then as they were made: the same change is told in the same order each time."""
    state = flushed[0]
    # A row that was read has none, and comes before those that were added.
    return table_of(state.mapper).name, getattr(state, "insert_order", None) or 0


def _on_statement(statement: ORMExecuteState) -> Result[Any] | None:
    """An UPDATE or DELETE of several rows at once: each of them gets its entry."""
    if not (statement.is_update or statement.is_delete):
        return None
    actor, mapper = _actor(), statement.bind_mapper
    if actor is None or mapper is None or not is_edited(table_of(mapper).name):
        return None
    sent = cast(Any, statement.statement)
    columns: list[Any] = list(sent._values or ()) if isinstance(sent, Update) else []
    if columns and all(changes_by_itself(table_of(mapper).name, each.key) for each in columns):
        return None
    session = statement.session
    where = sent.whereclause
    if isinstance(statement.parameters, list):  # many rows by their keys, each with its values
        column = mapper.primary_key[0]
        name = mapper.get_property_by_column(column).key
        where = column.in_([each[name] for each in statement.parameters])
    before = read_rows(session, mapper, where)
    result: Result[Any] = statement.invoke_statement()
    if statement.is_delete:
        for values in before.values():
            whole = shown(mapper, values)
            name = table_of(mapper).name
            _note(session, actor, REMOVED, name, id_of(mapper, values), values, whole, None)
        return result
    for key, values in before.items():
        matches = [column == part for column, part in zip(mapper.primary_key, key, strict=True)]
        for now in read_rows(session, mapper, *matches).values():
            old = {name: value for name, value in values.items() if now[name] != value}
            _note_change(session, actor, mapper, now, old)
    return result


def _note_change(
    session: Session,
    actor: Actor,
    mapper: Mapper[Any],
    values: Mapping[str, Any],
    old: Mapping[str, Any],
) -> None:
    """Note a changed row, unless only what changes by itself has changed."""
    table = table_of(mapper).name
    before = shown(mapper, {n: v for n, v in old.items() if not changes_by_itself(table, n)})
    after = shown(mapper, {name: values[name] for name in before})
    if before:
        _note(session, actor, CHANGED, table, id_of(mapper, values), values, before, after)


def _write(session: Session) -> None:
    """The last thing before the commit: no lock of a row is waited for after the chain's."""
    if session.in_nested_transaction():
        return
    if _actor() is not None:
        session.flush()
    notes: list[_Note] = session.info.pop(_PENDING, [])
    if not notes:
        return
    connection = session.connection()
    audit_chain.append(connection, [_entry(connection, note) for note in notes])


def _entry(connection: Any, note: _Note) -> dict[str, Any]:
    site_id, line_id = place_of(connection, note.kind, note.values)
    name = name_of(note.values)
    return {
        "actor_kind": note.actor.kind.value,
        "actor_id": note.actor.id,
        "actor_name": note.actor.name[:100],
        "address": note.actor.address[:64] if note.actor.address else None,
        "action": note.action[:64],
        "object_kind": note.kind,
        "object_id": note.id[:64] if note.id else None,
        "object_name": str(written(None, "name", name)) if name else None,
        "site_id": site_id,
        "line_id": line_id,
        "before": note.before,
        "after": note.after,
    }


def _forget(session: Session, rolled_back: SessionTransaction) -> None:
    """What was rolled back never happened."""
    session.info.pop(_KNOWN_BEFORE, None)
    notes = session.info.get(_PENDING)
    if notes and rolled_back.nested:
        notes[:] = [each for each in notes if rolled_back not in _and_outer(each.savepoint)]
    elif notes:
        notes.clear()


def _and_outer(transaction: SessionTransaction | None) -> Iterator[SessionTransaction]:
    while transaction is not None:
        yield transaction
        transaction = transaction.parent
