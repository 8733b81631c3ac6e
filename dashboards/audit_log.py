"""The audit log for admins: who changed what, with what it was before. Nothing here alters it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Flask, Response, abort, render_template, request

from dashboards import audit_log_view
from dashboards.export import table_csv
from dashboards.permissions import needs
from dashboards.values import values
from db import audit
from db.access import Permission, current
from db.models import AuditEntry
from db.queries.audit_log import AuditFilter, actors, kinds, list_entries

blueprint = Blueprint("audit_log", __name__)

_PAGE = 50
_MOST_EXPORTED = 10_000
_COLUMNS = (
    "id",
    "at",
    "actor_kind",
    "actor_id",
    "actor_name",
    "address",
    "action",
    "object_kind",
    "object_id",
    "object_name",
    "site_id",
    "line_id",
    "before",
    "after",
    "previous_hash",
    "hash",
)


def register(app: Flask) -> None:
    """Tell of every table that somebody takes along, whichever page it is of."""
    app.after_request(_tell_export)


def _tell_export(response: Response) -> Response:
    access = current()
    taken = response.mimetype == "text/csv" and response.status_code == 200
    if taken and access is not None and access.actor is not None:
        # Of one line where no other could be in it, so that its admin reads of it.
        line_id = next(iter(access.lines)) if access.lines and len(access.lines) == 1 else None
        asked = request.full_path.rstrip("?")[:500]
        with values().database.sessions.begin() as session:
            audit.record(session, "exported", detail={"asked": asked}, line_id=line_id)
    return response


@blueprint.get("/audit-log")
@needs(Permission.PEOPLE)
def index() -> str:
    wanted, after = _wanted(), _number("after")
    with values().database.reads() as session:
        page = list_entries(session, wanted, after=after, limit=_PAGE)
        names, things = actors(session), kinds(session)
    filters = {key: text for key, text in request.args.items() if text and key != "after"}
    return render_template(
        "audit_log.html",
        entries=audit_log_view.told(page.rows),
        names=names,
        things=[(key, audit_log_view.word(audit_log_view.KINDS, key)) for key in things],
        filters=filters,
        after=after,
        more=page.next_after,
    )


@blueprint.get("/audit-log.csv")
@needs(Permission.PEOPLE)
def export() -> Response:
    """The newest entries that the filter lets through, times in UTC."""
    with values().database.reads() as session:
        rows = list_entries(session, _wanted(), limit=_MOST_EXPORTED).rows
    response = Response(table_csv(_COLUMNS, [_cells(row) for row in rows]), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="audit-log.csv"'
    return response


def _cells(row: AuditEntry) -> list[object]:
    cells: list[object] = []
    for name in _COLUMNS:
        value = getattr(row, name)
        if isinstance(value, dict):
            value = json.dumps(value, ensure_ascii=False)
        cells.append(value.isoformat() if isinstance(value, datetime) else value)
    return cells


def _wanted() -> AuditFilter:
    return AuditFilter(
        actor=request.args.get("person") or None,
        kind=request.args.get("kind") or None,
        id=request.args.get("id") or None,
        since=_day("since"),
        until=_day("until", after=timedelta(days=1)),
    )


def _day(name: str, after: timedelta = timedelta(0)) -> datetime | None:
    """The begin of a day in UTC; of `until` that of the next, so that its day is in."""
    text = request.args.get(name)
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) + after
    except (ValueError, OverflowError):
        abort(400, f"expected {name}=YYYY-MM-DD, got {text[:80]!r}")


def _number(name: str) -> int | None:
    text = request.args.get(name)
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        abort(400, f"expected {name}=NUMBER as a page of this list gave it, got {text[:80]!r}")
    return int(text)
