"""The page of one inspection, its image, and its findings drawn over it."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from flask import Blueprint, Response, abort, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from dashboards.decisions import shown
from dashboards.errors import answer
from dashboards.formats import show_times_in
from dashboards.marks import outlines, to_marks
from dashboards.permissions import needs
from dashboards.pictures import width_for
from dashboards.values import parts, values
from db.access import Permission
from db.errors import NotFound
from db.frames import FrameMissing
from db.models import Station
from db.queries import boards
from db.queries.inspections import get_acquisition, get_inspection
from inspection.decode import ImageRefused, encode_jpeg
from inspection.overlay import draw_marks, encode_layer, transparent_marks

blueprint = Blueprint("inspections", __name__)

# What is stored under an acquisition never changes.
_FOREVER = "private, max-age=31536000, immutable"


@blueprint.get("/inspections/<int:inspection_id>")
@needs(Permission.VIEW)
def one(inspection_id: int) -> str:
    with values().database.reads() as session:
        view = get_inspection(session, inspection_id)
        station = session.get_one(Station, view.inspection.station_id)
        line, site = station.line, station.line.site
        older, newer = boards.neighbours(session, view.inspection)
        acquisition = get_acquisition(session, view.inspection.acquisition_id)
        findings = view.inspection.findings
        show_times_in(site.timezone)
        return render_template(
            "inspection.html",
            view=view,
            acquisition=acquisition,
            image_stored=acquisition.image_key is not None,
            station=station,
            line=line,
            site=site,
            outlines=outlines(findings),
            classes=sorted({finding.class_name for finding in findings}),
            **shown(session, view.inspection),
            older=older,
            newer=newer,
        )


@blueprint.get("/images/<int:acquisition_id>")
@needs(Permission.VIEW)
def image(acquisition_id: int) -> AnyResponse:
    """The image as an upright JPEG; `w` asks for a width in px."""
    with values().database.reads() as session:
        key = get_acquisition(session, acquisition_id).image_key
    width = width_for(_width())
    return _kept(f"{key}-{width}", lambda: parts().pictures.jpeg(_stored(key), width), "image/jpeg")


@blueprint.get("/overlays/<int:inspection_id>.<kind>")
@needs(Permission.VIEW)
def overlay(inspection_id: int, kind: str) -> AnyResponse:
    """The findings: `png` transparent, to be laid over the image; `jpg` drawn into it."""
    if kind not in ("png", "jpg"):
        abort(404)
    with values().database.reads() as session:
        inspection = get_inspection(session, inspection_id).inspection
        key = get_acquisition(session, inspection.acquisition_id).image_key
    width_px = inspection.image_width_px or 0
    marks = to_marks(inspection.findings)
    width = width_for(_width())
    shown_px = min(width or width_px, width_px)
    scale = shown_px / width_px if width_px else 1.0

    def composed() -> bytes:
        def draw(rgb: npt.NDArray[np.uint8]) -> bytes:
            return encode_jpeg(draw_marks(rgb, marks, scale=scale), 85)

        return parts().pictures.composed(_stored(key), width, draw, f"overlay-{inspection_id}")

    def transparent() -> bytes:
        if not width_px or not inspection.image_height_px:
            raise NotFound("image of inspection", inspection_id)
        size_wh = (shown_px, max(1, round(inspection.image_height_px * scale)))
        return encode_layer(transparent_marks(size_wh, marks, scale=scale))

    make, mimetype = (composed, "image/jpeg") if kind == "jpg" else (transparent, "image/png")
    return _kept(f"{kind}-{inspection_id}-{width}", make, mimetype)


@blueprint.errorhandler(FrameMissing)
@blueprint.errorhandler(ImageRefused)
def _no_image(_error: Exception) -> AnyResponse:
    return answer(
        404,
        _("No image"),
        _("The image is not stored any more, or cannot be shown. Its results are."),
    )


def _stored(key: str | None) -> str:
    if key is None:
        raise FrameMissing("purged")
    return key


def _width() -> int | None:
    text = request.args.get("w")
    if text is None:
        return None
    if not text.isdecimal() or not 1 <= len(text) <= 5:
        abort(400, f"expected a width in px such as w=640, got {text[:80]!r}")
    return int(text)


def _kept(etag: str, make: Callable[[], bytes], mimetype: str) -> AnyResponse:
    """An answer that a browser keeps for good, and that is not made where it has it already."""
    response = Response(mimetype=mimetype)
    response.set_etag(etag)
    response.headers["Cache-Control"] = _FOREVER
    if request.if_none_match.contains(etag):
        response.status_code = 304
        return response
    response.set_data(make())
    return response
