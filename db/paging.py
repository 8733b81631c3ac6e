"""Pages by key: the next one begins after the last row seen, so that new rows shift nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.expression import asc, desc

from db.errors import Conflict

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows in order, and the id after which the next page begins (None: this was the last)."""

    rows: Sequence[Row]
    next_after: int | None


def page_of_entities(
    session: Session,
    entity: type[Row],
    statement: Select[Any],
    key: InstrumentedAttribute[int],
    *,
    after: int | None,
    limit: int,
    newest_first: bool = False,
) -> Page[Row]:
    """One page of a select of `entity` alone, ordered by its integer key."""
    page = page_of_rows(
        session, statement, key, after=after, limit=limit, newest_first=newest_first
    )
    entities: list[Row] = [row[0] for row in page.rows]
    return Page(entities, page.next_after)


def page_of_rows(
    session: Session,
    statement: Select[*tuple[Any, ...]],
    key: InstrumentedAttribute[int],
    *,
    after: int | None,
    limit: int,
    newest_first: bool = False,
) -> Page[Any]:
    """One page of a select whose first column is the entity that `key` belongs to."""
    if after is not None:
        beyond: ColumnElement[bool] = key < after if newest_first else key > after
        statement = statement.where(beyond)
    order = desc(key) if newest_first else asc(key)
    # One row more than asked for tells whether there is a next page.
    rows = session.execute(statement.order_by(order).limit(limit + 1)).all()
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], int(getattr(rows[limit - 1][0], key.key)))


def flush_new(session: Session, what: str, key: object) -> None:
    """Send new rows to the database.

    Raises:
        Conflict: another row has the same key.
    """
    from sqlalchemy.exc import IntegrityError

    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict(what, f"there is already one named {key!r}") from error
