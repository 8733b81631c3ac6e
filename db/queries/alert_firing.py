"""Rules speak: what they have watched long and often enough is told, escalated and told again.

Looking takes no lock; `fire` looks again under it. What a rule holds back (a group that gathers, a
cool-down, quiet hours, a snooze) is told together when that is over, if it is still there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from sqlalchemy import ColumnElement, func, insert, or_, select
from sqlalchemy.orm import Session

from db.engine import database_now
from db.models import Alert, AlertRule, AlertWatch, Delivery, Discrepancy, Line, Site
from db.queries.alert_dispatch import (
    OVER,
    READY,
    TOLD,
    WAITING,
    lock_dispatch,
    quiet_until,
    rules_with_targets,
)
from db.queries.alert_rules import ESCALATION, FIRST
from db.queries.outbox import ESCALATED, OPENED, REMINDED, write_alert
from db.queries.snoozing import awake
from inspection.verdicts import DiscrepancyState

_OPEN = DiscrepancyState.OPEN.value
_UNRESOLVED = (_OPEN, DiscrepancyState.ACKNOWLEDGED.value)
# So many watches at once: on SQLite the line's own commits wait for this transaction.
_MOST_AT_ONCE = 200
_WHY_OVER = {
    DiscrepancyState.ACKNOWLEDGED.value: "somebody took care of it before it was told",
    DiscrepancyState.RESOLVED.value: "gone before it was told",
    DiscrepancyState.FALSE_CALL.value: "a false call before it was told",
}


@dataclass(frozen=True)
class _Bucket:
    """What a rule tells of one line, all at once."""

    rule: AlertRule
    line_id: int
    event: str
    step: str
    watch_ids: Sequence[int]


def anything_to_fire(session: Session, now: datetime | None = None) -> bool:
    """Whether a rule has something to say now; takes no lock."""
    now = now or database_now(session)
    rules = rules_with_targets(session)
    if not rules:
        return False
    if _not_to_be_told(session) or _ripe(session, rules, now):
        return True
    return next(_speaking(session, rules, now), None) is not None


def fire(session: Session, now: datetime | None = None) -> int:
    """Write the deliveries that rules ask for now; how many discrepancies were told."""
    now = now or database_now(session)
    if not lock_dispatch(session):
        return 0
    rules = rules_with_targets(session)
    for watch, state in _not_to_be_told(session):
        watch.state, watch.why_over = OVER, _WHY_OVER[state]
    for watch in _ripe(session, rules, now):
        watch.state, watch.due_at = READY, now
    session.flush()
    told = 0
    for bucket in list(_speaking(session, rules, now)):
        told += _tell(session, bucket, now)
    return told


def _not_to_be_told(session: Session) -> Sequence[tuple[AlertWatch, str]]:
    """Those that nobody must be told of any more, with the discrepancy's state."""
    rows = session.execute(
        select(AlertWatch, Discrepancy.state)
        .join(Discrepancy, Discrepancy.id == AlertWatch.discrepancy_id)
        .where(AlertWatch.state.in_((WAITING, READY)), Discrepancy.state != _OPEN)
        .order_by(AlertWatch.id)
        .limit(_MOST_AT_ONCE)
    )
    return [(watch, state) for watch, state in rows]


def _ripe(session: Session, rules: Mapping[int, AlertRule], now: datetime) -> Sequence[AlertWatch]:
    """Those that have become bad enough, often enough and for long enough."""
    rows = session.execute(
        select(AlertWatch, Discrepancy.opened_at)
        .join(AlertRule, AlertRule.id == AlertWatch.rule_id)
        .join(Discrepancy, Discrepancy.id == AlertWatch.discrepancy_id)
        .where(
            AlertWatch.state == WAITING,
            AlertRule.enabled,
            Discrepancy.state == _OPEN,
            Discrepancy.seen_count >= AlertRule.seen_at_least,
            or_(AlertRule.min_severity == "warn", Discrepancy.severity == "fail"),
        )
    )
    ripe = (
        watch
        for watch, opened_at in rows
        # Reckoned anew, since the rule may have been changed since.
        if opened_at + timedelta(seconds=rules[watch.rule_id].open_for_s) <= now
    )
    return list(islice(ripe, _MOST_AT_ONCE))


