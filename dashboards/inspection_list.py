"""The list of inspections with its filters, in pages that are quick however many there are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboards.permissions import needs
from dashboards.values import values
from db.access import Permission
from db.models import Line, Station
from db.queries import inspection_lists
from db.queries.boards import lines_with_sites
from db.queries.inspection_lists import ListFilter, Place
from db.queries.stations import get_line, get_station
from inspection.verdicts import Verdict

blueprint = Blueprint("inspection_list", __name__)

_PAGE = 48
_REVIEWED = {"": None, "yes": True, "no": False}
_BEFORE = re.compile(r"(\d{1,17})-(\d{1,18})", re.ASCII)
_NAMES = ("line", "station", "verdict", "class", "from", "to", "reviewed", "model")


@blueprint.get("/inspections")
@needs(Permission.VIEW)
def index() -> str:
    with values().database.reads() as session:
        lines = lines_with_sites(session)
        stations, zone = _places(session, lines)
        wanted = _wanted([station.id for station in stations], zone)
        page = inspection_lists.page(session, wanted, before=_before(), limit=_PAGE)
        models = inspection_lists.model_versions(session)
        choices = session.scalars(select(Station).order_by(Station.line_id, Station.id)).all()
    filters = {name: text for name in _NAMES if (text := request.args.get(name))}
    return render_template(
        "inspections.html",
        page=page,
        lines=lines,
        stations=choices,
        models=models,
        verdicts=list(Verdict),
        filters=filters,
        zone=zone.key,
        asked_before=request.args.get("before"),
        before=None if page.before is None else _cursor(page.before),
    )


def _places(session: Session, lines: Sequence[Line]) -> tuple[Sequence[Station], ZoneInfo]:
    """The stations that are asked for, and the clock of their site. Raises NotFound."""
    if ref := request.args.get("station"):
        station = get_station(session, ref)
        return [station], ZoneInfo(station.line.site.timezone)
    statement = select(Station).order_by(Station.id)
    if ref := request.args.get("line"):
        line = get_line(session, ref)
        stations = session.scalars(statement.where(Station.line_id == line.id)).all()
        return stations, ZoneInfo(line.site.timezone)
    zone = lines[0].site.timezone if lines else "UTC"
    return session.scalars(statement).all(), ZoneInfo(zone)


def _wanted(station_ids: Sequence[int], zone: ZoneInfo) -> ListFilter:
    verdict, reviewed = request.args.get("verdict") or None, request.args.get("reviewed", "")
    model = request.args.get("model") or ""
    if verdict is not None and verdict not in set(Verdict):
        abort(400, f"expected verdict out of {', '.join(Verdict)}, got {verdict[:80]!r}")
    if reviewed not in _REVIEWED:
        abort(400, f"expected reviewed=yes or reviewed=no, got {reviewed[:80]!r}")
    if model and not (model.isascii() and model.isdigit() and len(model) < 19):
        abort(400, f"expected model=ID, got {model[:80]!r}")
    return ListFilter(
        station_ids=station_ids,
        verdict=verdict,
        since=_moment("from", zone),
        until=_moment("to", zone),
        class_name=request.args.get("class", "").replace("\0", "")[:100] or None,
        reviewed=_REVIEWED[reviewed],
        model_version_id=int(model) if model else None,
    )


def _moment(name: str, zone: ZoneInfo) -> datetime | None:
    """A time of the site's clock, or of any other that names its offset."""
    text = request.args.get(name)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        abort(400, f"expected {name}=2026-11-20T06:00, got {text[:80]!r}")


def _before() -> Place | None:
    text = request.args.get("before")
    if not text:
        return None
    found = _BEFORE.fullmatch(text)
    if found is None:
        abort(400, f"expected before=… as a page of this list gave it, got {text[:80]!r}")
    seconds, micros = divmod(int(found[1]), 1_000_000)
    at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
    return Place(at, int(found[2]))


def _cursor(place: Place) -> str:
    micros = int(place.at.replace(microsecond=0).timestamp()) * 1_000_000 + place.at.microsecond
    return f"{micros}-{place.id}"
