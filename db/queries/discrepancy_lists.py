"""Lists of discrepancies with the names of their places, for the pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import literal, select, tuple_
from sqlalchemy.orm import Session

from db.base import UtcDateTime
from db.models import Discrepancy, Line, Site, Station
from db.queries.snoozing import awake
from inspection.verdicts import DiscrepancyState

UNRESOLVED = (DiscrepancyState.OPEN, DiscrepancyState.ACKNOWLEDGED)


@dataclass(frozen=True)
class Wanted:
    """What to list; None everywhere lists all that is unresolved.

    `state` is `unresolved` (and awake at `now`), `snoozed` (asleep at `now`), `all`, or a
    DiscrepancyState. Without `now` what sleeps is listed as unresolved too.
    """

    state: str = "unresolved"
    now: datetime | None = None
    line_key: str | None = None
    station_key: str | None = None
    severity: str | None = None
    kind: str | None = None


@dataclass(frozen=True)
class PlacedDiscrepancy:
    discrepancy: Discrepancy
    station_key: str
    station_name: str
    line_key: str
    line_name: str
    line_kind: str
    timezone: str


def list_placed(
    session: Session,
    wanted: Wanted,
    *,
    after: tuple[datetime, int] | None = None,
    limit: int = 100,
) -> Sequence[PlacedDiscrepancy]:
    """Unresolved ones oldest first, since they wait; any other list newest first.

    Args:
        after: time of opening and id of the last one seen, to go on after it.
    """
    statement = _placed()
    if wanted.state in ("unresolved", "snoozed"):
        statement = statement.where(Discrepancy.state.in_(UNRESOLVED))
        if wanted.now is not None:
            sleeps = Discrepancy.snoozed_until > wanted.now
            statement = statement.where(sleeps if wanted.state == "snoozed" else awake(wanted.now))
    elif wanted.state != "all":
        statement = statement.where(Discrepancy.state == wanted.state)
    if wanted.line_key:
        statement = statement.where(Line.key == wanted.line_key)
    if wanted.station_key:
        statement = statement.where(Station.key == wanted.station_key)
    if wanted.severity:
        statement = statement.where(Discrepancy.severity == wanted.severity)
    if wanted.kind:
        statement = statement.where(Discrepancy.kind == wanted.kind)
    oldest_first = wanted.state in ("unresolved", "snoozed")
    here = (Discrepancy.opened_at, Discrepancy.id)
    if after is not None:
        seen = tuple_(literal(after[0], UtcDateTime()), literal(after[1]))
        statement = statement.where(tuple_(*here) > seen if oldest_first else tuple_(*here) < seen)
    order = [column.asc() if oldest_first else column.desc() for column in here]
    rows = session.execute(statement.order_by(*order).limit(limit))
    return [PlacedDiscrepancy(*row) for row in rows]


def placed(session: Session, discrepancy_id: int) -> PlacedDiscrepancy | None:
    row = session.execute(_placed().where(Discrepancy.id == discrepancy_id)).one_or_none()
    return PlacedDiscrepancy(*row) if row is not None else None


def earlier_at_same_place(
    session: Session, discrepancy: Discrepancy, *, limit: int = 20
) -> Sequence[Discrepancy]:
    """Other discrepancies of the same kind at the same place, the newest first."""
    statement = (
        select(Discrepancy)
        .where(
            Discrepancy.station_id == discrepancy.station_id,
            Discrepancy.kind == discrepancy.kind,
            Discrepancy.place == discrepancy.place,
            Discrepancy.id != discrepancy.id,
        )
        .order_by(Discrepancy.opened_at.desc(), Discrepancy.id.desc())
    )
    return session.scalars(statement.limit(limit)).all()


def _placed() -> Any:  # the type of a wide select differs between SQLAlchemy 2.0 and 2.1
    return (
        select(
            Discrepancy,
            Station.key,
            Station.name,
            Line.key,
            Line.name,
            Line.kind,
            Site.timezone,
        )
        .join(Station, Station.id == Discrepancy.station_id)
        .join(Line, Line.id == Station.line_id)
        .join(Site, Site.id == Line.site_id)
    )
