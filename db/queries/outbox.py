"""The outbox: an alert is written in the transaction of what it tells, or not at all."""

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.alerting import Alert
from db.models.discrepancies import Discrepancy
from db.models.places import Line, Site, Station


def write_alert(session: Session, discrepancy: Discrepancy, event: str) -> Alert:
    """Add the alert of `discrepancy.opened` or `discrepancy.resolved` to this transaction.

    The payload is what was true then, whatever is renamed or resolved before it is delivered.
    `services/alerting` turns alerts into deliveries; nobody here waits for it.
    """
    site, line, station = session.execute(
        select(Site, Line, Station)
        .join(Line, Line.site_id == Site.id)
        .join(Station, Station.line_id == Line.id)
        .where(Station.id == discrepancy.station_id)
    ).one()
    alert = Alert(
        discrepancy_id=discrepancy.id,
        event=event,
        # Random, since several installations may tell the same receiver.
        idempotency_key=str(uuid.uuid4()),
        payload={
            "kind": discrepancy.kind,
            "place": discrepancy.place,
            "severity": discrepancy.severity,
            "state": discrepancy.state,
            "detail": discrepancy.detail,
            "opened_at": discrepancy.opened_at.isoformat(),
            "closed_at": discrepancy.closed_at.isoformat() if discrepancy.closed_at else None,
            "actor": discrepancy.actor,  # None: nobody, Lineside itself
            "inspection_id": discrepancy.last_inspection_id,
            "site": {"id": site.id, "key": site.key, "name": site.name},
            "line": {"id": line.id, "key": line.key, "name": line.name},
            "station": {"id": station.id, "key": station.key, "name": station.name},
        },
    )
    session.add(alert)
    return alert
