"""Data set snapshots: made of labels that are done, never changed, downloaded as COCO."""

import tempfile
from datetime import datetime
from typing import Annotated, Any

from flask import Response, send_file
from pydantic import Field

from db.access import Permission
from db.models import DatasetSnapshot
from db.queries import snapshots as queries
from db.queries.snapshots import SnapshotQuery
from db.snapshot_export import read_content, write_archive
from db.snapshot_freezing import freeze
from services.api import answers
from services.api.answers import answer
from services.api.fields import LINE_PATTERN, Body, IdPath, Output, Time, Whole
from services.api.paging import PageQuery
from services.api.permissions import actor_name, needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("dataset-snapshots", "Labels as they were at one moment.")

ClassName = Annotated[str, Field(min_length=1, max_length=100, pattern=LINE_PATTERN)]
Key = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
Share = Annotated[float, Field(ge=0, le=1)]


class Shares(Body):
    """Of the pictures; together 1. Groups are never parted, so that they are met roughly."""

    train: Share = 0.7
    validation: Share = 0.15
    test: Share = 0.15


class NewSnapshot(Body):
    name: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$",
        description="Unique; without one it is the date and a number.",
    )
    stations: list[Key] = Field(default=[], max_length=1000, description="Keys; none are all.")
    classes: list[ClassName] = Field(
        default=[], max_length=200, description="To be learnt; none are all that occur."
    )
    since: Time | None = Field(None, description="Pictures taken from then on.")
    until: Time | None = Field(None, description="Pictures taken before then.")
    reviewed: bool | None = Field(
        None, description="Only pictures of which somebody has said something, or has not."
    )
    sample: Annotated[int, Field(ge=1, le=queries.MOST_IMAGES), Whole] | None = Field(
        None, description="At most so many pictures, drawn by the seed."
    )
    shares: Shares = Shares()
    seed: Annotated[int, Field(ge=0, le=2**31 - 1), Whole] = 0
    frozen_test: bool = Field(
        False, description="Its test part is what gates measure on, and is never learnt again."
    )


class SnapshotOut(Output):
    id: int
    name: str
    content_sha256: str = Field(description="Of pictures, labels and classes.")
    query: dict[str, Any]
    classes: list[str]
    counts: dict[str, Any] = Field(description="Pictures and labels, by part and class.")
    frozen_test: bool
    created_at: datetime
    created_by: str


class SnapshotPage(Output):
    items: list[SnapshotOut]
    next: str | None


@blueprint.get("/dataset-snapshots", responses=responses({200: SnapshotPage}))
@needs(Permission.LAB)
def list_dataset_snapshots(query: PageQuery) -> Response:
    """List snapshots, the newest first."""
    with values().database.reads() as session:
        rows = queries.list_snapshots(session, after=query.after, limit=query.limit)
    return answers.page(SnapshotPage, rows, SnapshotOut.model_validate)


@blueprint.get("/dataset-snapshots/<id>", responses=responses({200: SnapshotOut}, 404))
@needs(Permission.LAB)
def get_dataset_snapshot(path: IdPath) -> Response:
    """One snapshot."""
    with values().database.reads() as session:
        row = queries.get(session, path.id)
    return answer(SnapshotOut.model_validate(row))


@blueprint.post(
    "/dataset-snapshots", responses=responses({201: SnapshotOut}, 400, 404, 409, 413, 415)
)
@needs(Permission.LAB)
def make_dataset_snapshot(body: NewSnapshot) -> Response:
    """Freeze the labels that are done; every picture is looked at, some milliseconds each."""
    query = SnapshotQuery(
        stations=tuple(body.stations),
        classes=tuple(body.classes),
        since=body.since,
        until=body.until,
        reviewed=body.reviewed,
        sample=body.sample,
        shares=(body.shares.train, body.shares.validation, body.shares.test),
        seed=body.seed,
    )
    row: DatasetSnapshot = freeze(
        values().database,
        values().store,
        query,
        name=body.name,
        frozen_test=body.frozen_test,
        by=actor_name(None),
    )
    location = f"/api/v1/dataset-snapshots/{row.id}"
    return answer(SnapshotOut.model_validate(row), 201, headers={"Location": location})


_ARCHIVE = {
    "description": "COCO: images/ and annotations.json",
    "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
}


@blueprint.get("/dataset-snapshots/<id>/archive", responses=responses({200: _ARCHIVE}, 404))
@needs(Permission.LAB)
def get_dataset_snapshot_archive(path: IdPath) -> Response:
    """The snapshot as a ZIP file; the part of each picture stands in annotations.json."""
    content = read_content(values().database, path.id)
    # Not in memory: ten thousand pictures are gigabytes. It is gone when it is closed.
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    try:
        write_archive(content, values().store, file)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    name = f"{content.name}.zip".replace(" ", "-")
    return send_file(file, "application/zip", as_attachment=True, download_name=name)