def _speaking(session: Session, rules: Mapping[int, AlertRule], now: datetime) -> Iterator[_Bucket]:
    """The buckets of all rules that may speak now."""
    zones: dict[int, str] = {}

    def may_speak(rule: AlertRule, line_id: int) -> bool:
        if not rule.enabled or (rule.snoozed_until is not None and rule.snoozed_until > now):
            return False
        if rule.quiet_from is not None and line_id not in zones:
            zones.update(_zones(session))
        return quiet_until(rule, now, zones.get(line_id, "UTC")) is None

    gathering = AlertWatch.state == READY
    for rule_id, line_id, since in _lines(session, gathering, Discrepancy.state == _OPEN, now):
        rule = rules[rule_id]
        if since + timedelta(seconds=rule.group_s) > now or not may_speak(rule, line_id):
            continue
        if rule.cooldown_s and _last_told(session, rule_id, line_id) > now - timedelta(
            seconds=rule.cooldown_s
        ):
            continue
        ids = _ids(session, rule_id, line_id, gathering, Discrepancy.state == _OPEN, now)
        yield _Bucket(rule, line_id, OPENED, FIRST, ids)
    woken = (AlertWatch.state == TOLD) & (AlertWatch.told_at < Discrepancy.snoozed_until)
    unresolved = Discrepancy.state.in_(_UNRESOLVED)
    for rule_id, line_id, _ in _lines(session, woken, unresolved, now):
        if may_speak(rules[rule_id], line_id):
            ids = _ids(session, rule_id, line_id, woken, unresolved, now)
            yield _Bucket(rules[rule_id], line_id, REMINDED, FIRST, ids)
    for rule in rules.values():
        if rule.escalate_after_s is None:
            continue
        unheard = (
            (AlertWatch.rule_id == rule.id)
            & (AlertWatch.state == TOLD)
            & AlertWatch.escalated_at.is_(None)
            & (AlertWatch.told_at <= now - timedelta(seconds=rule.escalate_after_s))
            # What has just woken is told again first, and has its time anew.
            & or_(
                Discrepancy.snoozed_until.is_(None), Discrepancy.snoozed_until <= AlertWatch.told_at
            )
        )
        for _, line_id, _ in _lines(session, unheard, Discrepancy.state == _OPEN, now):
            if may_speak(rule, line_id):
                ids = _ids(session, rule.id, line_id, unheard, Discrepancy.state == _OPEN, now)
                yield _Bucket(rule, line_id, ESCALATED, ESCALATION, ids)


def _tell(session: Session, bucket: _Bucket, now: datetime) -> int:
    rule = bucket.rule
    watches = session.scalars(
        select(AlertWatch).where(AlertWatch.id.in_(bucket.watch_ids)).order_by(AlertWatch.id)
    ).all()
    group_key = None
    if len(watches) > 1:
        group_key = f"{bucket.event.partition('.')[2]}-{rule.id}-{bucket.line_id}-{watches[0].id}"
    rows = []
    for watch in watches:
        alert = _alert_of(session, watch, bucket.event, now)
        told = _told_already(session, watch.discrepancy_id) if bucket.event == OPENED else set()
        for target in rule.targets:
            channel = target.channel
            if target.step != bucket.step or channel.key in told:
                continue
            rows.append(
                {
                    "alert_id": alert.id,
                    "channel": channel.key,
                    "state": "due" if channel.enabled else "dropped",
                    "attempts": 0,
                    "next_at": now,
                    "last_error": None if channel.enabled else "the channel is switched off",
                    "rule_name": rule.name,
                    "group_key": group_key,
                }
            )
        watch.state = TOLD
        if bucket.event == ESCALATED:
            watch.escalated_at = now
        else:
            watch.told_at, watch.escalated_at = now, None
    session.flush()
    if rows:
        session.execute(insert(Delivery), rows)
    return len(watches)


def _alert_of(session: Session, watch: AlertWatch, event: str, now: datetime) -> Alert:
    """The alert of its opening while it still says what is true, else one of this moment."""
    discrepancy = session.get_one(Discrepancy, watch.discrepancy_id)
    if event == OPENED:
        alert = session.get_one(Alert, watch.alert_id)
        if all(
            alert.payload.get(name) == getattr(discrepancy, name)
            for name in ("severity", "state", "detail")
        ):
            return alert
    alert = write_alert(session, discrepancy, event)
    alert.dispatched_at = now
    session.flush()
    return alert


def _told_already(session: Session, discrepancy_id: int) -> set[str]:
    """Channels that another rule has told of the opening."""
    return set(
        session.scalars(
            select(Delivery.channel)
            .join(Alert, Alert.id == Delivery.alert_id)
            .where(Alert.discrepancy_id == discrepancy_id, Alert.event == OPENED)
        )
    )


def _lines(
    session: Session, which: ColumnElement[bool], state: ColumnElement[bool], now: datetime
) -> Sequence[tuple[int, int, datetime]]:
    """Rule, line and the earliest `due_at` of watches whose discrepancies are awake."""
    rows = session.execute(
        select(AlertWatch.rule_id, AlertWatch.line_id, func.min(AlertWatch.due_at))
        .join(Discrepancy, Discrepancy.id == AlertWatch.discrepancy_id)
        .where(which, state, awake(now))
        .group_by(AlertWatch.rule_id, AlertWatch.line_id)
        .order_by(AlertWatch.rule_id, AlertWatch.line_id)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def _ids(
    session: Session,
    rule_id: int,
    line_id: int,
    which: ColumnElement[bool],
    state: ColumnElement[bool],
    now: datetime,
) -> Sequence[int]:
    return session.scalars(
        select(AlertWatch.id)
        .join(Discrepancy, Discrepancy.id == AlertWatch.discrepancy_id)
        .where(AlertWatch.rule_id == rule_id, AlertWatch.line_id == line_id)
        .where(which, state, awake(now))
        .order_by(AlertWatch.id)
        .limit(_MOST_AT_ONCE)
    ).all()


def _last_told(session: Session, rule_id: int, line_id: int) -> datetime:
    last = session.scalar(
        select(func.max(AlertWatch.told_at)).where(
            AlertWatch.rule_id == rule_id, AlertWatch.line_id == line_id
        )
    )
    return last or datetime.min.replace(tzinfo=UTC)


def _zones(session: Session) -> Mapping[int, str]:
    rows = session.execute(select(Line.id, Site.timezone).join(Site, Site.id == Line.site_id))
    return {row[0]: row[1] for row in rows}
