"""Many rows in one statement, with their ids in the order of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from db.base import Base


def insert_rows(session: Session, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, given by the names of their columns; none of them is held by the session."""
    if rows:
        session.flush()  # they may refer to what still waits in the session
        session.connection().execute(cast(Table, model.__table__).insert(), rows)


def insert_for_ids(
    session: Session, model: type[Base], rows: Sequence[dict[str, Any]]
) -> list[int]:
    """The same for a model whose key is `id`; returns the new ids in the order of the rows."""
    if not rows:
        return []
    session.flush()
    table = cast(Table, model.__table__)
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        # What SQLite returns has no promised order, so SQLAlchemy would insert row by row. This
        # transaction is the only writer since its BEGIN IMMEDIATE, and may number them itself.
        first = (connection.scalar(select(func.max(table.c.id))) or 0) + 1
        ids = list(range(first, first + len(rows)))
        connection.execute(
            table.insert(), [{"id": id_, **row} for id_, row in zip(ids, rows, strict=True)]
        )
        return ids
    inserted = connection.execute(
        table.insert().returning(table.c.id, sort_by_parameter_order=True), rows
    )
    return list(inserted.scalars())
