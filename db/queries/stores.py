"""The aisles of a store: its shelf lines that who asks may see."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from db.models import Line


def aisles_of(session: Session, site_id: int) -> list[Line]:
    """The shelf lines of a site, each with its site."""
    statement = (
        select(Line)
        .options(joinedload(Line.site))
        .where(Line.site_id == site_id, Line.kind == "shelf")
        .order_by(Line.id)
    )
    return list(session.scalars(statement))


def ids_of(lines: Sequence[Line]) -> frozenset[int]:
    return frozenset(line.id for line in lines)
