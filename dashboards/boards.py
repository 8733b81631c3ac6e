"""Home and line boards, with the fragments that a live page re-reads."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from dashboards.formats import show_times_in
from dashboards.home_view import Home, load_home
from dashboards.line_view import LineBoard, load_board
from dashboards.permissions import needs
from dashboards.values import parts, values
from db.access import Permission, current
from db.errors import NotFound
from db.queries.boards import lines_with_sites
from db.queries.stations import get_line

blueprint = Blueprint("boards", __name__)

_PANELS = ("summary", "discrepancies", "pareto", "feed")


@blueprint.get("/")
@needs(Permission.VIEW)
def home() -> str:
    return render_template("home.html", home=_home())


@blueprint.get("/parts/home")
@needs(Permission.VIEW)
def home_part() -> str:
    return render_template("parts/home.html", home=_home())


def _home() -> Home:
    app, access = parts(), current()

    def read() -> Home:
        with app.values.database.reads() as session:
            return load_home(session, app.values.now())

    # Shared by those who see the same lines, and by no others.
    seen = (access.lines, access.sites) if access else None
    return app.homes.get(seen, read)


@blueprint.get("/lines/<ref>")
@needs(Permission.VIEW)
def line(ref: str) -> str | Response:
    if _kind(ref) == "shelf":
        return redirect(url_for("shelves.board", ref=ref))
    board = _line_board(ref)
    cycle = _cycle()
    next_line = _next_line(board.line.id) if cycle else None
    return render_template("line.html", board=board, cycle=cycle, next_line=next_line)


@blueprint.get("/lines/<ref>/parts/<name>")
@needs(Permission.VIEW)
def line_part(ref: str, name: str) -> str:
    if name not in _PANELS:
        abort(404)
    return render_template(f"parts/line_{name}.html", board=_line_board(ref))


@blueprint.get("/lines/<ref>/tiles/<int:station_id>")
@needs(Permission.VIEW)
def tile(ref: str, station_id: int) -> str:
    board = _line_board(ref)
    for each in board.tiles:
        if each.station_id == station_id:
            return render_template("parts/tile.html", board=board, tile=each)
    raise NotFound("station", station_id)


def _cycle() -> int | None:
    """After how many seconds a wall screen goes on to the next line; None: it stays."""
    text = request.args.get("cycle", "")
    if not text:
        return None
    if not (text.isdecimal() and text.isascii() and len(text) <= 4 and 5 <= int(text) <= 3600):
        abort(400, f"expected cycle=SECONDS from 5 to 3600, got {text[:80]!r}")
    return int(text)


def _next_line(line_id: int) -> str | None:
    """The key of the line after one, round and round; None: there is no other."""
    with values().database.reads() as session:
        lines = [each for each in lines_with_sites(session) if each.kind != "shelf"]
    here = next((place for place, each in enumerate(lines) if each.id == line_id), 0)
    others = [*lines[here + 1 :], *lines[:here]]
    return others[0].key if others else None


def _kind(ref: str) -> str:
    with values().database.reads() as session:
        return get_line(session, ref).kind


def _line_board(ref: str) -> LineBoard:
    app = parts()
    # What others read at the same time is handed out to those alone who may see the line.
    with app.values.database.reads() as session:
        line_id = get_line(session, ref).id

    def read() -> LineBoard:
        with app.values.database.reads() as session:
            return load_board(session, get_line(session, str(line_id)), app.values.now())

    board = app.line_boards.get(line_id, read)
    show_times_in(board.timezone)
    return board
