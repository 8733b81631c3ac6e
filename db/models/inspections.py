"""Results: inspection, finding, measurement, and what was done with the part."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Key, utc_now
from db.models.acquisitions import Acquisition


class Inspection(Base):
    """The one result of an acquisition; `not_inspected` is a result too."""

    __tablename__ = "inspection"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    # Unique: whatever is repeated, an acquisition gets one verdict.
    acquisition_id: Mapped[int] = mapped_column(ForeignKey("acquisition.id"), unique=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    camera_id: Mapped[int] = mapped_column(ForeignKey("camera.id"))
    captured_at: Mapped[datetime]
    recipe_version_id: Mapped[int] = mapped_column(ForeignKey("recipe_version.id"))
    model_version_id: Mapped[int | None] = mapped_column(ForeignKey("model_version.id"))
    calibration_id: Mapped[int | None] = mapped_column(ForeignKey("calibration.id"))
    image_sha256: Mapped[str | None] = mapped_column(String(64))
    image_width_px: Mapped[int | None]  # of the upright image
    image_height_px: Mapped[int | None]
    verdict: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(32))  # inspection.verdicts.Reason
    detail: Mapped[str | None] = mapped_column(String(500))  # one line for a person
    engine_ms: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    acquisition: Mapped[Acquisition] = relationship()
    findings: Mapped[list["Finding"]] = relationship(
        back_populates="inspection", order_by="Finding.id"
    )
    measurements: Mapped[list["MeasurementRow"]] = relationship(
        primaryjoin="and_(MeasurementRow.inspection_id == Inspection.id,"
        " MeasurementRow.finding_id.is_(None))",
        viewonly=True,
        order_by="MeasurementRow.id",
    )

    __table_args__ = (
        CheckConstraint("verdict IN ('pass', 'warn', 'fail', 'not_inspected')", name="verdict"),
        CheckConstraint("(verdict = 'not_inspected') = (reason IS NOT NULL)", name="reason"),
        # The newest of a station; the reason tells superseded frames without reading their rows.
        Index("ix_inspection_station_captured", "station_id", "captured_at", "reason"),
        # A shift's verdicts are counted from it alone, and its fails found without the rest.
        Index("ix_inspection_station_verdict", "station_id", "verdict", "captured_at"),
        Index("ix_inspection_station_id", "station_id", "id"),
        Index("ix_inspection_verdict_id", "verdict", "id"),
    )


class Finding(Base):
    __tablename__ = "finding"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    inspection_id: Mapped[int] = mapped_column(ForeignKey("inspection.id"), index=True)
    class_name: Mapped[str] = mapped_column(String(100))
    score: Mapped[float]
    x0: Mapped[float]  # box in px of the upright image
    y0: Mapped[float]
    x1: Mapped[float]
    y1: Mapped[float]
    mask_rle: Mapped[dict[str, object]]  # COCO compressed, size [h, w] of the upright image
    verdict: Mapped[str] = mapped_column(String(16))  # what this finding alone would give
    place: Mapped[str] = mapped_column(String(200), default="")  # region, cell or shelf position

    inspection: Mapped[Inspection] = relationship(back_populates="findings")
    measurements: Mapped[list["MeasurementRow"]] = relationship(order_by="MeasurementRow.id")


class MeasurementRow(Base):
    """A number with a unit, of one finding or (count, facings) of the whole inspection."""

    __tablename__ = "measurement"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    inspection_id: Mapped[int] = mapped_column(ForeignKey("inspection.id"), index=True)
    finding_id: Mapped[int | None] = mapped_column(ForeignKey("finding.id"), index=True)
    name: Mapped[str] = mapped_column(String(64))
    place: Mapped[str] = mapped_column(String(200), default="")
    value: Mapped[float]
    unit: Mapped[str] = mapped_column(String(16))
    uncertainty: Mapped[float | None]  # standard (k = 1), in the same unit; None: it is a count
    warn_limit: Mapped[float | None]
    fail_limit: Mapped[float | None]
    verdict: Mapped[str | None] = mapped_column(String(16))  # None: no limit was set on it


class Disposition(Base):
    """What was done with an inspection's part; the newest one counts."""

    __tablename__ = "disposition"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    inspection_id: Mapped[int] = mapped_column(ForeignKey("inspection.id"), index=True)
    # use_as_is | rework | repair | scrap | return | restocked | not_workable, or withdrawn: none
    # holds any more
    action: Mapped[str] = mapped_column(String(16))
    actor: Mapped[str] = mapped_column(String(100))
    note: Mapped[str] = mapped_column(String(1000), default="")
    # The disposition that this row takes back; it says again what held before that one.
    undoes_id: Mapped[int | None] = mapped_column(Key)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
