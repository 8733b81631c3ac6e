"""Shelf boards, with the fragments that a live page re-reads."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from dashboards.formats import show_times_in
from dashboards.permissions import needs
from dashboards.shelf import words as shelf_words
from dashboards.shelf.board_view import ORDERS, WORTH, ShelfBoard, load_shelves
from dashboards.values import parts, values
from db.access import Permission
from db.queries.stations import get_line

blueprint = Blueprint("shelves", __name__)
shelf_words.register(blueprint)

_PARTS = ("gaps", "bays", "summary")


@blueprint.get("/shelves/<ref>")
@needs(Permission.VIEW)
def board(ref: str) -> str | Response:
    with values().database.reads() as session:
        kind = get_line(session, ref).kind
    if kind != "shelf":
        return redirect(url_for("boards.line", ref=ref))
    return render_template("shelf.html", **_board(ref))


@blueprint.get("/shelves/<ref>/parts/<name>")
@needs(Permission.VIEW)
def part(ref: str, name: str) -> str:
    if name not in _PARTS:
        abort(404)
    return render_template(f"parts/shelf_{name}.html", **_board(ref, with_days=name == "summary"))


def _board(ref: str, *, with_days: bool = True) -> dict[str, object]:
    app = parts()
    order = request.args.get("order", WORTH)
    if order not in ORDERS:
        abort(400, f"expected an order out of {', '.join(ORDERS)}, got {order[:80]!r}")
    # What others read at the same time is handed out to those alone who may see the line.
    with app.values.database.reads() as session:
        line_id = get_line(session, ref).id

    def read() -> ShelfBoard:
        with app.values.database.reads() as session:
            line = get_line(session, str(line_id))
            return load_shelves(session, line, app.values.now(), order, with_days=with_days)

    found = app.shelf_boards.get((line_id, order, with_days), read)
    show_times_in(found.timezone)
    asked = {"order": order} if order != WORTH else {}
    return {
        "board": found,
        "floor": found.floor,
        "asked": asked,
        "back": url_for("shelves.board", ref=found.line.key, order=asked.get("order")),
    }
