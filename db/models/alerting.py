"""The outbox: messages written in the transaction of what they tell, and their deliveries.

Who is told of what, and when, are the rules (`db/models/alert_rules.py`).
"""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Key, utc_now


class Alert(Base):
    """A message about a discrepancy."""

    __tablename__ = "alert"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    discrepancy_id: Mapped[int] = mapped_column(ForeignKey("discrepancy.id"), index=True)
    # discrepancy.opened | discrepancy.resolved, written with what they tell;
    # discrepancy.escalated | discrepancy.reminded, written by a rule
    event: Mapped[str] = mapped_column(String(32))
    # The same for every attempt and channel, so that a receiver can tell a repeat.
    idempotency_key: Mapped[str] = mapped_column(String(64), unique=True)
    payload: Mapped[dict[str, object]]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    dispatched_at: Mapped[datetime | None]  # when the rules had looked at it

    deliveries: Mapped[list["Delivery"]] = relationship(back_populates="alert")

    __table_args__ = (Index("ix_alert_dispatched_at", "dispatched_at"),)


class Delivery(Base):
    """One alert to one channel: tried until it succeeds or gives up visibly."""

    __tablename__ = "delivery"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"))
    channel: Mapped[str] = mapped_column(String(32))  # the channel's key
    state: Mapped[str] = mapped_column(String(16), default="due")  # due | sent | dropped | failed
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime] = mapped_column(default=utc_now)
    lease_until: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(500))
    sent_at: Mapped[datetime | None]
    # Which rule told it, by the name it had then: the log outlives the rule. None: no rule.
    rule_name: Mapped[str | None] = mapped_column(String(100))
    # Deliveries of one channel with the same group go out as one message.
    group_key: Mapped[str | None] = mapped_column(String(64))

    alert: Mapped[Alert] = relationship(back_populates="deliveries")

    __table_args__ = (
        UniqueConstraint("alert_id", "channel"),
        Index("ix_delivery_state_next_at", "state", "next_at"),
        Index("ix_delivery_group_key", "group_key"),
    )
