"""What the label editor's script asks for: labels as JSON, saving them, and masks from clicks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, abort, jsonify, request
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from dashboards.lab.routes import blueprint
from dashboards.permissions import actor_name, needs
from dashboards.values import parts, values
from db.access import Permission
from db.models import LabelledImage
from db.queries import labels
from db.queries.inspections import inspection_of
from db.queries.label_classes import known_classes
from db.queries.labels import LabelledMeanwhile
from inspection import rle
from inspection.classical.clicking import MOST_CLICKS, segment
from inspection.datasets.drawn_labels import LONGEST_CLASS, LabelFault, read_drawn

_MOST_NEW_CLASSES = 50


@blueprint.get("/labels/<int:image_id>/annotations")
@needs(Permission.LAB)
def labels_read(image_id: int) -> Response:
    with values().database.reads() as session:
        image = labels.get_image(session, image_id)
        return jsonify(
            _as_json(session, image)
            | {
                "classes": known_classes(session, image.station_id),
                "suggestions": _suggestions(session, image),
            }
        )


@blueprint.post("/labels/<int:image_id>/annotations")
@needs(Permission.LAB)
def labels_save(image_id: int) -> tuple[Response, int]:
    """Save all labels; 409 says what changed meanwhile, 422 what is wrong with which of them."""
    with values().database.reads() as session:
        image = labels.get_image(session, image_id)
        known = known_classes(session, image.station_id)
    body = _body()
    given, base = body.get("annotations"), body.get("revision")
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        abort(400, "expected annotations: a list of objects")
    if not isinstance(base, int):
        abort(400, "expected revision: a number")
    classes = [*known, *_new_classes(body.get("new_classes", []))]
    good, faults = read_drawn(given, (image.width_px, image.height_px), classes)
    if faults:
        return jsonify({"faults": [_fault(each) for each in faults]}), 422
    try:
        with values().database.sessions.begin() as session:
            image = labels.save(
                session,
                image_id,
                base,
                good,
                actor_name(),
                state=str(body.get("state", ""))[:16],
                nothing=body.get("nothing") is True,
            )
            return jsonify(_as_json(session, image)), 200
    except LabelledMeanwhile as error:
        return jsonify(_meanwhile(error)), 409


@blueprint.post("/labels/<int:image_id>/segment")
@needs(Permission.LAB)
def labels_segment(image_id: int) -> Response:
    """A mask from clicks on and beside a thing, or a box around it; null where nothing is found."""
    with values().database.reads() as session:
        image = labels.get_image(session, image_id)
    body = _body()
    on, beside = _points(body.get("on")), _points(body.get("beside"))
    box = _numbers(body["box"], 4) if body.get("box") is not None else None
    rgb = parts().pictures.full_rgb(image.image_key)
    try:
        mask = segment(rgb, on, beside, box)
    except ValueError as error:
        abort(400, str(error))
    if not mask.bits.any():
        return jsonify({"segmentation": None})
    return jsonify({"segmentation": rle.encode(mask, (image.width_px, image.height_px))})


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        abort(400, "expected a JSON object")
    return body


def _points(given: Any) -> list[tuple[float, float]]:
    if not isinstance(given, list) or len(given) > MOST_CLICKS:
        abort(400, f"expected a list of at most {MOST_CLICKS} points")
    pairs = [_numbers(each, 2) for each in given]
    return [(x, y) for x, y in pairs]


def _numbers(given: Any, count: int) -> Sequence[float]:
    fine = isinstance(given, list) and len(given) == count
    if not fine or not all(isinstance(each, int | float) and -1e6 < each < 1e6 for each in given):
        abort(400, f"expected {count} numbers")
    return [float(each) for each in given]


def _new_classes(given: Any) -> list[str]:
    if not isinstance(given, list) or len(given) > _MOST_NEW_CLASSES:
        abort(400, f"expected at most {_MOST_NEW_CLASSES} new classes")
    if not all(
        isinstance(name, str) and 0 < len(name) <= LONGEST_CLASS and name.isprintable()
        for name in given
    ):
        abort(400, f"expected class names of 1 to {LONGEST_CLASS} characters")
    return given


def _as_json(session: Session, image: LabelledImage) -> dict[str, Any]:
    return {
        "revision": image.revision,
        "state": image.state,
        "annotations": [
            {
                "id": row.id,
                "name": row.class_name,
                "segmentation": row.segmentation,
                "origin": row.origin,
                "author": row.author,
            }
            for row in labels.labels_at(session, image)
        ],
    }


def _suggestions(session: Session, image: LabelledImage) -> list[dict[str, Any]]:
    """What the model found in the picture when it was inspected."""
    if image.acquisition_id is None:
        return []
    view = inspection_of(session, image.acquisition_id)
    findings = view.inspection.findings if view else []
    size = [image.height_px, image.width_px]
    return [
        {"name": each.class_name, "segmentation": each.mask_rle, "score": each.score}
        for each in findings
        if each.mask_rle.get("size") == size
    ]


def _fault(fault: LabelFault) -> dict[str, Any]:
    return {"index": fault.index, "kind": fault.kind, "detail": f"{fault.kind}: {fault.detail}"}


def _meanwhile(error: LabelledMeanwhile) -> dict[str, Any]:
    told = _(
        "%(who)s has saved revision %(n)s meanwhile. Nothing was overwritten.",
        who=error.by,
        n=error.revision,
    )
    said = {"added": _("added"), "ended": _("taken away")}
    return {
        "revision": error.revision,
        "by": error.by,
        "told": told,
        "changes": [f"{said[each.what]}: {each.class_name} ({each.by})" for each in error.changes],
    }
