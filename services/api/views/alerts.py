"""Alerts and their deliveries."""

from datetime import datetime
from typing import Any, Literal

from flask import Response
from pydantic import Field

from db.access import Permission
from db.queries import alert_log, deliveries
from services.api import answers
from services.api.fields import Id, IdPath, Output
from services.api.paging import PageQuery
from services.api.permissions import needs
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
    rule_name: str | None = Field(description="The rule that told it, by its name then.")


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
@needs(Permission.ALERTS)
def list_alerts(query: AlertQuery) -> Response:
    """List alerts, the newest first."""
    with values().database.reads() as session:
        rows = alert_log.list_alerts(
            session, discrepancy_id=query.discrepancy_id, after=query.after, limit=query.limit
        )
    return answers.page(AlertPage, rows, AlertOut.model_validate)


@blueprint.get("/deliveries", responses=responses({200: DeliveryPage}))
@needs(Permission.ALERTS)
def list_deliveries(query: DeliveryQuery) -> Response:
    """List attempts to hand alerts to a channel, the newest first."""
    with values().database.reads() as session:
        rows = alert_log.list_deliveries(
            session, state=query.state, after=query.after, limit=query.limit
        )
    return answers.page(DeliveryPage, rows, DeliveryOut.model_validate)


@blueprint.post("/deliveries/<id>/again", responses=responses({200: DeliveryOut}, 404, 409))
@needs(Permission.ALERTS)
def try_delivery_again(path: IdPath) -> Response:
    """Try a delivery again that was given up, with all its attempts."""
    with values().database.sessions.begin() as session:
        row = deliveries.try_again(session, path.id)
    return answers.answer(DeliveryOut.model_validate(row))
