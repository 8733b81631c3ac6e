"""What was told to whom: alerts with their deliveries, the newest first."""

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from db.models import Alert, Delivery
from db.paging import Page, page_of_entities


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
