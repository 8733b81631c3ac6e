"""The outbox's other end: alerts become deliveries, one per channel, and each is tried.

Everything here may be run by two processes at once. A delivery is held by a lease, and the number
of its attempt is the fencing token: whoever wakes after its lease ran out and was taken by another
changes nothing any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, and_, exists, insert, or_, select, update
from sqlalchemy.orm import Session, aliased

from db.engine import database_now
from db.models.alerting import Alert, Delivery
from db.models.discrepancies import Discrepancy
from inspection.verdicts import DiscrepancyState

OPENED = "discrepancy.opened"

_GONE = (DiscrepancyState.RESOLVED.value, DiscrepancyState.FALSE_CALL.value)
_ERROR_LENGTH = 500  # of the column


@dataclass(frozen=True)
class ClaimedDelivery:
    """One attempt that this process may make until its lease runs out."""

    delivery_id: int
    attempt: int  # 1 is the first; also the fencing token
    channel: str
    event: str
    idempotency_key: str
    discrepancy_id: int
    payload: dict[str, object]
    created_at: datetime


def dispatch(session: Session, channels: Sequence[str], limit: int = 500) -> int:
    """Write the deliveries of the oldest undispatched alerts; how many alerts those were.

    Without a channel the alerts are only marked: nobody asked to be told.
    """
    now = database_now(session)
    # A second dispatcher passes over what this one holds (PostgreSQL; on SQLite it waits).
    waiting = (
        select(Alert.id)
        .where(Alert.dispatched_at.is_(None))
        .order_by(Alert.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    alert_ids = session.scalars(waiting).all()
    if not alert_ids:
        return 0
    rows = [
        {"alert_id": alert_id, "channel": channel, "state": "due", "attempts": 0, "next_at": now}
        for alert_id in alert_ids
        for channel in channels
    ]
    if rows:
        session.execute(insert(Delivery), rows)
    session.execute(update(Alert).where(Alert.id.in_(alert_ids)).values(dispatched_at=now))
    return len(alert_ids)


def waiting_alerts(session: Session) -> bool:
    """Whether an alert waits to be dispatched; takes no lock."""
    return (
        session.execute(select(Alert.id).where(Alert.dispatched_at.is_(None)).limit(1)).first()
        is not None
    )


def due(session: Session, channel: str) -> bool:
    """Whether something may be claimed or dropped on a channel now; takes no lock."""
    now = database_now(session)
    found = session.execute(select(Delivery.id).where(_claimable(channel, now)).limit(1)).first()
    return found is not None


def drop_gone(session: Session, channel: str) -> int:
    """Drop what need not be told any more; how many that were.

    An opening whose discrepancy is gone (resolved, or a false call) is not sent, and neither is
    the end of something whose opening was never even tried on this channel.
    """
    now = database_now(session)
    idle = and_(
        Delivery.state == "due",
        Delivery.channel == channel,
        or_(Delivery.lease_until.is_(None), Delivery.lease_until < now),
    )
    gone = (
        select(Alert.id)
        .join(Discrepancy, Discrepancy.id == Alert.discrepancy_id)
        .where(Alert.id == Delivery.alert_id, Alert.event == OPENED, Discrepancy.state.in_(_GONE))
    )
    dropped = _execute(
        session,
        update(Delivery)
        .where(idle, exists(gone))
        .values(state="dropped", lease_until=None, last_error="the discrepancy is gone"),
    )
    opening, opening_alert, follow_up = aliased(Delivery), aliased(Alert), aliased(Alert)
    told = (
        select(opening.id)
        .join(opening_alert, opening_alert.id == opening.alert_id)
        .join(follow_up, follow_up.discrepancy_id == opening_alert.discrepancy_id)
        .where(
            follow_up.id == Delivery.alert_id,
            opening.channel == channel,
            opening_alert.event == OPENED,
            or_(opening.attempts > 0, opening.state == "due"),
        )
    )
    an_end = select(Alert.id).where(Alert.id == Delivery.alert_id, Alert.event != OPENED)
    return dropped + _execute(
        session,
        update(Delivery)
        .where(idle, exists(an_end), ~exists(told))
        .values(state="dropped", lease_until=None, last_error="its opening was never sent"),
    )


def give_up(session: Session, channel: str, attempts: int) -> int:
    """Fail what has used up its attempts without a word, because each ended its process."""
    now = database_now(session)
    return _execute(
        session,
        update(Delivery)
        .where(_claimable(channel, now), Delivery.attempts >= attempts)
        .values(
            state="failed",
            lease_until=None,
            last_error="the process ended in every attempt to send it",
        ),
    )


def claim(session: Session, channel: str, lease: timedelta) -> ClaimedDelivery | None:
    """Hold the delivery of a channel that has been due longest, or None.

    What is told about one discrepancy keeps its order: an end waits until its opening is settled.
    """
    now = database_now(session)
    earlier, earlier_alert = aliased(Delivery), aliased(Alert)
    unsettled = (
        select(earlier.id)
        .join(earlier_alert, earlier_alert.id == earlier.alert_id)
        .where(
            earlier_alert.discrepancy_id == Alert.discrepancy_id,
            earlier_alert.id < Alert.id,
            earlier.channel == channel,
            earlier.state == "due",
        )
    )
    found = session.execute(
        select(Delivery, Alert)
        .join(Alert, Alert.id == Delivery.alert_id)
        .where(_claimable(channel, now), ~exists(unsettled))
        .order_by(Delivery.next_at, Delivery.id)
        .limit(1)
        .with_for_update(of=Delivery, skip_locked=True)
    ).first()
    if found is None:
        return None
    delivery, alert = found
    delivery.attempts += 1
    delivery.lease_until = now + lease
    return ClaimedDelivery(
        delivery_id=delivery.id,
        attempt=delivery.attempts,
        channel=channel,
        event=alert.event,
        idempotency_key=alert.idempotency_key,
        discrepancy_id=alert.discrepancy_id,
        payload=alert.payload,
        created_at=alert.created_at,
    )


def settle_sent(session: Session, claimed: ClaimedDelivery) -> bool:
    """The channel took it. False: the lease was lost meanwhile, and nothing was written."""
    now = database_now(session)
    return _settle(session, claimed, {"state": "sent", "sent_at": now, "last_error": None})


def settle_failed(
    session: Session, claimed: ClaimedDelivery, error: str, retry_in: timedelta | None
) -> bool:
    """It was not taken: tried again after `retry_in`, or given up when that is None.

    `error` is shown to people and must hold no secret.
    """
    values: dict[str, object] = {"last_error": error[:_ERROR_LENGTH]}
    if retry_in is None:
        values["state"] = "failed"
    else:
        values["next_at"] = database_now(session) + retry_in
    return _settle(session, claimed, values)


def retry_failed(session: Session) -> int:
    """Make every failed delivery due again with all its attempts; how many those were."""
    now = database_now(session)
    return _execute(
        session,
        update(Delivery)
        .where(Delivery.state == "failed")
        .values(state="due", attempts=0, next_at=now, lease_until=None),
    )


def _claimable(channel: str, now: datetime) -> ColumnElement[bool]:
    return and_(
        Delivery.state == "due",
        Delivery.channel == channel,
        Delivery.next_at <= now,
        or_(Delivery.lease_until.is_(None), Delivery.lease_until < now),
    )


def _settle(session: Session, claimed: ClaimedDelivery, values: dict[str, object]) -> bool:
    return (
        _execute(
            session,
            update(Delivery)
            .where(
                Delivery.id == claimed.delivery_id,
                Delivery.attempts == claimed.attempt,
                Delivery.state == "due",
            )
            .values(lease_until=None, **values),
        )
        == 1
    )


def _execute(session: Session, statement: Any) -> int:
    # The rows are re-read where they matter, so the session's own copies need no keeping in step.
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return cast(CursorResult[Any], result).rowcount
