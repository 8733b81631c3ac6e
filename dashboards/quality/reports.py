"""The report of a shift: a page that prints, and its tables as CSV."""

from __future__ import annotations

from flask import Blueprint, Response, abort, render_template, request
from sqlalchemy.orm import Session

from dashboards.export import table_csv
from dashboards.formats import show_times_in
from dashboards.permissions import needs
from dashboards.quality import report_tables
from dashboards.quality import words as quality_words
from dashboards.quality.charts import asked_day
from dashboards.quality.report_view import ReportPage, load_page
from dashboards.values import values
from db.access import Permission
from db.queries.stations import get_line

blueprint = Blueprint("reports", __name__)


@blueprint.get("/reports/<ref>")
@needs(Permission.VIEW)
def line(ref: str) -> str:
    with values().database.reads() as session:
        page = _page(session, ref)
        return render_template(
            "report.html", page=page, words=quality_words, tables=report_tables.TABLES
        )


@blueprint.get("/reports/<ref>.csv")
@needs(Permission.VIEW)
def export(ref: str) -> Response:
    """One table of the report, as RFC 4180 has it: one header, the same columns in each line."""
    name = request.args.get("table") or "stations"
    table = report_tables.TABLES.get(name)
    if table is None:
        expected = ", ".join(report_tables.TABLES)
        abort(400, f"expected table out of {expected}, got {name[:80]!r}")
    with values().database.reads() as session:
        page = _page(session, ref)
        text = table_csv(table.columns, table.rows(page))
    response = Response(text, mimetype="text/csv")
    file_name = f"{page.line.key}-{page.span.day.isoformat()}-{name}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return response


def _page(session: Session, ref: str) -> ReportPage:
    place = get_line(session, ref)
    show_times_in(place.site.timezone)
    return load_page(
        session,
        place,
        asked_day(),
        request.args.get("shift") or None,
        values().now(),
    )
