"""What somebody should look at, and what two people said of the same picture."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Key, utc_now
from db.models.inspections import Inspection


class ReviewItem(Base):
    """An inspection that somebody should look at, for one reason; it may be there for several.

    What was drawn at random keeps the probability with which it was, so that rates that are
    counted from it stay unbiased (Horvitz and Thompson 1952).
    """

    __tablename__ = "review_item"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    inspection_id: Mapped[int] = mapped_column(ForeignKey("inspection.id"))
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    # false_call | missed | uncertain | disagreement | drift | random
    reason: Mapped[str] = mapped_column(String(16))
    class_name: Mapped[str] = mapped_column(String(100), default="")  # which it is about, if any
    priority: Mapped[float]  # what a label would teach, 0 to 1; the queue's order
    probability: Mapped[float | None]  # with which it was drawn; of `random` alone
    detail: Mapped[str] = mapped_column(String(300), default="")
    # open | done | skipped | duplicate | withdrawn (whoever reported it took it back)
    state: Mapped[str] = mapped_column(String(16), default="open")
    duplicate_of_id: Mapped[int | None] = mapped_column(ForeignKey("review_item.id"))
    # What its picture looks like from afar (`inspection.thumbprints`); empty: there is none.
    thumbprint: Mapped[bytes | None] = mapped_column(LargeBinary(4200), deferred=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str] = mapped_column(String(100), default="")
    blind: Mapped[bool] = mapped_column(default=False)  # wants two people who do not see each other

    inspection: Mapped[Inspection] = relationship()

    __table_args__ = (
        UniqueConstraint("inspection_id", "reason"),
        CheckConstraint("(probability IS NOT NULL) = (reason = 'random')", name="probability"),
        Index("ix_review_item_queue", "state", "priority", "id"),
        Index("ix_review_item_station", "station_id", "state", "id"),
        Index("ix_review_item_reason", "station_id", "reason", "class_name"),
    )


class Reading(Base):
    """One person's own word on a picture of the blind sample: good or bad."""

    __tablename__ = "reading"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    review_item_id: Mapped[int] = mapped_column(ForeignKey("review_item.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    actor: Mapped[str] = mapped_column(String(100))
    verdict: Mapped[str] = mapped_column(String(8))  # good | bad
    at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (
        UniqueConstraint("review_item_id", "actor"),
        CheckConstraint("verdict IN ('good', 'bad')", name="verdict"),
    )


class ReviewSampling(Base):
    """How much of a station is drawn at random: a number a day or a share. None: the default."""

    __tablename__ = "review_sampling"

    station_id: Mapped[int] = mapped_column(
        ForeignKey("station.id", ondelete="CASCADE"), primary_key=True
    )
    per_day: Mapped[float | None]
    share: Mapped[float | None]
    blind_share: Mapped[float] = mapped_column(default=0.2)  # of what is drawn, for two people

    __table_args__ = (
        CheckConstraint("(per_day IS NULL) <> (share IS NULL)", name="one_of"),
        CheckConstraint("share IS NULL OR (share >= 0 AND share <= 1)", name="share"),
        CheckConstraint("per_day IS NULL OR per_day >= 0", name="per_day"),
        CheckConstraint("blind_share >= 0 AND blind_share <= 1", name="blind_share"),
    )


class ReviewDay(Base):
    """With which probability a station's inspections of one day (UTC) are drawn; never changed."""

    __tablename__ = "review_day"

    station_id: Mapped[int] = mapped_column(
        ForeignKey("station.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[str] = mapped_column(String(10), primary_key=True)  # 2026-11-21
    probability: Mapped[float]
    blind_share: Mapped[float]


class ReviewCursor(Base):
    """How far the queue's filling has read each table that it is filled from."""

    __tablename__ = "review_cursor"

    source: Mapped[str] = mapped_column(String(32), primary_key=True)  # name of the table
    seen_to: Mapped[int] = mapped_column(Key, default=0)
