"""Who is told of what, and when: channels, rules, and what each rule is waiting for."""

from datetime import datetime, time

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Key, utc_now


class AlertChannel(Base):
    """A way to somebody. Its address with all its secrets is encrypted and never shown again."""

    __tablename__ = "alert_channel"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    key: Mapped[str] = mapped_column(String(32), unique=True)  # stands in the deliveries
    name: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))  # webhook | mail | apprise | environment
    shown: Mapped[str] = mapped_column(String(200), default="")  # of its address, without a secret
    secret: Mapped[str | None] = mapped_column(String(8000))  # None: the environment has it
    # Whose it is: one line's, one site's, or with neither that of those who see everything.
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    line_id: Mapped[int | None] = mapped_column(ForeignKey("line.id"))
    enabled: Mapped[bool] = mapped_column(default=True)
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    # The newest test: who asked for it, and what came back.
    test_asked_at: Mapped[datetime | None]
    test_asked_by: Mapped[str | None] = mapped_column(String(100))
    test_at: Mapped[datetime | None]
    test_ok: Mapped[bool | None]
    test_said: Mapped[str | None] = mapped_column(String(500))

    __table_args__ = (CheckConstraint("site_id IS NULL OR line_id IS NULL", name="one_place"),)


class AlertRule(Base):
    """What makes a discrepancy worth telling, to whom, and when not."""

    __tablename__ = "alert_rule"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    enabled: Mapped[bool] = mapped_column(default=True)
    # Where: at most one of the three; none means everywhere.
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    line_id: Mapped[int | None] = mapped_column(ForeignKey("line.id"))
    station_id: Mapped[int | None] = mapped_column(ForeignKey("station.id"))
    kinds: Mapped[list[str]] = mapped_column(JSON, default=list)  # class names; none: any
    min_severity: Mapped[str] = mapped_column(String(16), default="fail")  # warn | fail
    open_for_s: Mapped[int] = mapped_column(default=0)
    seen_at_least: Mapped[int] = mapped_column(default=1)
    # What one line brings within so long goes out as one message.
    group_s: Mapped[int] = mapped_column(default=0)
    cooldown_s: Mapped[int] = mapped_column(default=0)  # of one line, after each message
    # The site's wall clock; quiet hours that end before they begin cross midnight.
    quiet_from: Mapped[time | None]
    quiet_to: Mapped[time | None]
    escalate_after_s: Mapped[int | None]
    tell_end: Mapped[bool] = mapped_column(default=True)
    snoozed_until: Mapped[datetime | None]
    snoozed_by: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    revision: Mapped[int] = mapped_column(default=1)

    targets: Mapped[list["AlertTarget"]] = relationship(
        cascade="all, delete-orphan", order_by="AlertTarget.id"
    )

    __table_args__ = (
        CheckConstraint(
            "(site_id IS NULL OR line_id IS NULL) AND (site_id IS NULL OR station_id IS NULL)"
            " AND (line_id IS NULL OR station_id IS NULL)",
            name="one_place",
        ),
        CheckConstraint("(quiet_from IS NULL) = (quiet_to IS NULL)", name="quiet_hours"),
    )


class AlertTarget(Base):
    """A channel that a rule tells: at once, or when nobody has acknowledged it."""

    __tablename__ = "alert_target"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    rule_id: Mapped[int] = mapped_column(ForeignKey("alert_rule.id"))
    channel_id: Mapped[int] = mapped_column(ForeignKey("alert_channel.id"), index=True)
    step: Mapped[str] = mapped_column(String(16), default="first")  # first | escalation

    channel: Mapped[AlertChannel] = relationship()

    __table_args__ = (UniqueConstraint("rule_id", "channel_id", "step"),)


class AlertWatch(Base):
    """One rule's eye on one discrepancy, from its opening until its end."""

    __tablename__ = "alert_watch"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    rule_id: Mapped[int] = mapped_column(ForeignKey("alert_rule.id"))
    discrepancy_id: Mapped[int] = mapped_column(ForeignKey("discrepancy.id"), index=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"))  # of its opening
    # Where its group is; no foreign key, since the line may be removed after its stations moved.
    line_id: Mapped[int] = mapped_column(Key)
    # waiting (for duration, count or severity) | ready (for its group) | told | over
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    due_at: Mapped[datetime]  # waiting: not before; ready: since
    told_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    why_over: Mapped[str | None] = mapped_column(String(100))

    __table_args__ = (
        UniqueConstraint("rule_id", "discrepancy_id"),
        Index("ix_alert_watch_state_due", "state", "due_at"),
        Index("ix_alert_watch_rule_line_told", "rule_id", "line_id", "told_at"),
    )
