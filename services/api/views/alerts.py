"""Alerts and their deliveries."""

from datetime import datetime
from typing import Any, Literal

from flask import Response
from pydantic import Field

from db.queries import alert_log
from services.api import answers
from services.api.fields import Id, Output
from services.api.paging import PageQuery
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("alerts", "Messages about discrepancies.")

DeliveryState = Literal["due", "sent", "dropped", "failed"]


class DeliveryOut(Output):
    id: int
    alert_id: int
    channel: str
    state: DeliveryState
    attempts: int
    next_at: datetime
    last_error: str | None
    sent_at: datetime | None


class AlertOut(Output):
    id: int
    discrepancy_id: int
    event: str
    idempotency_key: str
    payload: dict[str, Any]
    created_at: datetime
    dispatched_at: datetime | None
    deliveries: list[DeliveryOut]


class AlertPage(Output):
    items: list[AlertOut]
    next: str | None


class DeliveryPage(Output):
    items: list[DeliveryOut]
    next: str | None


class AlertQuery(PageQuery):
    discrepancy_id: Id | None = Field(None, description="Only of this discrepancy.")


class DeliveryQuery(PageQuery):
    state: DeliveryState | None = None


@blueprint.get("/alerts", responses=responses({200: AlertPage}))
def list_alerts(query: AlertQuery) -> Response:
    """List alerts, the newest first."""
    with values().database.reads() as session:
        rows = alert_log.list_alerts(
            session, discrepancy_id=query.discrepancy_id, after=query.after, limit=query.limit
        )
    return answers.page(AlertPage, rows, AlertOut.model_validate)


@blueprint.get("/deliveries", responses=responses({200: DeliveryPage}))
def list_deliveries(query: DeliveryQuery) -> Response:
    """List attempts to hand alerts to a channel, the newest first."""
    with values().database.reads() as session:
        rows = alert_log.list_deliveries(
            session, state=query.state, after=query.after, limit=query.limit
        )
    return answers.page(DeliveryPage, rows, DeliveryOut.model_validate)
