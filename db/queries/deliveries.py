"""The outbox's other end: deliveries, one per alert and channel, are tried until they succeed.

Everything here may be run by two processes at once. A delivery is held by a lease, and the number
of its attempt is the fencing token: whoever wakes after its lease ran out and was taken by another
changes nothing any more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Select, and_, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from db.engine import database_now
from db.errors import NotFound, WrongState
from db.models.alerting import Alert, Delivery
from db.models.discrepancies import Discrepancy
from db.queries.outbox import ESCALATED, TELLING
from db.queries.snoozing import awake
from inspection.verdicts import DiscrepancyState

_GONE = (DiscrepancyState.RESOLVED.value, DiscrepancyState.FALSE_CALL.value)
_ERROR_LENGTH = 500  # of the column
_MOST_IN_A_GROUP = 50  # what is more goes out as the next message


@dataclass(frozen=True)
class ClaimedDelivery:
    """One attempt that this process may make until its lease runs out.

    `others` go out with it as one message, and share its fate.
    """

    delivery_id: int
    attempt: int  # 1 is the first; also the fencing token
    channel: str
    event: str
    idempotency_key: str
    discrepancy_id: int
    payload: dict[str, object]
    created_at: datetime
    others: tuple["ClaimedDelivery", ...] = ()


def due(session: Session, channel: str, now: datetime | None = None) -> bool:
    """Whether something may be claimed or dropped on a channel now; takes no lock."""
    now = now or database_now(session)
    return session.execute(_claimable_of(channel, now).limit(1)).first() is not None


def drop_gone(session: Session, channel: str, now: datetime | None = None) -> int:
    """Drop what need not be told any more; how many that were.

    An opening whose discrepancy is gone (resolved, or a false call) is not sent, nor an escalation
    that somebody has acknowledged, nor the end of something whose opening was never even tried on
    this channel.
    """
    now = now or database_now(session)
    idle = and_(
        Delivery.state == "due",
        Delivery.channel == channel,
        or_(Delivery.lease_until.is_(None), Delivery.lease_until < now),
    )
    its_alert = (
        select(Alert.id)
        .join(Discrepancy, Discrepancy.id == Alert.discrepancy_id)
        .where(Alert.id == Delivery.alert_id)
    )
    gone = its_alert.where(Alert.event.in_(TELLING), Discrepancy.state.in_(_GONE))
    taken_care_of = its_alert.where(
        Alert.event == ESCALATED, Discrepancy.state == DiscrepancyState.ACKNOWLEDGED
    )
    dropped = 0
    for reason, which in (
        ("the discrepancy is gone", gone),
        ("somebody has acknowledged it", taken_care_of),
    ):
        dropped += _execute(
            session,
            update(Delivery)
            .where(idle, exists(which))
            .values(state="dropped", lease_until=None, last_error=reason),
        )
    opening, opening_alert, follow_up = aliased(Delivery), aliased(Alert), aliased(Alert)
    told = (
        select(opening.id)
        .join(opening_alert, opening_alert.id == opening.alert_id)
        .join(follow_up, follow_up.discrepancy_id == opening_alert.discrepancy_id)
        .where(
            follow_up.id == Delivery.alert_id,
            opening.channel == channel,
            opening_alert.event.in_(TELLING),
            or_(opening.attempts > 0, opening.state == "due"),
        )
    )
    an_end = select(Alert.id).where(Alert.id == Delivery.alert_id, Alert.event.not_in(TELLING))
    return dropped + _execute(
        session,
        update(Delivery)
        .where(idle, exists(an_end), ~exists(told))
        .values(state="dropped", lease_until=None, last_error="its opening was never sent"),
    )


def give_up(session: Session, channel: str, attempts: int, now: datetime | None = None) -> int:
    """Fail what has used up its attempts without a word, because each ended its process."""
    now = now or database_now(session)
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


def claim(
    session: Session, channel: str, lease: timedelta, now: datetime | None = None
) -> ClaimedDelivery | None:
    """Hold the delivery of a channel that has been due longest, with its group, or None.

    What is told about one discrepancy keeps its order: an end waits until its opening is settled.
    What sleeps is not told before it wakes.
    """
    now = now or database_now(session)
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
    ready = (
        _claimable_of(channel, now)
        .where(~exists(unsettled))
        .order_by(Delivery.next_at, Delivery.id)
        .with_for_update(of=Delivery, skip_locked=True)
    )
    first = session.execute(ready.limit(1)).first()
    if first is None:
        return None
    leader, alert = first
    group = []
    if leader.group_key is not None:
        of_group = ready.where(Delivery.group_key == leader.group_key, Delivery.id != leader.id)
        group = list(session.execute(of_group.limit(_MOST_IN_A_GROUP - 1)))
    others = tuple(_hold(delivery, its_alert, now + lease) for delivery, its_alert in group)
    return _hold(leader, alert, now + lease, others)


def _hold(
    delivery: Delivery,
    alert: Alert,
    until: datetime,
    others: tuple[ClaimedDelivery, ...] = (),
) -> ClaimedDelivery:
    delivery.attempts += 1
    delivery.lease_until = until
    return ClaimedDelivery(
        delivery_id=delivery.id,
        attempt=delivery.attempts,
        channel=delivery.channel,
        event=alert.event,
        idempotency_key=alert.idempotency_key,
        discrepancy_id=alert.discrepancy_id,
        payload=alert.payload,
        created_at=alert.created_at,
        others=others,
    )


def settle_sent(session: Session, claimed: ClaimedDelivery, now: datetime | None = None) -> bool:
    """The channel took it. False: the lease was lost meanwhile, and nothing was written."""
    now = now or database_now(session)
    return _settle(session, claimed, {"state": "sent", "sent_at": now, "last_error": None})


def settle_failed(
    session: Session,
    claimed: ClaimedDelivery,
    error: str,
    retry_in: timedelta | None,
    now: datetime | None = None,
) -> bool:
    """It was not taken: tried again after `retry_in`, or given up when that is None.

    `error` is shown to people and must hold no secret.
    """
    values: dict[str, object] = {"last_error": error[:_ERROR_LENGTH]}
    if retry_in is None:
        values["state"] = "failed"
    else:
        values["next_at"] = (now or database_now(session)) + retry_in
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


def try_again(session: Session, delivery_id: int, now: datetime | None = None) -> Delivery:
    """Make one delivery that was given up due again, with all its attempts.

    Raises:
        NotFound: there is none.
        WrongState: it was not given up.
    """
    delivery = session.scalars(
        select(Delivery).where(Delivery.id == delivery_id).with_for_update()
    ).one_or_none()
    if delivery is None:
        raise NotFound("delivery", delivery_id)
    if delivery.state != "failed":
        raise WrongState("delivery", delivery_id, delivery.state, ["failed"])
    delivery.state, delivery.attempts, delivery.lease_until = "due", 0, None
    delivery.next_at = now or database_now(session)
    return delivery


def _claimable(channel: str, now: datetime) -> ColumnElement[bool]:
    return and_(
        Delivery.state == "due",
        Delivery.channel == channel,
        Delivery.next_at <= now,
        or_(Delivery.lease_until.is_(None), Delivery.lease_until < now),
    )


def _claimable_of(channel: str, now: datetime) -> Select[Delivery, Alert]:
    return (
        select(Delivery, Alert)
        .join(Alert, Alert.id == Delivery.alert_id)
        .join(Discrepancy, Discrepancy.id == Alert.discrepancy_id)
        .where(_claimable(channel, now), or_(Alert.event.not_in(TELLING), awake(now)))
    )


def _settle(session: Session, claimed: ClaimedDelivery, values: dict[str, object]) -> bool:
    held = False
    for one in (claimed, *claimed.others):
        changed = _execute(
            session,
            update(Delivery)
            .where(
                Delivery.id == one.delivery_id,
                Delivery.attempts == one.attempt,
                Delivery.state == "due",
            )
            .values(lease_until=None, **values),
        )
        held = held or changed == 1
    return held


def _execute(session: Session, statement: Any) -> int:
    # The rows are re-read where they matter, so the session's own copies need no keeping in step.
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return cast(CursorResult[Any], result).rowcount
