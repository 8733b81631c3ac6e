"""What was told to whom: alerts with their deliveries, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from db.models import Alert, AlertChannel, AlertRule, AlertWatch, Delivery, Discrepancy
from db.paging import Page, page_of_entities


@dataclass(frozen=True)
class Told:
    """An alert with its discrepancy as it is now, and the rules that still hold it or let it go."""

    alert: Alert
    discrepancy: Discrepancy
    watches: Sequence[tuple[AlertWatch, str]]  # with the rule's name


def newest(
    session: Session, *, state: str | None = None, after: int | None = None, limit: int
) -> Sequence[Told]:
    """Alerts with all that came of them, the newest first; `state`: with such a delivery."""
    statement = (
        select(Alert, Discrepancy)
        .join(Discrepancy, Discrepancy.id == Alert.discrepancy_id)
        .options(selectinload(Alert.deliveries))
        .order_by(Alert.id.desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(Alert.id < after)
    if state is not None:
        of_state = select(Delivery.alert_id).where(Delivery.state == state)
        statement = statement.where(Alert.id.in_(of_state))
    rows = session.execute(statement).all()
    by_alert: dict[int, list[tuple[AlertWatch, str]]] = {}
    watches = (
        select(AlertWatch, AlertRule.name)
        .join(AlertRule, AlertRule.id == AlertWatch.rule_id)
        # By the discrepancies, which have an index here.
        .where(AlertWatch.discrepancy_id.in_([alert.discrepancy_id for alert, _ in rows]))
        .order_by(AlertWatch.id)
    )
    for watch, name in session.execute(watches):
        by_alert.setdefault(watch.alert_id, []).append((watch, name))
    return [Told(alert, discrepancy, by_alert.get(alert.id, [])) for alert, discrepancy in rows]


def count_failed(session: Session) -> int:
    """Deliveries that were given up and that nobody has tried again."""
    statement = select(func.count()).select_from(Delivery).where(Delivery.state == "failed")
    return session.scalar(statement) or 0


def failed(session: Session) -> Sequence[Delivery]:
    """Those deliveries, the oldest first."""
    statement = select(Delivery).where(Delivery.state == "failed").order_by(Delivery.id)
    return session.scalars(statement.limit(1000)).all()


def channel_names(session: Session) -> dict[str, str]:
    """Names of the channels that are seen, by their keys."""
    rows = session.execute(select(AlertChannel.key, AlertChannel.name))
    return {row[0]: row[1] for row in rows}


def list_alerts(
    session: Session,
    *,
    discrepancy_id: int | None = None,
    after: int | None,
    limit: int,
) -> Page[Alert]:
    statement = select(Alert).options(selectinload(Alert.deliveries))
    if discrepancy_id is not None:
        statement = statement.where(Alert.discrepancy_id == discrepancy_id)
    return page_of_entities(
        session, Alert, statement, Alert.id, after=after, limit=limit, newest_first=True
    )


def list_deliveries(
    session: Session, *, state: str | None = None, after: int | None, limit: int
) -> Page[Delivery]:
    statement = select(Delivery)
    if state is not None:
        statement = statement.where(Delivery.state == state)
    return page_of_entities(
        session, Delivery, statement, Delivery.id, after=after, limit=limit, newest_first=True
    )
