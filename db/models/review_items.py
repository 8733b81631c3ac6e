"""What somebody should look at, and what two people said of the same picture."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
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
    priority: Mapped[float]  # what a label would teach, 0 to 1; the queue's order
    probability: Mapped[float | None]  # with which it was drawn; of `random` alone
    detail: Mapped[str] = mapped_column(String(300), default="")
    # open | done | skipped | duplicate
    state: Mapped[str] = mapped_column(String(16), default="open")
    duplicate_of_id: Mapped[int | None] = mapped_column(ForeignKey("review_item.id"))
    thumbprint: Mapped[str | None] = mapped_column(String(64))  # of the picture, for near-copies
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
    )


class Reading(Base):
    """One person's own word on a picture of the blind sample: good or bad, and what is on it."""

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
