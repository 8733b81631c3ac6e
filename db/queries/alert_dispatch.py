"""Alerts meet the rules: what opens is watched by the rules that it fits, and ends are told.

Channels that no rule names are told everything at once. Everything here is done by one process at
a time (`lock_dispatch`), since cool-downs and groups look at what was told before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session, selectinload

from db.engine import database_now
from db.models import (
    Alert,
    AlertRule,
    AlertTarget,
    AlertWatch,
    Delivery,
    Discrepancy,
    Line,
    Site,
    Station,
)
from db.queries.alert_channels import without_rules
from db.queries.alert_rules import ESCALATION, FIRST
from db.queries.outbox import OPENED
from inspection.quiet_hours import QuietHours

_LOCK = 5471232  # of PostgreSQL's advisory locks; migrations have the one before
WAITING, READY, TOLD, OVER = "waiting", "ready", "told", "over"


@dataclass(frozen=True)
class _Where:
    station_id: int
    line_id: int
    site_id: int
    timezone: str
    kind: str
    opened_at: datetime


def lock_dispatch(session: Session) -> bool:
    """Be the only dispatcher until the end of the transaction; False: another one is."""
    if session.get_bind().dialect.name == "sqlite":
        return True  # BEGIN IMMEDIATE lets in one writer
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))))


def waiting_alerts(session: Session) -> bool:
    """Whether an alert waits to be dispatched; takes no lock."""
    return (
        session.execute(select(Alert.id).where(Alert.dispatched_at.is_(None)).limit(1)).first()
        is not None
    )


def rules_with_targets(session: Session) -> Mapping[int, AlertRule]:
    """Every rule by its id, with its channels."""
    statement = select(AlertRule).options(
        selectinload(AlertRule.targets).selectinload(AlertTarget.channel)
    )
    return {rule.id: rule for rule in session.scalars(statement)}


def take_in(
    session: Session, environment: Sequence[str], now: datetime | None = None, limit: int = 500
) -> int:
    """Hand the oldest undispatched alerts to the rules; how many those were.

    `environment`: keys of the channels that are told everything as long as no rule names them.
    """
    now = now or database_now(session)
    if not lock_dispatch(session):
        return 0
    alerts = session.scalars(
        select(Alert).where(Alert.dispatched_at.is_(None)).order_by(Alert.id).limit(limit)
    ).all()
    if not alerts:
        return 0
    rules = rules_with_targets(session)
    places = _places(session, {alert.discrepancy_id for alert in alerts}) if rules else {}
    rows = [
        _delivery(alert.id, channel, now)
        for channel in without_rules(session, environment)
        for alert in alerts
    ]
    if rules:
        _watch(session, [alert for alert in alerts if alert.event == OPENED], rules, places)
        ends = [alert for alert in alerts if alert.event != OPENED]
        rows += _ends(
            session, ends, rules, places, {(r["alert_id"], r["channel"]) for r in rows}, now
        )
    if rows:
        session.execute(insert(Delivery), rows)
    session.execute(
        update(Alert)
        .where(Alert.id.in_([alert.id for alert in alerts]))
        .values(dispatched_at=now)
        .execution_options(synchronize_session=False)
    )
    return len(alerts)


def quiet_until(rule: AlertRule, now: datetime, timezone: str) -> datetime | None:
    """When a rule may speak again; None: now."""
    if rule.quiet_from is None or rule.quiet_to is None:
        return None
    return QuietHours(rule.quiet_from, rule.quiet_to).until(now, timezone)


def fits(rule: AlertRule, where: _Where) -> bool:
    """Whether a rule watches a discrepancy. How bad it is may change, so that is not asked here."""
    return (
        rule.enabled
        and rule.station_id in (None, where.station_id)
        and rule.line_id in (None, where.line_id)
        and rule.site_id in (None, where.site_id)
        and (not rule.kinds or where.kind in rule.kinds)
    )


def _watch(
    session: Session,
    opened: Sequence[Alert],
    rules: Mapping[int, AlertRule],
    places: Mapping[int, _Where],
) -> None:
    rows = []
    for alert in opened:
        where = places[alert.discrepancy_id]
        rows += [
            {
                "rule_id": rule.id,
                "discrepancy_id": alert.discrepancy_id,
                "alert_id": alert.id,
                "line_id": where.line_id,
                "state": WAITING,
                "due_at": where.opened_at + timedelta(seconds=rule.open_for_s),
            }
            for rule in rules.values()
            if fits(rule, where)
        ]
    if rows:
        session.execute(insert(AlertWatch), rows)


def _ends(
    session: Session,
    ends: Sequence[Alert],
    rules: Mapping[int, AlertRule],
    places: Mapping[int, _Where],
    written: Collection[tuple[int, str]],
    now: datetime,
) -> list[dict[str, Any]]:
    """The deliveries of ends to whoever was told of the opening, and the watches are over."""
    by_discrepancy = {alert.discrepancy_id: alert for alert in ends}
    if not by_discrepancy:
        return []
    rows: dict[tuple[int, str], dict[str, Any]] = {}
    watches = session.scalars(
        select(AlertWatch).where(
            AlertWatch.discrepancy_id.in_(by_discrepancy), AlertWatch.state != OVER
        )
    )
    for watch in watches:
        alert, rule = by_discrepancy[watch.discrepancy_id], rules[watch.rule_id]
        where = places[watch.discrepancy_id]
        was_told = watch.state == TOLD
        watch.state = OVER
        watch.why_over = "its end" if was_told else "gone before it was told"
        if not was_told or not rule.tell_end:
            continue
        steps = {FIRST} if watch.escalated_at is None else {FIRST, ESCALATION}
        next_at, group_key = _when_end_is_told(rule, where, now)
        for target in rule.targets:
            key = (alert.id, target.channel.key)
            if target.step in steps and target.channel.enabled and key not in written:
                rows.setdefault(
                    key,
                    _delivery(*key, next_at, rule_name=rule.name, group_key=group_key),
                )
    return list(rows.values())


def _when_end_is_told(rule: AlertRule, where: _Where, now: datetime) -> tuple[datetime, str | None]:
    """Not in quiet hours, and with the other ends of its line where the rule groups."""
    next_at = quiet_until(rule, now, where.timezone) or now
    if not rule.group_s:
        return next_at, None
    number = int(next_at.timestamp()) // rule.group_s
    if next_at == now:
        next_at = datetime.fromtimestamp((number + 1) * rule.group_s, UTC)
    return next_at, f"end-{rule.id}-{where.line_id}-{number}"


def _delivery(
    alert_id: int,
    channel: str,
    next_at: datetime,
    *,
    rule_name: str | None = None,
    group_key: str | None = None,
) -> dict[str, Any]:
    return {
        "alert_id": alert_id,
        "channel": channel,
        "state": "due",
        "attempts": 0,
        "next_at": next_at,
        "rule_name": rule_name,
        "group_key": group_key,
    }


def _places(session: Session, discrepancy_ids: Collection[int]) -> Mapping[int, _Where]:
    rows = session.execute(
        select(Discrepancy, Station.line_id, Line.site_id, Site.timezone)
        .join(Station, Station.id == Discrepancy.station_id)
        .join(Line, Line.id == Station.line_id)
        .join(Site, Site.id == Line.site_id)
        .where(Discrepancy.id.in_(discrepancy_ids))
    )
    return {
        its.id: _Where(its.station_id, line_id, site_id, timezone, its.kind, its.opened_at)
        for its, line_id, site_id, timezone in rows
    }
