"""What a person does with a gap: filled it, cannot fill it, it is none, and takes that back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.errors import Conflict, Invalid
from db.models import (
    Camera,
    DeviationStreak,
    Discrepancy,
    DiscrepancyEvent,
    Inspection,
)
from db.queries import discrepancies
from db.queries.discrepancies import UNRESOLVED, lock_discrepancy, note_event
from db.queries.dispositions import dispose, take_action_back
from db.queries.outbox import write_alert
from db.queries.snoozing import SNOOZED, WOKEN, check_end
from inspection.verdicts import DiscrepancyState

RESTOCKED, NOT_WORKABLE, WORKABLE, UNDONE = "restocked", "not_workable", "workable", "undone"
# For so long a false call at a gap is believed while scan after scan still sees it; one scan that
# sees the place full ends it sooner.
FALSE_CALL_BELIEVED = timedelta(days=1)
_OPENED_EVENT = "discrepancy.opened"


class Reason(StrEnum):
    """Why a gap cannot be filled."""

    NO_STOCK = "no_stock"  # none in the back
    SUPPLIER = "supplier"  # ordered, does not come
    PLANOGRAM = "planogram"  # it does not belong there
    OTHER = "other"


def restock(session: Session, discrepancy_id: int, actor: str, note: str = "") -> Discrepancy:
    """Somebody says that a gap was filled: it is believed, and the next scans check it.

    The gap stays on the list, acknowledged, until clean scans resolve it, so that one which was
    not filled after all is not forgotten.

    Raises:
        NotFound: there is none.
        WrongState: it is resolved, or was a false call.
    """
    discrepancy = lock_discrepancy(session, discrepancy_id, UNRESOLVED)
    discrepancy.state, discrepancy.actor = DiscrepancyState.ACKNOWLEDGED, actor
    _end_waiting(discrepancy)
    _note_disposed(session, discrepancy, RESTOCKED, actor, note)
    return discrepancy


def not_workable(
    session: Session,
    discrepancy_id: int,
    reason: str,
    until: datetime,
    actor: str,
    note: str = "",
    now: datetime | None = None,
) -> Discrepancy:
    """Somebody says that a gap cannot be filled before a moment, and why.

    Raises:
        NotFound: there is none.
        WrongState: it is resolved, or was a false call.
        Invalid: no such reason, or a moment that is past or too far away.
    """
    now = now or utc_now()
    if reason not in set(Reason):
        raise Invalid("reason", reason[:80], f"one of {', '.join(Reason)}")
    check_end("until", until, now)
    discrepancy = lock_discrepancy(session, discrepancy_id, UNRESOLVED)
    discrepancy.unworkable_reason, discrepancy.unworkable_by = reason, actor
    discrepancy.unworkable_until = until
    discrepancy.state, discrepancy.actor = DiscrepancyState.ACKNOWLEDGED, actor
    said = f"{reason} until {until.isoformat(timespec='minutes')}" + (f": {note}" if note else "")
    _note_disposed(session, discrepancy, NOT_WORKABLE, actor, said)
    return discrepancy


def workable(session: Session, discrepancy_id: int, actor: str, note: str = "") -> Discrepancy:
    """It can be filled after all, before the moment that was named.

    Raises:
        NotFound: there is none.
        WrongState: it is resolved, or was a false call.
    """
    discrepancy = lock_discrepancy(session, discrepancy_id, UNRESOLVED)
    if discrepancy.unworkable_reason is not None:
        _clear_unworkable(discrepancy)
        discrepancy.revision += 1
        note_event(session, discrepancy, WORKABLE, actor, note, utc_now())
    return discrepancy


def false_call(session: Session, discrepancy_id: int, actor: str, note: str = "") -> Discrepancy:
    """There is no gap: the model does not see what stands there.

    Else the next scans, which see what the last ones saw, would open it again within seconds. So
    it stays closed for a day, or until a scan sees the place full.

    Raises:
        NotFound: there is none.
        WrongState: it is resolved, or was called false already.
    """
    discrepancy = discrepancies.false_call(session, discrepancy_id, actor, note)
    camera = _camera_of(session, discrepancy)
    if camera is not None:
        scans = FALSE_CALL_BELIEVED.total_seconds() / max(camera.interval_s or 1.0, 0.1)
        session.merge(
            DeviationStreak(
                camera_id=camera.id,
                kind=discrepancy.kind,
                place=discrepancy.place,
                # A streak that begins so far below zero reaches what opens a gap a day later.
                count=-int(scans),
                first_seen_at=utc_now(),
                first_inspection_id=discrepancy.last_inspection_id,
            )
        )
        session.flush()
    return discrepancy


def undo(session: Session, discrepancy_id: int, event_id: int, actor: str) -> Discrepancy:
    """Take back what a person did last with it; the history keeps both.

    Args:
        event_id: what is taken back, as the page showed it.

    Raises:
        NotFound: there is none.
        Conflict: something else has happened since, or another gap is open at the place now.
    """
    discrepancy = lock_discrepancy(session, discrepancy_id, tuple(DiscrepancyState))
    in_force = standing_actions(discrepancy.history)
    if not in_force or in_force[-1].id != event_id:
        raise Conflict("discrepancy", "something else has happened with it since.")
    undone, before = in_force[-1], in_force[:-1]
    was_closed = discrepancy.state not in UNRESOLVED
    if was_closed:
        _check_free(session, discrepancy)
        discrepancy.closed_at = None
        _forget_false_call(session, discrepancy)
    if undone.action == SNOOZED:
        discrepancy.snoozed_until = discrepancy.snoozed_by = None
    if undone.action == NOT_WORKABLE:
        _clear_unworkable(discrepancy)
    if undone.action in (RESTOCKED, NOT_WORKABLE):
        _take_disposition_back(session, undone, actor)
    seen_to = {"acknowledged", RESTOCKED, NOT_WORKABLE}
    acknowledged = any(each.action in seen_to for each in before)
    discrepancy.state = DiscrepancyState.ACKNOWLEDGED if acknowledged else DiscrepancyState.OPEN
    discrepancy.actor = actor
    discrepancy.revision += 1
    note_event(session, discrepancy, UNDONE, actor, undone.action, utc_now())
    if was_closed:
        write_alert(session, discrepancy, _OPENED_EVENT)
    return discrepancy


def standing_actions(history: Iterable[DiscrepancyEvent]) -> list[DiscrepancyEvent]:
    """What people did and did not take back, since Lineside itself last changed the state."""
    standing: list[DiscrepancyEvent] = []
    for event in sorted(history, key=lambda each: each.id):
        if event.actor is None:
            standing.clear()
        elif event.action == UNDONE:
            standing = standing[:-1]
        elif event.action not in (WOKEN, WORKABLE):
            standing.append(event)
    return standing


def histories(
    session: Session, discrepancy_ids: Collection[int]
) -> Mapping[int, Sequence[DiscrepancyEvent]]:
    """The events of each discrepancy, the oldest first."""
    found: dict[int, list[DiscrepancyEvent]] = {}
    statement = (
        select(DiscrepancyEvent)
        .where(DiscrepancyEvent.discrepancy_id.in_(discrepancy_ids))
        .order_by(DiscrepancyEvent.id)
    )
    for event in session.scalars(statement):
        found.setdefault(event.discrepancy_id, []).append(event)
    return found


def _note_disposed(
    session: Session, discrepancy: Discrepancy, action: str, actor: str, note: str
) -> None:
    inspection_id = discrepancy.last_inspection_id
    discrepancy.revision += 1
    note_event(session, discrepancy, action, actor, note, utc_now())
    # By this the disposition is found again when it is taken back.
    discrepancy.history[-1].inspection_id = inspection_id
    dispose(session, inspection_id, action, actor, note)


def _take_disposition_back(session: Session, event: DiscrepancyEvent, actor: str) -> None:
    if event.inspection_id is not None and event.actor is not None:
        take_action_back(session, event.inspection_id, event.action, event.actor, actor)


def _check_free(session: Session, discrepancy: Discrepancy) -> None:
    other = session.scalar(
        select(Discrepancy.id).where(
            Discrepancy.station_id == discrepancy.station_id,
            Discrepancy.kind == discrepancy.kind,
            Discrepancy.place == discrepancy.place,
            Discrepancy.state.in_(UNRESOLVED),
        )
    )
    if other is not None:
        raise Conflict("discrepancy", f"a newer one ({other}) is open at that place.")


def _forget_false_call(session: Session, discrepancy: Discrepancy) -> None:
    camera = _camera_of(session, discrepancy)
    if camera is not None:
        session.execute(
            delete(DeviationStreak).where(
                DeviationStreak.camera_id == camera.id,
                DeviationStreak.kind == discrepancy.kind,
                DeviationStreak.place == discrepancy.place,
            )
        )


def _camera_of(session: Session, discrepancy: Discrepancy) -> Camera | None:
    return session.scalars(
        select(Camera)
        .join(Inspection, Inspection.camera_id == Camera.id)
        .where(Inspection.id == discrepancy.last_inspection_id)
    ).one_or_none()


def _end_waiting(discrepancy: Discrepancy) -> None:
    discrepancy.snoozed_until = discrepancy.snoozed_by = None
    _clear_unworkable(discrepancy)


def _clear_unworkable(discrepancy: Discrepancy) -> None:
    discrepancy.unworkable_reason = discrepancy.unworkable_by = None
    discrepancy.unworkable_until = None
