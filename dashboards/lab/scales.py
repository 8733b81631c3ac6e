"""A station's scale, from a line of known length that is drawn on a stored picture."""

from __future__ import annotations

from datetime import datetime, time
from math import hypot
from zoneinfo import ZoneInfo

from flask import redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from dashboards.lab import backdrop
from dashboards.lab.routes import blueprint
from dashboards.lab.shapes import BadShape, read_corners
from dashboards.lab.typed import Typed, shown
from dashboards.permissions import needs
from dashboards.values import values
from db.access import Permission
from db.queries import stations
from inspection.calibrating import scale_from_length
from inspection.calibration import CalibrationError


@blueprint.get("/stations/<station>/scale")
@needs(Permission.LAB)
def stations_scale(station: str) -> str:
    return _page(station, Typed({}))


@blueprint.post("/stations/<station>/scale")
@needs(Permission.LAB)
def stations_save_scale(station: str) -> AnyResponse | tuple[str, int]:
    typed = Typed(request.form)
    length_mm = typed.number("length_mm", least=1e-6, most=1e6)
    u_length_mm = typed.number("u_length_mm", least=0, most=1e6)
    note = typed.line("note", needed=False, longest=300)
    with values().database.reads() as session:
        row = stations.get_station(session, station)
        picture = backdrop.chosen(session, [row])
        zone = ZoneInfo(row.line.site.timezone)
    length_px = _length_px(typed, picture)
    expires_at = _expiry(typed, zone)
    if not typed.problems:
        try:
            made = scale_from_length(length_mm, length_px, u_length_mm=u_length_mm)
        except CalibrationError as error:
            typed.wrong("length_mm", str(error))
        else:
            size = {"size_wh": picture.size_wh} if picture and picture.size_wh else {}
            made = made.model_copy(update={"expires_at": expires_at, "note": note, **size})
            with values().database.sessions.begin() as session:
                stations.store_calibration(session, station, made)
            return redirect(url_for("lab.stations_one", station=row.key), code=303)
    return _page(station, typed), 400


def _length_px(typed: Typed, picture: backdrop.Backdrop | None) -> float:
    if picture is None or picture.size_wh is None:
        typed.wrong("shape-0", _("expected a stored picture whose size is known"))
        return 0.0
    try:
        (x0, y0), (x1, y1) = read_corners(typed["shape"], least=2, most=2)
    except BadShape as error:
        typed.wrong("shape-0", str(error))
        return 0.0
    width, height = picture.size_wh
    length_px = hypot((x1 - x0) * width, (y1 - y0) * height)
    if length_px < 10:
        text = _("expected a line of at least 10 px, got %(got).1f", got=length_px)
        typed.wrong("shape-0", text)
    return length_px


def _expiry(typed: Typed, zone: ZoneInfo) -> datetime | None:
    """The end of a day at the site; None where it never expires."""
    text = typed["expires_on"].strip()
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - the zone comes below
    except ValueError:
        text = _("expected a day such as 2027-03-31, or nothing, got %(got)s", got=shown(text))
        typed.wrong("expires_on", text)
        return None
    expires_at = datetime.combine(day, time(23, 59, 59), tzinfo=zone)
    if expires_at <= values().now():
        typed.wrong("expires_on", _("expected a day to come"))
        return None
    return expires_at


def _page(ref: str, typed: Typed) -> str:
    with values().database.reads() as session:
        row = stations.get_station(session, ref)
        picture = backdrop.chosen(session, [row])
    return render_template("lab/scale.html", station=row, picture=picture, typed=typed)
