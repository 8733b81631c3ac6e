"""The audit log: who changed what, with what it was before."""

from datetime import datetime
from typing import Any

from flask import Response
from pydantic import Field

from db.access import Permission
from db.queries.audit_log import AuditFilter, list_entries
from services.api import answers
from services.api.fields import Line as OneLine
from services.api.fields import Output, Time
from services.api.paging import PageQuery
from services.api.permissions import needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("audit-log", "Who changed what. Nothing alters it.")


class AuditEntryOut(Output):
    id: int
    at: datetime
    actor_kind: str = Field(description="person, device, token or local.")
    actor_id: int | None
    actor_name: str
    address: str | None
    action: str = Field(description="created, changed, removed, or what else was done.")
    object_kind: str | None
    object_id: str | None
    object_name: str | None
    site_id: int | None
    line_id: int | None
    before: dict[str, Any] | None = Field(description="What was changed, as it was; secrets: ***.")
    after: dict[str, Any] | None
    previous_hash: str
    hash: str = Field(description="SHA-256 over this entry and the hash before it.")


class AuditPage(Output):
    items: list[AuditEntryOut]
    next: str | None


class AuditQuery(PageQuery):
    actor: OneLine | None = Field(None, max_length=100, description="Done under this name.")
    kind: OneLine | None = Field(None, max_length=64, description="Of things such as station.")
    id: OneLine | None = Field(None, max_length=64, description="Of the thing of this id.")
    since: Time | None = Field(None, description="At this time or later.")
    until: Time | None = Field(None, description="Before this time.")


@blueprint.get("/audit-log", responses=responses({200: AuditPage}))
@needs(Permission.PEOPLE)
def list_audit_log(query: AuditQuery) -> Response:
    """List what people and programs changed, the newest first."""
    wanted = AuditFilter(query.actor, query.kind, query.id, query.since, query.until)
    with values().database.reads() as session:
        rows = list_entries(session, wanted, after=query.after, limit=query.limit)
    return answers.page(AuditPage, rows, AuditEntryOut.model_validate)
