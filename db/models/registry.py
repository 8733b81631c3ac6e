"""The registry: models that may judge, the gate before them, and where they were promoted."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Key, utc_now


class RegisteredModel(Base):
    """A model folder by content. Its folder's name is `name`; the content never changes.

    Whether it is champion, shadow or candidate follows from where it runs
    (`db.queries.registry`): only being archived is written down.
    """

    __tablename__ = "registered_model"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)  # of the folder; recipes name it
    version: Mapped[str] = mapped_column(String(64))  # content hash (`ModelFolder.version`)
    source: Mapped[str] = mapped_column(String(16))  # trained | uploaded | shipped | found
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("registered_model.id"))
    snapshot_id: Mapped[int | None] = mapped_column(ForeignKey("dataset_snapshot.id"))
    manifest: Mapped[dict[str, object]]
    card: Mapped[str] = mapped_column(Text, default="")
    registered_at: Mapped[datetime] = mapped_column(default=utc_now)
    registered_by: Mapped[str] = mapped_column(String(100), default="")
    archived_at: Mapped[datetime | None]


class GateRun(Base):
    """A challenger against what runs at a station: figures, limits, and every verdict that flips.

    Leased and stepped like a recipe's trial: a worker does a second's work of it at a time.
    """

    __tablename__ = "gate_run"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("registered_model.id"))
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    # What it is held against: the station's active version when it was asked for.
    recipe_version_id: Mapped[int] = mapped_column(ForeignKey("recipe_version.id"))
    snapshot_id: Mapped[int | None] = mapped_column(ForeignKey("dataset_snapshot.id"))
    limits: Mapped[dict[str, object]]  # most escapes and false calls, and how many images
    state: Mapped[str] = mapped_column(String(16), default="waiting")  # waiting | done | failed
    reason: Mapped[str] = mapped_column(String(500), default="")
    work: Mapped[dict[str, object]]  # what is to be looked at, and what has been
    results: Mapped[dict[str, object]]  # figures with intervals, of both
    passed: Mapped[bool | None]
    lease_until: Mapped[datetime | None]
    asked_at: Mapped[datetime] = mapped_column(default=utc_now)
    asked_by: Mapped[str] = mapped_column(String(100), default="")
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_gate_run_state", "state", "id"),
        Index("ix_gate_run_model", "model_id", "station_id", "id"),
    )


class GateFlip(Base):
    """A stored inspection that the challenger would judge otherwise."""

    __tablename__ = "gate_flip"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    gate_run_id: Mapped[int] = mapped_column(ForeignKey("gate_run.id"))
    inspection_id: Mapped[int] = mapped_column(ForeignKey("inspection.id"))
    before: Mapped[str] = mapped_column(String(16))
    after: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str] = mapped_column(String(500), default="")
    # What the challenger found: class, score, box, verdict, RLE.
    findings: Mapped[list[dict[str, object]]] = mapped_column(JSON, default=list)
    # accepted (the challenger is right) | refused; None: nobody has looked yet
    decision: Mapped[str | None] = mapped_column(String(16))
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str] = mapped_column(String(100), default="")

    __table_args__ = (UniqueConstraint("gate_run_id", "inspection_id"),)


class Promotion(Base):
    """That a model became what a station inspects by. The way back is the version before it."""

    __tablename__ = "promotion"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    model_id: Mapped[int] = mapped_column(ForeignKey("registered_model.id"))
    gate_run_id: Mapped[int | None] = mapped_column(ForeignKey("gate_run.id"))
    recipe_version_id: Mapped[int] = mapped_column(ForeignKey("recipe_version.id"))
    before_version_id: Mapped[int] = mapped_column(ForeignKey("recipe_version.id"))
    # An admin's own words where the gate was not passed.
    override_reason: Mapped[str] = mapped_column(String(1000), default="")
    at: Mapped[datetime] = mapped_column(default=utc_now)
    by: Mapped[str] = mapped_column(String(100), default="")
    rolled_back_at: Mapped[datetime | None]
    rolled_back_by: Mapped[str] = mapped_column(String(100), default="")

    __table_args__ = (Index("ix_promotion_station", "station_id", "id"),)


class ModelUpload(Base):
    """A foreign model folder, from its arrival until a worker has tried it.

    Leased and stepped like a gate. What kills the worker that tries it is refused in the end.
    """

    __tablename__ = "model_upload"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    version: Mapped[str] = mapped_column(String(64))
    folder: Mapped[str] = mapped_column(String(200))  # below the folder of models
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("registered_model.id"))
    # checking | listed | refused
    state: Mapped[str] = mapped_column(String(16), default="checking")
    reason: Mapped[str] = mapped_column(String(500), default="")
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    asked_at: Mapped[datetime] = mapped_column(default=utc_now)
    asked_by: Mapped[str] = mapped_column(String(100), default="")
    ended_at: Mapped[datetime | None]
    model_id: Mapped[int | None] = mapped_column(ForeignKey("registered_model.id"))

    __table_args__ = (Index("ix_model_upload_state", "state", "id"),)
