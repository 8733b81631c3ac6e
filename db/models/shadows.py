"""Challengers that look at live frames and judge nothing."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Key, utc_now
from db.models.registry import RegisteredModel


class Shadow(Base):
    """A challenger at a station, from when to when, and what share of the frames it sees."""

    __tablename__ = "shadow"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    model_id: Mapped[int] = mapped_column(ForeignKey("registered_model.id"))
    share: Mapped[float] = mapped_column(default=1.0)
    started_at: Mapped[datetime] = mapped_column(default=utc_now)
    started_by: Mapped[str] = mapped_column(String(100), default="")
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(String(100), default="")
    reason: Mapped[str] = mapped_column(String(300), default="")  # why it ended by itself
    # Inspections up to this id have been looked at or passed over.
    seen_to: Mapped[int] = mapped_column(Key, default=0)
    passed_over: Mapped[int] = mapped_column(default=0)  # that it did not keep up with
    attempts: Mapped[int] = mapped_column(default=0)  # leases since the last that gave a result
    lease_until: Mapped[datetime | None]

    model: Mapped[RegisteredModel] = relationship()

    __table_args__ = (
        Index("ix_shadow_station", "station_id", "ended_at"),
        # One challenger at a time beside a line.
        Index(
            "uq_shadow_running",
            "station_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )


class ShadowResult(Base):
    """What a challenger would have said of an inspection. It is no verdict."""

    __tablename__ = "shadow_result"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    shadow_id: Mapped[int] = mapped_column(ForeignKey("shadow.id"))
    inspection_id: Mapped[int] = mapped_column(ForeignKey("inspection.id"))
    captured_at: Mapped[datetime]
    champion: Mapped[str] = mapped_column(String(16))  # verdicts
    challenger: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str] = mapped_column(String(500), default="")
    agreement: Mapped[float]  # of the findings: F1 of those matched by mask, 0 to 1
    findings: Mapped[list[dict[str, object]]] = mapped_column(JSON)  # class, score, box, RLE
    engine_ms: Mapped[float]

    __table_args__ = (
        UniqueConstraint("shadow_id", "inspection_id"),
        Index("ix_shadow_result_time", "shadow_id", "captured_at"),
    )
