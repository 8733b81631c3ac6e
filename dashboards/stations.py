"""The page of one station: its newest image or a chosen one, findings, and the last fails."""

from flask import Blueprint, abort, render_template, request

from dashboards.formats import show_times_in
from dashboards.permissions import needs
from dashboards.station_view import Only, StationPage, load_station
from dashboards.values import parts
from db.access import Permission
from db.queries.stations import get_placed_station, get_station_id

blueprint = Blueprint("stations", __name__)


@blueprint.get("/stations/<ref>")
@needs(Permission.VIEW)
def one(ref: str) -> str:
    return render_template("station.html", page=_page(ref))


@blueprint.get("/stations/<ref>/parts/now")
@needs(Permission.VIEW)
def part(ref: str) -> str:
    return render_template("parts/station.html", page=_page(ref))


def _page(ref: str) -> StationPage:
    chosen, asked = _number("inspection"), request.args.get("only", "")
    if asked not in set(Only):
        abort(400, f"expected only=deviating or only=all, got {asked[:80]!r}")
    app, only = parts(), Only(asked)
    # What others read at the same time is handed out to those alone who may see the station.
    with app.values.database.reads() as session:
        station_id = get_station_id(session, ref)

    def read() -> StationPage:
        with app.values.database.reads() as session:
            station, hold = get_placed_station(session, station_id)
            now = app.values.now()
            return load_station(session, station, now, hold=hold, chosen=chosen, only=only)

    page = app.station_pages.get((station_id, chosen, only), read)
    show_times_in(page.site.timezone)
    return page


def _number(name: str) -> int | None:
    text = request.args.get(name)
    if not text:
        return None
    if not text.isdecimal() or not text.isascii() or len(text) > 18:
        abort(400, f"expected {name}=ID, got {text[:80]!r}")
    return int(text)
