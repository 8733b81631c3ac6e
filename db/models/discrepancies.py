"""Open deviations at one place, with their history."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Key, utc_now

_UNRESOLVED = text("state IN ('open', 'acknowledged')")


class Discrepancy(Base):
    """Its times are the frames' times. `place` is a cell of the image or a shelf position."""

    __tablename__ = "discrepancy"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    kind: Mapped[str] = mapped_column(String(100))  # class name, or out_of_stock | low | excess
    place: Mapped[str] = mapped_column(String(200))
    severity: Mapped[str] = mapped_column(String(16))  # warn | fail: the worst seen
    state: Mapped[str] = mapped_column(String(16), default="open")
    detail: Mapped[str] = mapped_column(String(500), default="")  # "crack 4.8 mm > 3.0 mm"
    opened_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    first_inspection_id: Mapped[int] = mapped_column(ForeignKey("inspection.id"))
    last_inspection_id: Mapped[int] = mapped_column(ForeignKey("inspection.id"))
    seen_count: Mapped[int] = mapped_column(default=1)
    clean_count: Mapped[int] = mapped_column(default=0)  # clean inspections in a row since
    actor: Mapped[str | None] = mapped_column(String(100))  # of the newest transition by a person
    revision: Mapped[int] = mapped_column(default=1)
    # Off the lists, and no alert, until then (db.queries.snoozing).
    snoozed_until: Mapped[datetime | None]
    snoozed_by: Mapped[str | None] = mapped_column(String(100))
    # A gap that nobody can fill until then: why (db.queries.gap_work), and who says so.
    unworkable_reason: Mapped[str | None] = mapped_column(String(32))
    unworkable_until: Mapped[datetime | None]
    unworkable_by: Mapped[str | None] = mapped_column(String(100))

    history: Mapped[list["DiscrepancyEvent"]] = relationship(order_by="DiscrepancyEvent.id")

    __table_args__ = (
        # At most one unresolved discrepancy per place, whoever races whom.
        Index(
            "uq_discrepancy_unresolved",
            "station_id",
            "kind",
            "place",
            unique=True,
            postgresql_where=_UNRESOLVED,
            sqlite_where=_UNRESOLVED,
        ),
        Index("ix_discrepancy_state_opened", "state", "opened_at"),
        Index("ix_discrepancy_station_closed", "station_id", "closed_at"),
    )


class DiscrepancyEvent(Base):
    __tablename__ = "discrepancy_event"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    discrepancy_id: Mapped[int] = mapped_column(ForeignKey("discrepancy.id"), index=True)
    # opened | acknowledged | resolved | false_call | restocked | snoozed | woken | not_workable |
    # workable | undone
    action: Mapped[str] = mapped_column(String(32))
    actor: Mapped[str | None] = mapped_column(String(100))  # None: Lineside itself
    note: Mapped[str] = mapped_column(String(1000), default="")
    inspection_id: Mapped[int | None] = mapped_column(ForeignKey("inspection.id"))
    at: Mapped[datetime] = mapped_column(default=utc_now)


class DeviationStreak(Base):
    """A deviation seen in a row at one place, but not yet as often as opens a discrepancy."""

    __tablename__ = "deviation_streak"

    camera_id: Mapped[int] = mapped_column(ForeignKey("camera.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(100), primary_key=True)
    place: Mapped[str] = mapped_column(String(200), primary_key=True)
    count: Mapped[int]
    first_seen_at: Mapped[datetime]
    first_inspection_id: Mapped[int] = mapped_column(ForeignKey("inspection.id"))
