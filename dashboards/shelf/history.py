"""The page of a shelf's last fortnight, and the same as a table for a spreadsheet."""

from __future__ import annotations

from flask import Blueprint, Response, abort, render_template

from dashboards.export import table_csv
from dashboards.formats import show_times_in
from dashboards.permissions import needs
from dashboards.shelf.history_view import History, load_history
from dashboards.values import values
from db.access import Permission
from db.queries.stations import get_line

blueprint = Blueprint("shelf_history", __name__)


@blueprint.get("/shelves/<ref>/history")
@needs(Permission.VIEW)
def one(ref: str) -> str:
    return render_template("shelf_history.html", history=_history(ref))


@blueprint.get("/shelves/<ref>/history.csv")
@needs(Permission.VIEW)
def export(ref: str) -> Response:
    """A row a day: shares as fractions, times in minutes."""
    history = _history(ref)
    rows = [
        (
            day.date.isoformat(),
            "" if day.share.available is None else round(day.share.available, 5),
            round(day.share.missed.total_seconds() / 60, 1),
            round(day.share.watched.total_seconds() / 60, 1),
            times.filled,
            "" if times.median is None else round(times.median.total_seconds() / 60, 1),
            "" if times.p90 is None else round(times.p90.total_seconds() / 60, 1),
        )
        for day, times in zip(history.days.days, history.times, strict=True)
    ]
    head = (
        "day",
        "on_shelf_availability",
        "facing_minutes_missed",
        "facing_minutes_watched",
        "gaps_filled",
        "median_minutes_to_restock",
        "p90_minutes_to_restock",
    )
    response = Response(table_csv(head, rows), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="shelf-days.csv"'
    return response


def _history(ref: str) -> History:
    with values().database.reads() as session:
        line = get_line(session, ref)
        if line.kind != "shelf":
            abort(404)
        history = load_history(session, line, values().now())
    show_times_in(history.floor.site.timezone)
    return history
