"""Discrepancies: listing them, and what a person does with one."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from db.base import utc_now
from db.errors import NotFound, WrongState
from db.models import Discrepancy, DiscrepancyEvent, Station
from db.paging import Page, page_of_entities
from db.queries.outbox import write_alert
from inspection.verdicts import DiscrepancyState

OPEN, ACKNOWLEDGED = DiscrepancyState.OPEN, DiscrepancyState.ACKNOWLEDGED
UNRESOLVED = (OPEN, ACKNOWLEDGED)
RESOLVED_EVENT = "discrepancy.resolved"


def list_discrepancies(
    session: Session,
    *,
    states: Collection[str] = (),
    station_id: int | None = None,
    kind: str | None = None,
    after: int | None,
    limit: int,
) -> Page[Discrepancy]:
    """Those opened last come first; no states means all of them."""
    statement = select(Discrepancy)
    if states:
        statement = statement.where(Discrepancy.state.in_(states))
    if station_id is not None:
        statement = statement.where(Discrepancy.station_id == station_id)
    if kind is not None:
        statement = statement.where(Discrepancy.kind == kind)
    return page_of_entities(
        session, Discrepancy, statement, Discrepancy.id, after=after, limit=limit, newest_first=True
    )


def get_discrepancy(session: Session, discrepancy_id: int) -> Discrepancy:
    """A discrepancy with its history.

    Raises:
        NotFound: there is none.
    """
    statement = (
        select(Discrepancy)
        .where(Discrepancy.id == discrepancy_id)
        .options(selectinload(Discrepancy.history))
    )
    discrepancy = session.scalars(statement).one_or_none()
    if discrepancy is None:
        raise NotFound("discrepancy", discrepancy_id)
    return discrepancy


def acknowledge(session: Session, discrepancy_id: int, actor: str, note: str = "") -> Discrepancy:
    """Somebody has seen it and takes care of it.

    Raises:
        NotFound: there is none.
        WrongState: it is not open.
    """
    discrepancy = lock_discrepancy(session, discrepancy_id, (OPEN,))
    _enter(session, discrepancy, ACKNOWLEDGED, "acknowledged", actor, note)
    return discrepancy


def resolve(session: Session, discrepancy_id: int, actor: str, note: str = "") -> Discrepancy:
    """The deviation is gone. Disposes of nothing: the failed parts stay listed.

    Raises:
        NotFound: there is none.
        WrongState: it is resolved, or was a false call.
    """
    discrepancy = lock_discrepancy(session, discrepancy_id, UNRESOLVED)
    _enter(session, discrepancy, DiscrepancyState.RESOLVED, "resolved", actor, note)
    write_alert(session, discrepancy, RESOLVED_EVENT)
    return discrepancy


def false_call(session: Session, discrepancy_id: int, actor: str, note: str = "") -> Discrepancy:
    """There never was a deviation. Who was told of its opening is told of its end.

    Raises:
        NotFound: there is none.
        WrongState: it is resolved, or was called false already.
    """
    discrepancy = lock_discrepancy(session, discrepancy_id, UNRESOLVED)
    _enter(session, discrepancy, DiscrepancyState.FALSE_CALL, "false_call", actor, note)
    write_alert(session, discrepancy, RESOLVED_EVENT)
    return discrepancy


def lock_discrepancy(
    session: Session, discrepancy_id: int, expected: tuple[DiscrepancyState, ...]
) -> Discrepancy:
    """The discrepancy, with its station locked: workers fold under the same lock.

    Raises:
        NotFound: there is none.
        WrongState: it is in none of the expected states.
    """
    station_id = session.scalar(
        select(Discrepancy.station_id).where(Discrepancy.id == discrepancy_id)
    )
    if station_id is None:
        raise NotFound("discrepancy", discrepancy_id)
    session.execute(
        select(Station.id).where(Station.id == station_id).with_for_update(key_share=True)
    )
    session.expire_all()  # what was read before the lock may be old
    discrepancy = get_discrepancy(session, discrepancy_id)
    if discrepancy.state not in expected:
        raise WrongState("discrepancy", discrepancy_id, discrepancy.state, expected)
    return discrepancy


def _enter(
    session: Session,
    discrepancy: Discrepancy,
    state: DiscrepancyState,
    action: str,
    actor: str,
    note: str,
) -> None:
    now = utc_now()
    discrepancy.state = state
    discrepancy.actor = actor
    discrepancy.revision += 1
    if state not in UNRESOLVED:
        discrepancy.closed_at = now
    note_event(session, discrepancy, action, actor, note, now)


def note_event(
    session: Session,
    discrepancy: Discrepancy,
    action: str,
    actor: str,
    note: str,
    at: datetime,
) -> None:
    """Write into the history of a discrepancy what a person did."""
    discrepancy.history.append(
        DiscrepancyEvent(
            discrepancy_id=discrepancy.id, action=action, actor=actor, note=note, at=at
        )
    )
    session.flush()
