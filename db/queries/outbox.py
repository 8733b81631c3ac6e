"""The outbox: an alert is written in the transaction of what it tells, or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.models.alerting import Alert
from db.models.discrepancies import Discrepancy
from db.models.places import Line, Site, Station
from db.queries.inserting import insert_rows

OPENED, RESOLVED = "discrepancy.opened", "discrepancy.resolved"
# Written by rules: nobody has acknowledged it in time; its sleep is over and it is still there.
ESCALATED, REMINDED = "discrepancy.escalated", "discrepancy.reminded"
TELLING = (OPENED, ESCALATED, REMINDED)  # and not an end


class _Told(Protocol):
    """What an alert tells of a discrepancy."""

    kind: Any
    place: Any
    severity: Any
    state: Any
    detail: Any
    opened_at: Any
    closed_at: Any
    actor: Any
    last_inspection_id: Any


@dataclass(frozen=True)
class NewAlert:
    """An alert whose payload was made when it was true."""

    discrepancy_id: int
    event: str  # discrepancy.opened | discrepancy.resolved
    payload: dict[str, object]


def write_alert(session: Session, discrepancy: Discrepancy, event: str) -> Alert:
    """Add the alert of `discrepancy.opened` or `discrepancy.resolved` to this transaction.

    The payload is what was true then, whatever is renamed or resolved before it is delivered.
    `services/alerting` turns alerts into deliveries; nobody here waits for it.
    """
    station_id = discrepancy.station_id
    alert = Alert(
        discrepancy_id=discrepancy.id,
        event=event,
        # Random, since several installations may tell the same receiver.
        idempotency_key=str(uuid.uuid4()),
        payload=payload_of(discrepancy) | places_of(session, [station_id])[station_id],
    )
    session.add(alert)
    return alert


def write_alerts(session: Session, alerts: Sequence[NewAlert]) -> None:
    """The same for many, whose payloads are complete, in one statement."""
    now = utc_now()
    insert_rows(
        session,
        Alert,
        [
            {
                "discrepancy_id": alert.discrepancy_id,
                "event": alert.event,
                "idempotency_key": str(uuid.uuid4()),
                "payload": alert.payload,
                "created_at": now,
            }
            for alert in alerts
        ],
    )


def payload_of(discrepancy: _Told) -> dict[str, object]:
    """What is true of a discrepancy now. Where it is, `places_of` says."""
    return {
        "kind": discrepancy.kind,
        "place": discrepancy.place,
        "severity": discrepancy.severity,
        "state": discrepancy.state,
        "detail": discrepancy.detail,
        "opened_at": _text(discrepancy.opened_at),
        "closed_at": _text(discrepancy.closed_at),
        "actor": discrepancy.actor,  # None: nobody, Lineside itself
        "inspection_id": discrepancy.last_inspection_id,
    }


def places_of(session: Session, station_ids: Collection[int]) -> dict[int, dict[str, object]]:
    """Site, line and station, as alerts name them, by station id."""
    rows = session.execute(
        select(
            Station.id,
            Station.key,
            Station.name,
            Line.id,
            Line.key,
            Line.name,
            Site.id,
            Site.key,
            Site.name,
        )
        .join(Line, Line.id == Station.line_id)
        .join(Site, Site.id == Line.site_id)
        .where(Station.id.in_(station_ids))
    )
    return {
        row[0]: {
            "site": {"id": row[6], "key": row[7], "name": row[8]},
            "line": {"id": row[3], "key": row[4], "name": row[5]},
            "station": {"id": row[0], "key": row[1], "name": row[2]},
        }
        for row in rows
    }


def _text(time: datetime | None) -> str | None:
    return time.isoformat() if time is not None else None
