"""What people say of a result: that it is right, a false call, or misses a defect."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Key, utc_now


class Review(Base):
    """One word of one person on an inspection. Rows are only added: the newest one counts.

    Its subject is the whole inspection, one finding of it (`finding_id`), or a defect that was not
    found (`class_name`); what counts of a subject is its newest row (`db.queries.reviews`).
    Undoing adds a row that says again what held before, or `withdrawn`.
    """

    __tablename__ = "review"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    inspection_id: Mapped[int] = mapped_column(ForeignKey("inspection.id"))
    finding_id: Mapped[int | None] = mapped_column(ForeignKey("finding.id"))
    # Of a defect that was missed; empty: of what was found.
    class_name: Mapped[str] = mapped_column(String(100), default="")
    # confirmed | false_call | missed | noted (a note alone, which judges nothing) | withdrawn
    verdict: Mapped[str] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(String(1000), default="")
    actor: Mapped[str] = mapped_column(String(100))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("review.id"), unique=True)
    at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (
        CheckConstraint(
            "verdict IN ('confirmed', 'false_call', 'missed', 'noted', 'withdrawn')",
            name="verdict",
        ),
        CheckConstraint(
            "verdict <> 'missed' OR (class_name <> '' AND finding_id IS NULL)", name="missed_class"
        ),
        Index("ix_review_inspection", "inspection_id", "id"),
        # The review queue asks for what was said since it was last looked at.
        Index("ix_review_verdict", "verdict", "id"),
    )
