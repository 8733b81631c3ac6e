"""Removing what nothing refers to. What has a history stays: verdicts must keep their place."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Delete, func, literal, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.base import Base
from db.errors import Conflict

_COUNTED = 1000  # more are not counted: a station may have millions of acquisitions


@dataclass(frozen=True)
class Use:
    """Rows of one kind that may refer to a thing: their name in the plural, and their column."""

    name: str
    column: InstrumentedAttribute[int] | InstrumentedAttribute[int | None]


def remove(
    session: Session,
    what: str,
    row: Base,
    row_id: int,
    uses: Sequence[Use],
    *,
    with_it: Sequence[Delete] = (),
) -> None:
    """Delete a row, and before it what is a part of it.

    Raises:
        Conflict: something refers to it; the text says what, and how many of each.
    """
    # Now, since after a failed flush the row cannot be read any more.
    name = repr(getattr(row, "key", None) or getattr(row, "name", ""))
    found = []
    for use in uses:
        some = select(literal(1)).where(use.column == row_id).limit(_COUNTED).subquery()
        count = session.scalar(select(func.count()).select_from(some))
        if count:
            number = f"{_COUNTED} or more" if count == _COUNTED else str(count)
            found.append(f"{use.name}: {number}")
    if found:
        raise Conflict(what, f"{name} is referred to ({', '.join(found)})")
    try:
        for statement in with_it:
            session.execute(statement)
        session.delete(row)
        session.flush()
    except IntegrityError as error:
        raise Conflict(what, f"{name} is referred to by what came just now") from error
