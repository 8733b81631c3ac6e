"""A station's labels in and out, as archives of COCO with images."""

import tempfile
from pathlib import Path
from typing import Any, Literal

from flask import Response, request, send_file
from pydantic import Field, ValidationError, field_validator
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from db.access import Permission
from db.frames import StoreFull
from db.label_export import exported_zip
from db.label_import import ImportOptions, ImportReport, import_labels, unpacked
from db.queries.stations import get_station_id
from inspection.archives import ArchiveRefused
from services.api.answers import answer
from services.api.fields import Actor, Input, Output, RefPath
from services.api.invalid import InvalidRequest
from services.api.permissions import actor_name, needs
from services.api.problems import FieldError, from_validation, problem, responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("labels", "Labels in from other tools, and out to them.")

MAX_ARCHIVE_BYTES = 512 * 2**20
_FORM_AROUND_BYTES = 64 * 1024
_MOST_TOLD = 500
_COPIED_BYTES = 2**20


class ImportForm(Input):
    """The form's fields beside the archive."""

    keep_good: bool = Field(False, description="Save what is good although something is wrong.")
    replace: bool = Field(False, description="Labels of the archive take the place of those here.")
    classes: tuple[str, ...] = Field((), description="New class names, separated by commas.")
    actor: Actor | None = None

    @field_validator("classes", mode="before")
    @classmethod
    def _split(cls, given: Any) -> Any:
        names = [name.strip() for name in given.split(",")] if isinstance(given, str) else given
        return [name for name in names if name]

    @field_validator("classes")
    @classmethod
    def _short(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(name) > 100 or not name.isprintable() for name in names):
            raise ValueError("expected class names of at most 100 characters on one line")
        return names


class ImportQuestion(ImportForm):
    """The form as it is documented."""

    archive: str = Field(json_schema_extra={"format": "binary"}, description="ZIP or TAR.")


class ProblemOut(Output):
    file: str
    kind: str
    detail: str
    severity: str


class ImportOut(Output):
    done: int = Field(description="Pictures whose labels were saved as done.")
    drafts: int = Field(description="Pictures of which a label was left out.")
    unchanged: int
    labels: int
    problems: list[ProblemOut]


class ExportQuery(Input):
    form: Literal["coco", "cvat", "label-studio", "fiftyone"] = "coco"
    drafts: bool = Field(False, description="Pictures that are not done, too.")


_BODY = {
    "required": True,
    "content": {"multipart/form-data": {"schema": {"$ref": "#/components/schemas/ImportQuestion"}}},
}
_ZIP: dict[str, Any] = {"description": "ZIP of images and COCO", "content": {"application/zip": {}}}


@blueprint.post(
    "/stations/<ref>/labels/import",
    responses=responses({200: ImportOut}, 400, 404, 409, 413, 415, 422, 507),
    openapi_extensions={"requestBody": _BODY},
)
@needs(Permission.LAB)
def import_station_labels(path: RefPath) -> Response:
    """Take in an archive of labelled pictures: COCO, labelme, YOLO segmentation or mask pairs.

    422 names each fault, and nothing was saved; with `keep_good` the good rest is.
    """
    these = values()
    with these.database.reads() as session:
        get_station_id(session, path.ref)
    form = _read_form()
    options = ImportOptions(form.keep_good, form.replace, form.classes)
    by = actor_name(form.actor)
    with tempfile.TemporaryDirectory(prefix="lineside-upload-") as folder:
        archive = Path(folder) / "archive"
        _keep(archive)
        try:
            with unpacked(archive) as source:
                report = import_labels(these.database, these.store, path.ref, source, by, options)
        except ArchiveRefused as error:
            raise InvalidRequest([("archive", str(error))]) from error
        except StoreFull:
            return problem(507, "The frame store is full; pictures before that are saved.")
    return _said(report)


@blueprint.get("/stations/<ref>/labels/export", responses=responses({200: _ZIP}, 404, 422))
@needs(Permission.LAB)
def export_station_labels(path: RefPath, query: ExportQuery) -> Response:
    """A station's labelled pictures that are done, with their labels, as a ZIP."""
    these = values()
    with exported_zip(
        these.database, these.store, path.ref, query.form, drafts=query.drafts
    ) as file:
        # Opened before its folder is removed; the file is there until it is closed.
        return send_file(
            file.open("rb"),
            mimetype="application/zip",
            as_attachment=True,
            download_name=f"labels-{path.ref}-{query.form}.zip",
        )


def _read_form() -> ImportForm:
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType("Expected multipart/form-data with the field `archive`.")
    request.max_content_length = MAX_ARCHIVE_BYTES + _FORM_AROUND_BYTES
    fields: dict[str, Any] = request.form.to_dict()
    if "archive" in fields or set(request.files) != {"archive"}:
        raise InvalidRequest([("archive", "expected a file, and no other")])
    try:
        return ImportForm.model_validate(fields)
    except ValidationError as error:
        raise from_validation(error) from error


def _keep(path: Path) -> None:
    left = MAX_ARCHIVE_BYTES
    with path.open("wb") as file:
        while chunk := request.files["archive"].stream.read(_COPIED_BYTES):
            left -= len(chunk)
            if left < 0:
                expected = f"Expected an archive of at most {MAX_ARCHIVE_BYTES} bytes."
                raise RequestEntityTooLarge(expected)
            file.write(chunk)


def _said(report: ImportReport) -> Response:
    if not report.saved:
        errors = [
            FieldError(pointer=str(each.path), detail=f"{each.kind}: {each.detail}")
            for each in report.errors[:_MOST_TOLD]
        ]
        detail = f"{len(report.errors)} things are wrong, and nothing was saved."
        return problem(422, detail, errors=errors)
    shown = ImportOut(
        done=report.done,
        drafts=report.drafts,
        unchanged=report.unchanged,
        labels=report.labels,
        problems=[
            ProblemOut(
                file=str(each.path), kind=each.kind, detail=each.detail, severity=each.severity
            )
            for each in report.problems[:_MOST_TOLD]
        ],
    )
    return answer(shown)
