"""Data set snapshots: which labels are wanted, what was frozen, and reading it back.

A snapshot's rows are written once and never changed. What a picture's labels were is told by the
revision that stands beside it, since annotations are only added and ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, Select, func, insert, select
from sqlalchemy.orm import Session

from db.errors import Invalid, NotFound
from db.models import (
    Annotation,
    DatasetSnapshot,
    Inspection,
    LabelledImage,
    Review,
    SnapshotImage,
    SnapshotStation,
    Station,
)
from db.paging import Page, flush_new, page_of_entities
from inspection.datasets import Segmentation

DONE = "done"
PARTS = ("train", "validation", "test")
# More pictures than this are no data set that somebody labels here, but one to be sampled.
MOST_IMAGES = 20_000
_BATCH = 500


@dataclass(frozen=True)
class SnapshotQuery:
    """What a snapshot is to hold: pictures whose labels are done.

    Attributes:
        stations: their keys; none are all.
        classes: the classes to be learnt, in this order; none are all that occur, by name.
            Labels of others are left out, and their pictures stay.
        since, until: when pictures were taken; the end is not included.
        reviewed: only pictures of which an operator or engineer has said something, or has not.
        sample: at most so many pictures, drawn by the seed.
        shares: of the parts train, validation and test, together 1.
        seed: of the sample and of the split.

    Raises:
        Invalid: shares that are none.
    """

    stations: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    reviewed: bool | None = None
    sample: int | None = None
    shares: tuple[float, float, float] = (0.7, 0.15, 0.15)
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.shares) < 0 or abs(sum(self.shares) - 1) > 1e-6:
            raise Invalid("shares", self.shares, "three shares from 0 to 1 that are 1 together")
        if self.shares[0] == 0:
            raise Invalid("shares", self.shares, "a share for train above 0")
        if len(set(self.classes)) != len(self.classes):
            raise Invalid("classes", self.classes, "each class once")

    def to_json(self) -> dict[str, object]:
        """As it stands in the snapshot's row."""
        return {
            "stations": list(self.stations),
            "classes": list(self.classes),
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "reviewed": self.reviewed,
            "sample": self.sample,
            "shares": dict(zip(PARTS, self.shares, strict=True)),
            "seed": self.seed,
            "labels": DONE,
        }


@dataclass(frozen=True, slots=True)
class Label:
    class_name: str
    segmentation: Segmentation


@dataclass(frozen=True, slots=True)
class Picture:
    """A labelled picture as it is at one revision, without its pixels."""

    image_id: int
    station_id: int
    name: str
    key: str
    sha256: str
    size_wh: tuple[int, int]
    group: str
    revision: int
    labels: tuple[Label, ...]
    part: str = ""


@dataclass(frozen=True)
class Candidates:
    """What a query finds.

    Attributes:
        pictures: in the order of their SHA-256, so that equal labels are divided equally.
        held: ids of those that lay in the test part of an earlier frozen snapshot.
    """

    pictures: tuple[Picture, ...]
    held: frozenset[int]


def candidates(session: Session, query: SnapshotQuery) -> Candidates:
    """The pictures that a query asks for, before any sampling.

    Raises:
        NotFound: a station that there is not.
        Invalid: more than a snapshot holds.
    """
    wanted = [LabelledImage.state == DONE]
    if query.stations:
        wanted.append(LabelledImage.station_id.in_(_stations(session, query.stations)))
    if query.since is not None:
        wanted.append(LabelledImage.captured_at >= query.since)
    if query.until is not None:
        wanted.append(LabelledImage.captured_at < query.until)
    if query.reviewed is not None:
        said = _reviewed()
        wanted.append(said if query.reviewed else ~said)
    count = session.scalar(select(func.count()).select_from(LabelledImage).where(*wanted)) or 0
    if count > MOST_IMAGES:
        raise Invalid("stations", count, f"at most {MOST_IMAGES} pictures; ask for fewer")
    images = session.scalars(
        select(LabelledImage).where(*wanted).order_by(LabelledImage.image_sha256, LabelledImage.id)
    ).all()
    labels = _labels(session, {image.id: image.revision for image in images})
    pictures = tuple(_picture(image, image.revision, labels) for image in images)
    return Candidates(pictures, _held(session, [image.id for image in images]))


def write(
    session: Session,
    *,
    name: str,
    query: SnapshotQuery,
    content_sha256: str,
    classes: Sequence[str],
    counts: Mapping[str, object],
    pictures: Sequence[Picture],
    frozen_test: bool,
    by: str,
) -> DatasetSnapshot:
    """Write a snapshot down, once and for all.

    Raises:
        Conflict: the name is taken.
    """
    row = DatasetSnapshot(
        name=name,
        content_sha256=content_sha256,
        query=query.to_json(),
        classes=list(classes),
        counts=dict(counts),
        frozen_test=frozen_test,
        created_by=by[:100],
    )
    session.add(row)
    flush_new(session, "snapshot", name)
    stations = sorted({picture.station_id for picture in pictures})
    session.execute(
        insert(SnapshotStation.__table__),  # type: ignore[arg-type]
        [{"snapshot_id": row.id, "station_id": each} for each in stations],
    )
    values = [
        {
            "snapshot_id": row.id,
            "image_id": picture.image_id,
            "revision": picture.revision,
            "part": picture.part,
        }
        for picture in pictures
    ]
    for begin in range(0, len(values), _BATCH):
        session.execute(
            insert(SnapshotImage.__table__),  # type: ignore[arg-type]
            values[begin : begin + _BATCH],
        )
    return row


