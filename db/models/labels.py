"""Pictures with drawn truth, and immutable snapshots of them."""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Key, utc_now


class LabelledImage(Base):
    """A picture that has labels, or is said to have nothing on it.

    `revision` counts its saves: who saves says which one they began from, and is refused where
    somebody else has saved since.
    """

    __tablename__ = "labelled_image"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    # None: it was imported and never acquired.
    acquisition_id: Mapped[int | None] = mapped_column(ForeignKey("acquisition.id"), unique=True)
    name: Mapped[str] = mapped_column(String(200))  # of the file, as exports call it
    image_key: Mapped[str] = mapped_column(String(200))
    image_sha256: Mapped[str] = mapped_column(String(64))
    width_px: Mapped[int]  # of the upright image
    height_px: Mapped[int]
    # Pictures of one part or one sequence: they go into the same part of a split.
    split_group: Mapped[str] = mapped_column(String(200))
    captured_at: Mapped[datetime]
    revision: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(16), default="draft")  # draft | done
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_by: Mapped[str] = mapped_column(String(100), default="")

    annotations: Mapped[list["Annotation"]] = relationship(
        back_populates="image", order_by="Annotation.id"
    )

    __table_args__ = (
        CheckConstraint("state IN ('draft', 'done')", name="state"),
        UniqueConstraint("station_id", "image_sha256"),
        Index("ix_labelled_image_station", "station_id", "state", "id"),
    )


class Annotation(Base):
    """A drawn truth. Rows are only added and ended: the history of a picture is its rows.

    It holds from `revision_from` on and before `revision_to` (None: still).
    """

    __tablename__ = "annotation"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("labelled_image.id"))
    revision_from: Mapped[int]
    revision_to: Mapped[int | None]
    class_name: Mapped[str] = mapped_column(String(100))
    # COCO: a list of polygons in px of the upright image, or an RLE of its size.
    segmentation: Mapped[list[list[float]] | dict[str, object]] = mapped_column(JSON)
    x0: Mapped[float]
    y0: Mapped[float]
    x1: Mapped[float]
    y1: Mapped[float]
    area_px: Mapped[float]
    # polygon | brush | box | segment (graph cut) | model (the champion's own mask) | import
    origin: Mapped[str] = mapped_column(String(16))
    author: Mapped[str] = mapped_column(String(100))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_by: Mapped[str] = mapped_column(String(100), default="")
    ended_at: Mapped[datetime | None]

    image: Mapped[LabelledImage] = relationship(back_populates="annotations")

    __table_args__ = (Index("ix_annotation_image", "image_id", "revision_to"),)


class DatasetSnapshot(Base):
    """Labels as they were at one moment, split by group. Rows never change once written."""

    __tablename__ = "dataset_snapshot"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    content_sha256: Mapped[str] = mapped_column(String(64))
    query: Mapped[dict[str, object]]  # what was asked for: stations, classes, dates, state, seed
    classes: Mapped[list[str]] = mapped_column(JSON)
    counts: Mapped[dict[str, object]]  # images and instances, by part of the split and class
    frozen_test: Mapped[bool] = mapped_column(default=False)  # its test part is what gates use
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    created_by: Mapped[str] = mapped_column(String(100), default="")


class SnapshotStation(Base):
    """A station that a snapshot has pictures of: who may not see it, may not see the snapshot."""

    __tablename__ = "snapshot_station"

    snapshot_id: Mapped[int] = mapped_column(ForeignKey("dataset_snapshot.id"), primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"), primary_key=True)


class SnapshotImage(Base):
    """A picture of a snapshot, with the revision of its labels and the part it fell into."""

    __tablename__ = "snapshot_image"

    snapshot_id: Mapped[int] = mapped_column(ForeignKey("dataset_snapshot.id"), primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("labelled_image.id"), primary_key=True)
    revision: Mapped[int]
    part: Mapped[str] = mapped_column(String(16))  # train | validation | test

    __table_args__ = (
        CheckConstraint("part IN ('train', 'validation', 'test')", name="part"),
        Index("ix_snapshot_image_image", "image_id"),
    )
