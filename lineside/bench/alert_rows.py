"""Rules, channels and a log of alerts for the bench: what a plant has after a year of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.models import (
    Alert,
    AlertChannel,
    AlertRule,
    AlertTarget,
    AlertWatch,
    Delivery,
    Discrepancy,
    Line,
    Station,
)

_CHANNELS, _RULES = 6, 30
_MOST_ALERTS = 20_000
_CHUNK = 2_000


def add_alert_rows(session: Session) -> None:
    """Give the newest discrepancies their alerts, and each line its rules; once."""
    if session.scalar(select(AlertRule.id).limit(1)) is not None:
        return
    channels = [
        AlertChannel(key=f"channel-{n}", name=f"Channel {n}", kind="webhook", shown="https://…")
        for n in range(_CHANNELS)
    ]
    session.add_all(channels)
    session.flush()
    lines = session.scalars(select(Line.id).order_by(Line.id)).all()
    for number in range(_RULES):
        session.add(
            AlertRule(
                name=f"Rule {number}",
                line_id=lines[number % len(lines)] if number % 3 else None,
                kinds=["crack"] if number % 2 else [],
                open_for_s=300,
                targets=[AlertTarget(channel_id=channels[number % _CHANNELS].id)],
            )
        )
    session.flush()
    rule_id = session.scalars(select(AlertRule.id).order_by(AlertRule.id).limit(1)).one()
    rows = _rows(session, rule_id)
    while chunk := list(islice(rows, _CHUNK)):
        for index, table in enumerate((Alert, Delivery, AlertWatch)):
            session.execute(insert(table), [row[index] for row in chunk])


def _rows(
    session: Session, rule_id: int
) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    now = utc_now()
    found = session.execute(
        select(Discrepancy.id, Discrepancy.opened_at, Discrepancy.state, Station.line_id)
        .join(Station, Station.id == Discrepancy.station_id)
        .order_by(Discrepancy.id.desc())
        .limit(_MOST_ALERTS)
    ).all()
    last = session.scalar(select(Alert.id).order_by(Alert.id.desc()).limit(1)) or 0
    for alert_id, (discrepancy_id, opened_at, state, line_id) in enumerate(found, last + 1):
        told_at = min(opened_at + timedelta(minutes=5), now)
        yield (
            {
                "id": alert_id,
                "discrepancy_id": discrepancy_id,
                "event": "discrepancy.opened",
                "idempotency_key": f"bench-{alert_id}",
                "payload": {"severity": "fail", "detail": "crack 4.8 mm > 3.0 mm"},
                "created_at": opened_at,
                "dispatched_at": opened_at,
            },
            {
                "alert_id": alert_id,
                "channel": f"channel-{alert_id % _CHANNELS}",
                "state": "failed" if alert_id % 500 == 0 else "sent",
                "attempts": 1,
                "next_at": told_at,
                "sent_at": told_at,
                "rule_name": "Rule 0",
            },
            {
                "rule_id": rule_id,
                "discrepancy_id": discrepancy_id,
                "alert_id": alert_id,
                "line_id": line_id,
                "state": "told" if state == "open" else "over",
                "due_at": opened_at,
                "told_at": told_at,
            },
        )
