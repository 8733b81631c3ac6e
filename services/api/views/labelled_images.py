"""Labelled pictures: taken up from an acquisition, labelled, and read back with their history."""

from datetime import datetime
from typing import Annotated, Any, Literal

from flask import Response, request
from pydantic import Field

from db.access import Permission
from db.errors import WrongState
from db.labelling import take_up
from db.models import Annotation, LabelledImage
from db.queries import labels
from db.queries.label_classes import known_classes
from db.queries.labels import Change, ImageFilter, LabelledMeanwhile, LabelsRefused
from db.queries.stations import get_station_id
from inspection import rle
from inspection.classical.clicking import segment
from inspection.datasets.drawn_labels import MOST_LABELS, LabelFault, read_drawn
from inspection.decode import ImageRefused, decode_image
from services.api import answers
from services.api.answers import answer
from services.api.fields import Actor, Body, Id, IdPath, Input, Output, Ref
from services.api.fields import Line as OneLine
from services.api.invalid import InvalidRequest
from services.api.paging import PageQuery
from services.api.permissions import actor_name, needs
from services.api.problems import FieldError, problem, responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("labelled-images", "Pictures with drawn truth, and its history.")

State = Literal["draft", "done"]
Number = Annotated[float, Field(ge=-1e6, le=1e6)]
Point = Annotated[list[Number], Field(min_length=2, max_length=2)]
_SEGMENTATION: dict[str, Any] = {
    "description": "COCO: polygons [[x, y, x, y, …], …] in px of the upright picture, or an RLE of"
    " its size, compressed or as counts.",
    "anyOf": [
        {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
        {"type": "object", "properties": {"size": {}, "counts": {}}},
    ],
}


class ImageQuery(PageQuery):
    station: Ref | None = None
    state: State | None = None
    class_name: OneLine | None = Field(None, alias="class", description="With such a label.")


class NewImage(Body):
    acquisition_id: Id
    actor: Actor | None = None


class Label(Body):
    """One label; what is wrong with its shape is told for each."""

    class_name: Any = Field(alias="class", json_schema_extra={"type": "string"})
    segmentation: Any = Field(json_schema_extra=_SEGMENTATION)
    origin: Any = Field("polygon", json_schema_extra={"type": "string"})
    id: Any = Field(
        None,
        description="Of the annotation that it was read as; unchanged it keeps its author.",
        json_schema_extra={"type": "integer", "nullable": True},
    )


class NewLabels(Body):
    """All labels of the picture from now on."""

    revision: int | None = Field(
        None, description="The one that these labels began from; or If-Match says it."
    )
    annotations: list[Label] = Field(max_length=MOST_LABELS)
    state: State = "draft"
    nothing: bool = Field(False, description="Done, and nothing is on the picture.")
    new_classes: list[OneLine] = Field(
        default_factory=list, max_length=50, description="Classes that the station has not yet."
    )
    actor: Actor | None = None


class RestoreBody(Body):
    revision: int = Field(description="The one that is the newest.")
    restore: int = Field(ge=0, description="The one whose labels shall hold again.")
    actor: Actor | None = None


class SegmentBody(Body):
    """Clicks in px of the upright picture, or a box around the thing."""

    on: list[Point] = Field(default_factory=list, max_length=50)
    beside: list[Point] = Field(default_factory=list, max_length=50)
    box: Annotated[list[Number], Field(min_length=4, max_length=4)] | None = None


class RevisionQuery(Input):
    revision: int | None = Field(None, ge=0, description="None: as it is now.")


class LabelOut(Output):
    id: int
    class_name: str = Field(serialization_alias="class")
    segmentation: Any = Field(json_schema_extra=_SEGMENTATION)
    box: list[float] = Field(description="x0, y0, x1, y1 in px.")
    area_px: float
    origin: str
    author: str
    at: datetime


class ImageOut(Output):
    id: int
    station_id: int
    acquisition_id: int | None
    name: str
    sha256: str
    width_px: int
    height_px: int
    split_group: str
    captured_at: datetime
    state: str
    revision: int
    updated_at: datetime
    updated_by: str
    counts: dict[str, int] = Field(description="How many labels of each class.")


class ImagePage(Output):
    items: list[ImageOut]
    next: str | None


class LabelsOut(Output):
    image: ImageOut
    revision: int = Field(description="The one that these labels are of.")
    classes: list[str] = Field(description="What a label here may be.")
    annotations: list[LabelOut]


class LabelChangeOut(Output):
    what: Literal["added", "ended"]
    class_name: str = Field(serialization_alias="class")
    by: str
    at: datetime


class RevisionOut(Output):
    revision: int
    changes: list[LabelChangeOut]


class HistoryOut(Output):
    revision: int
    items: list[RevisionOut]


class SegmentOut(Output):
    segmentation: dict[str, Any] | None = Field(description="RLE; null: nothing stands out.")


@blueprint.get("/labelled-images", responses=responses({200: ImagePage}, 404))
@needs(Permission.LAB)
def list_labelled_images(query: ImageQuery) -> Response:
    """Labelled pictures, the newest first."""
    with values().database.reads() as session:
        station_id = get_station_id(session, query.station) if query.station else None
        wanted = ImageFilter(station_id, query.state, query.class_name)
        rows = labels.list_images(session, wanted, after=query.after, limit=query.limit)
        counts = labels.count_labels(session, [row.id for row in rows.rows])
    return answers.page(ImagePage, rows, lambda row: _render(row, counts[row.id]))


@blueprint.post("/labelled-images", responses=responses({200: ImageOut}, 400, 404, 409, 415))
@needs(Permission.LAB)
def take_up_image(body: NewImage) -> Response:
    """Take an acquisition's picture up to be labelled; once it is, it is the same one again."""
    these = values()
    by = actor_name(body.actor)
    image_id = take_up(these.database, these.store, body.acquisition_id, by)
    with these.database.reads() as session:
        image = labels.get_image(session, image_id)
        counts = labels.count_labels(session, [image_id])[image_id]
    location = f"/api/v1/labelled-images/{image_id}"
    return answer(_render(image, counts), headers={"Location": location})


@blueprint.get("/labelled-images/<id>", responses=responses({200: ImageOut}, 404))
@needs(Permission.LAB)
def get_labelled_image(path: IdPath) -> Response:
    with values().database.reads() as session:
        image = labels.get_image(session, path.id)
        counts = labels.count_labels(session, [image.id])[image.id]
    return answer(_render(image, counts), headers={"ETag": f'"{image.revision}"'})


@blueprint.get("/labelled-images/<id>/image", responses=responses({200: {}}, 404))
@needs(Permission.LAB)
def get_labelled_file(path: IdPath) -> Response:
    """The picture's file as it was taken; labels are of it turned upright."""
    with values().database.reads() as session:
        key = labels.get_image(session, path.id).image_key
    kind = "image/png" if key.endswith(".png") else "image/jpeg"
    return Response(values().store.get(key), mimetype=kind)


@blueprint.get("/labelled-images/<id>/annotations", responses=responses({200: LabelsOut}, 404, 422))
@needs(Permission.LAB)
def get_annotations(path: IdPath, query: RevisionQuery) -> Response:
    """The labels of a picture, now or at an older revision."""
    return _labels_of(path.id, query.revision)


@blueprint.put(
    "/labelled-images/<id>/annotations", responses=responses({200: LabelsOut}, 400, 404, 409, 413)
)
@needs(Permission.LAB)
def put_annotations(path: IdPath, body: NewLabels) -> Response:
    """Save all labels of a picture. 409: somebody else saved since; nothing was overwritten."""
    base = _base(body.revision)
    with values().database.reads() as session:
        image = labels.get_image(session, path.id)
        classes = [*known_classes(session, image.station_id), *body.new_classes]
    given = [each.model_dump(by_alias=True) for each in body.annotations]
    good, faults = read_drawn(given, (image.width_px, image.height_px), classes)
    if faults:
        raise LabelsRefused(faults)
    with values().database.sessions.begin() as session:
        labels.save(
            session,
            path.id,
            base,
            good,
            actor_name(body.actor),
            state=body.state,
            nothing=body.nothing,
        )
    return _labels_of(path.id)


@blueprint.get("/labelled-images/<id>/history", responses=responses({200: HistoryOut}, 404))
@needs(Permission.LAB)
def get_label_history(path: IdPath) -> Response:
    """What each save changed, the oldest first."""
    with values().database.reads() as session:
        image = labels.get_image(session, path.id)
        revisions = labels.history(session, image)
    items = [
        RevisionOut(revision=each.number, changes=[_change(one) for one in each.changes])
        for each in revisions
    ]
    return answer(HistoryOut(revision=image.revision, items=items))


@blueprint.post(
    "/labelled-images/<id>/restore", responses=responses({200: LabelsOut}, 400, 404, 409)
)
@needs(Permission.LAB)
def restore_labels(path: IdPath, body: RestoreBody) -> Response:
    """Make the labels of an older revision hold again, as a new revision and a draft."""
    with values().database.sessions.begin() as session:
        labels.restore(session, path.id, body.revision, body.restore, actor_name(body.actor))
    return _labels_of(path.id)


@blueprint.post(
    "/labelled-images/<id>/segment", responses=responses({200: SegmentOut}, 400, 404, 409)
)
@needs(Permission.LAB)
def segment_image(path: IdPath, body: SegmentBody) -> Response:
    """A mask from clicks on and beside a thing, or from a box, by a graph cut; nothing is saved."""
    with values().database.reads() as session:
        image = labels.get_image(session, path.id)
    try:
        rgb = decode_image(values().store.get(image.image_key))
    except ImageRefused as error:
        raise WrongState("image", path.id, error.reason, ("readable",)) from error
    try:
        mask = segment(
            rgb, [(x, y) for x, y in body.on], [(x, y) for x, y in body.beside], body.box
        )
    except ValueError as error:
        raise InvalidRequest([("on", str(error))]) from error
    if not mask.bits.any():
        return answer(SegmentOut(segmentation=None))
    found = rle.encode(mask, (image.width_px, image.height_px))
    return answer(SegmentOut(segmentation=dict(found)))


def _labels_of(image_id: int, revision: int | None = None) -> Response:
    with values().database.reads() as session:
        image = labels.get_image(session, image_id)
        rows = labels.labels_at(session, image, revision)
        counts = labels.count_labels(session, [image.id])[image.id]
        classes = known_classes(session, image.station_id)
    at = image.revision if revision is None else revision
    shown = LabelsOut(
        image=_render(image, counts),
        revision=at,
        classes=classes,
        annotations=[_label(row) for row in rows],
    )
    return answer(shown, headers={"ETag": f'"{at}"'})


def _base(given: int | None) -> int:
    """The revision that a save began from, from the body or If-Match."""
    if given is not None:
        return given
    text = request.headers.get("If-Match", "").strip().strip('"')
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        expected = "expected the revision that these labels began from, here or in If-Match"
        raise InvalidRequest([("revision", expected)])
    return int(text)


@blueprint.errorhandler(LabelsRefused)
def _refused(error: LabelsRefused) -> Response:
    """422 with the place and reason of each label that is not as expected."""
    errors = [FieldError(pointer=_pointer(fault), detail=_told(fault)) for fault in error.faults]
    return problem(422, str(error), errors=errors)


@blueprint.errorhandler(LabelledMeanwhile)
def _meanwhile(error: LabelledMeanwhile) -> Response:
    """409 with what changed since these labels were read."""
    errors = [
        FieldError(
            pointer="annotations",
            detail=f"{each.what}: {each.class_name} by {each.by} at {each.at.isoformat()}",
        )
        for each in error.changes
    ]
    return problem(409, str(error), errors=errors, headers={"ETag": f'"{error.revision}"'})


def _pointer(fault: LabelFault) -> str:
    return "annotations" if fault.index is None else f"annotations.{fault.index}"


def _told(fault: LabelFault) -> str:
    return f"{fault.kind}: {fault.detail}"


def _render(image: LabelledImage, counts: dict[str, int]) -> ImageOut:
    return ImageOut.model_validate(
        {name: getattr(image, name) for name in ImageOut.model_fields if hasattr(image, name)}
        | {"sha256": image.image_sha256, "counts": counts}
    )


def _label(row: Annotation) -> LabelOut:
    return LabelOut(
        id=row.id,
        class_name=row.class_name,
        segmentation=row.segmentation,
        box=[row.x0, row.y0, row.x1, row.y1],
        area_px=row.area_px,
        origin=row.origin,
        author=row.author,
        at=row.at,
    )


def _change(change: Change) -> LabelChangeOut:
    return LabelChangeOut.model_validate(change)