def free_name(session: Session, now: datetime) -> str:
    """A name that no snapshot has: the date and a number."""
    day = f"{now:%Y-%m-%d}"
    # Not as the session sees them: a name of another line is taken too.
    table = DatasetSnapshot.__table__
    taken = set(session.scalars(select(table.c.name).where(table.c.name.startswith(day))))
    number = 1
    while f"{day}-{number}" in taken:
        number += 1
    return f"{day}-{number}"


def list_snapshots(session: Session, *, after: int | None, limit: int) -> Page[DatasetSnapshot]:
    """Snapshots, the newest first."""
    return page_of_entities(
        session,
        DatasetSnapshot,
        select(DatasetSnapshot),
        DatasetSnapshot.id,
        after=after,
        limit=limit,
        newest_first=True,
    )


def get(session: Session, snapshot_id: int) -> DatasetSnapshot:
    """Raises NotFound."""
    row = session.scalars(
        select(DatasetSnapshot).where(DatasetSnapshot.id == snapshot_id)
    ).one_or_none()
    if row is None:
        raise NotFound("snapshot", snapshot_id)
    return row


def get_named(session: Session, ref: str) -> DatasetSnapshot:
    """A snapshot by its name, or by its id in digits. Raises NotFound."""
    found = session.scalars(
        select(DatasetSnapshot).where(DatasetSnapshot.name == ref)
    ).one_or_none()
    if found is None and ref.isascii() and ref.isdigit() and len(ref) < 19:
        return get(session, int(ref))
    if found is None:
        raise NotFound("snapshot", ref)
    return found


def pictures_of(session: Session, snapshot_id: int) -> list[Picture]:
    """All pictures of a snapshot, as their labels were when it was made.

    Raises:
        NotFound: there is no such snapshot.
    """
    get(session, snapshot_id)
    rows = session.execute(
        select(LabelledImage, SnapshotImage.revision, SnapshotImage.part)
        .join(SnapshotImage, SnapshotImage.image_id == LabelledImage.id)
        .where(SnapshotImage.snapshot_id == snapshot_id)
        .order_by(LabelledImage.image_sha256, LabelledImage.id)
    ).all()
    labels = _labels(session, {image.id: revision for image, revision, _ in rows})
    return [_picture(image, revision, labels, part) for image, revision, part in rows]


def stations_of(session: Session, snapshot_id: int) -> list[Station]:
    return list(
        session.scalars(
            select(Station)
            .join(SnapshotStation, SnapshotStation.station_id == Station.id)
            .where(SnapshotStation.snapshot_id == snapshot_id)
            .order_by(Station.key)
        )
    )


def _stations(session: Session, keys: Sequence[str]) -> list[int]:
    found = {
        key: id_
        for id_, key in session.execute(
            select(Station.id, Station.key).where(Station.key.in_(keys))
        )
    }
    for key in keys:
        if key not in found:
            raise NotFound("station", key)
    return list(found.values())


def _reviewed() -> ColumnElement[bool]:
    """Whether somebody has said something of the picture's inspection."""
    said = (
        select(Review.id)
        .join(Inspection, Inspection.id == Review.inspection_id)
        .where(Inspection.acquisition_id == LabelledImage.acquisition_id)
        .correlate(LabelledImage)
    )
    return said.exists()


def _held(session: Session, image_ids: Sequence[int]) -> frozenset[int]:
    # By the tables: a frozen snapshot with pictures of other lines is not seen, and holds too.
    image, snapshot = SnapshotImage.__table__, DatasetSnapshot.__table__
    frozen = select(snapshot.c.id).where(snapshot.c.frozen_test.is_(True))
    found: set[int] = set()
    for begin in range(0, len(image_ids), _BATCH):
        rows: Select[tuple[int]] = select(image.c.image_id).where(
            image.c.image_id.in_(image_ids[begin : begin + _BATCH]),
            image.c.part == "test",
            image.c.snapshot_id.in_(frozen),
        )
        found.update(session.scalars(rows))
    return frozenset(found)


def _labels(session: Session, revisions: Mapping[int, int]) -> dict[int, list[Label]]:
    """The annotations that held at a revision of each picture."""
    found: dict[int, list[Label]] = {}
    ids = list(revisions)
    for begin in range(0, len(ids), _BATCH):
        some = ids[begin : begin + _BATCH]
        rows = session.scalars(
            select(Annotation).where(Annotation.image_id.in_(some)).order_by(Annotation.id)
        )
        for row in rows:
            at = revisions[row.image_id]
            if row.revision_from <= at and (row.revision_to is None or row.revision_to > at):
                label = Label(row.class_name, cast(Segmentation, row.segmentation))
                found.setdefault(row.image_id, []).append(label)
    return found


def _picture(
    image: LabelledImage, revision: int, labels: Mapping[int, list[Label]], part: str = ""
) -> Picture:
    return Picture(
        image_id=image.id,
        station_id=image.station_id,
        name=image.name,
        key=image.image_key,
        sha256=image.image_sha256,
        size_wh=(image.width_px, image.height_px),
        group=image.split_group,
        revision=revision,
        labels=tuple(labels.get(image.id, ())),
        part=part,
    )
