"""Home, line boards and shelf boards, with the fragments that a live page re-reads."""

from flask import Blueprint, abort, redirect, render_template, url_for
from werkzeug.wrappers import Response

from dashboards.formats import show_times_in
from dashboards.home_view import load_home
from dashboards.line_view import LineBoard, load_board
from dashboards.shelf_view import ShelfBoard, load_shelves
from dashboards.values import parts, values
from db.errors import NotFound
from db.queries.stations import get_line

blueprint = Blueprint("boards", __name__)

_PANELS = ("summary", "discrepancies", "pareto", "feed")
_SHELF_PARTS = ("gaps", "bays", "summary")


@blueprint.get("/")
def home() -> str:
    with values().database.reads() as session:
        return render_template("home.html", home=load_home(session, values().now()))


@blueprint.get("/parts/home")
def home_part() -> str:
    with values().database.reads() as session:
        return render_template("parts/home.html", home=load_home(session, values().now()))


@blueprint.get("/lines/<ref>")
def line(ref: str) -> str | Response:
    if _kind(ref) == "shelf":
        return redirect(url_for("boards.shelf", ref=ref))
    board = _line_board(ref)
    return render_template("line.html", board=board)


@blueprint.get("/lines/<ref>/parts/<name>")
def line_part(ref: str, name: str) -> str:
    if name not in _PANELS:
        abort(404)
    return render_template(f"parts/line_{name}.html", board=_line_board(ref))


@blueprint.get("/lines/<ref>/tiles/<int:station_id>")
def tile(ref: str, station_id: int) -> str:
    board = _line_board(ref)
    for each in board.tiles:
        if each.station_id == station_id:
            return render_template("parts/tile.html", board=board, tile=each)
    raise NotFound("station", station_id)


@blueprint.get("/shelves/<ref>")
def shelf(ref: str) -> str | Response:
    if _kind(ref) != "shelf":
        return redirect(url_for("boards.line", ref=ref))
    return render_template("shelf.html", board=_shelf_board(ref))


@blueprint.get("/shelves/<ref>/parts/<name>")
def shelf_part(ref: str, name: str) -> str:
    if name not in _SHELF_PARTS:
        abort(404)
    return render_template(f"parts/shelf_{name}.html", board=_shelf_board(ref))


def _kind(ref: str) -> str:
    with values().database.reads() as session:
        return get_line(session, ref).kind


def _line_board(ref: str) -> LineBoard:
    app = parts()

    def read() -> LineBoard:
        with app.values.database.reads() as session:
            return load_board(session, get_line(session, ref), app.values.now())

    board = app.line_boards.get(ref, read)
    show_times_in(board.timezone)
    return board


def _shelf_board(ref: str) -> ShelfBoard:
    app = parts()

    def read() -> ShelfBoard:
        with app.values.database.reads() as session:
            return load_shelves(session, get_line(session, ref), app.values.now())

    board = app.shelf_boards.get(ref, read)
    show_times_in(board.timezone)
    return board
