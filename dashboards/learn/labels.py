"""Labels in the lab: the list, the editor's page, and taking pictures up from inspections."""

from __future__ import annotations

from flask import Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from dashboards.formats import show_times_in
from dashboards.lab.routes import blueprint, number_asked
from dashboards.permissions import actor_name, needs
from dashboards.values import parts, values
from db.access import Permission
from db.labelling import take_up
from db.models import Station
from db.queries import label_queue, labels, stations
from db.queries.inspections import get_inspection
from db.queries.labels import STATES, ImageFilter

_PAGE = 48
_REVISIONS_SHOWN = 30
_MOST_STATIONS = 500
# What is stored under a labelled picture never changes.
_FOREVER = "private, max-age=31536000, immutable"


@blueprint.get("/labels")
@needs(Permission.LAB)
def labels_list() -> str:
    state, ref = request.args.get("state", ""), request.args.get("station", "")
    if state and state not in STATES:
        abort(400, f"expected state={' or '.join(STATES)}, got {state[:80]!r}")
    with values().database.reads() as session:
        station = stations.get_station(session, ref) if ref else None
        wanted = ImageFilter(station.id if station else None, state or None)
        page = labels.list_images(session, wanted, after=number_asked("after"), limit=_PAGE)
        counts = labels.count_labels(session, [image.id for image in page.rows])
        places = stations.list_stations(session, after=None, limit=_MOST_STATIONS).rows
        return render_template(
            "learn/labels.html",
            page=page,
            counts=counts,
            station=station,
            state=state,
            places=places,
            names={each.id: each.name for each in places},
            waiting=label_queue.next_inspection(session) is not None,
        )


@blueprint.get("/labels/<int:image_id>")
@needs(Permission.LAB)
def labels_edit(image_id: int) -> str:
    with values().database.reads() as session:
        image = labels.get_image(session, image_id)
        station = session.get_one(Station, image.station_id)
        show_times_in(station.line.site.timezone)
        history = labels.history(session, image)[-_REVISIONS_SHOWN:][::-1]
        return render_template(
            "learn/label.html",
            image=image,
            station=station,
            history=history,
            waiting=label_queue.next_inspection(session, beside=image) is not None,
        )


@blueprint.get("/labels/<int:image_id>/image")
@needs(Permission.LAB)
def labels_image(image_id: int) -> AnyResponse:
    """The upright picture as JPEG, of its own size, or 320 px wide with `small`."""
    with values().database.reads() as session:
        key = labels.get_image(session, image_id).image_key
    width = 320 if "small" in request.args else None
    response = Response(mimetype="image/jpeg")
    response.set_etag(f"{key}-{width}")
    response.headers["Cache-Control"] = _FOREVER
    if request.if_none_match.contains(f"{key}-{width}"):
        response.status_code = 304
        return response
    response.set_data(parts().pictures.jpeg(key, width))
    return response


@blueprint.post("/labels/<int:image_id>/restore")
@needs(Permission.LAB)
def labels_restore(image_id: int) -> AnyResponse:
    """An older revision's labels hold again, as a new draft."""
    numbers = [request.form.get(name, "") for name in ("base", "revision")]
    with values().database.sessions.begin() as session:
        labels.get_image(session, image_id)
        if not all(text.isascii() and text.isdecimal() and len(text) < 10 for text in numbers):
            abort(400, f"expected base=NUMBER and revision=NUMBER, got {str(numbers)[:80]}")
        labels.restore(session, image_id, int(numbers[0]), int(numbers[1]), actor_name())
    return redirect(url_for("lab.labels_edit", image_id=image_id), code=303)


@blueprint.post("/labels/from-inspection/<int:inspection_id>")
@needs(Permission.LAB)
def labels_from_inspection(inspection_id: int) -> AnyResponse:
    """Take an inspection's picture up, or go to it where it has been."""
    with values().database.reads() as session:
        acquisition_id = get_inspection(session, inspection_id).inspection.acquisition_id
    image_id = take_up(values().database, values().store, acquisition_id, actor_name())
    return redirect(url_for("lab.labels_edit", image_id=image_id), code=303)


@blueprint.post("/labels/next")
@needs(Permission.LAB)
def labels_next() -> AnyResponse:
    """To what the review queue asks for first; with an empty queue to the list."""
    beside_text = request.form.get("beside", "")
    with values().database.reads() as session:
        beside = None
        if beside_text.isascii() and beside_text.isdecimal() and len(beside_text) < 19:
            beside = labels.get_image(session, int(beside_text))
        inspection_id = label_queue.next_inspection(session, beside=beside)
        if inspection_id is None:
            return redirect(url_for("lab.labels_list"), code=303)
        acquisition_id = get_inspection(session, inspection_id).inspection.acquisition_id
    image_id = take_up(values().database, values().store, acquisition_id, actor_name())
    return redirect(url_for("lab.labels_edit", image_id=image_id), code=303)
