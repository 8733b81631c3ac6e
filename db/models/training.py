"""Training runs: asked for by a page or the API, done by the trainer's worker."""

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Key, utc_now


class TrainingRun(Base):
    """One run. The row is the truth: a ring of the training queue only says that one waits.

    A run whose lease ran out (its trainer was killed) is taken up by the next trainer from its
    last checkpoint, under a new token.
    """

    __tablename__ = "training_run"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    snapshot_id: Mapped[int] = mapped_column(ForeignKey("dataset_snapshot.id"))
    name: Mapped[str] = mapped_column(String(100))  # of the model folder that it writes
    network: Mapped[str] = mapped_column(String(200))
    encoder: Mapped[str] = mapped_column(String(100), default="")
    init: Mapped[str] = mapped_column(String(200), default="none")  # none | imagenet | coco | MODEL
    # What else `lineside train` takes: steps or budget_s, seed, input_px, rate …
    options: Mapped[dict[str, object]]
    # waiting | running | cancelling | cancelled | done | failed
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    reason: Mapped[str] = mapped_column(String(500), default="")  # of failed and cancelled
    token: Mapped[int] = mapped_column(default=0)  # fencing: counts the trainers that took it up
    lease_until: Mapped[datetime | None]
    # Trainers in a row that died at the run, without a step between them.
    deaths: Mapped[int] = mapped_column(default=0)
    step: Mapped[int] = mapped_column(default=0)
    share: Mapped[float] = mapped_column(default=0.0)  # of the whole, 0 to 1
    eta_s: Mapped[float | None]
    curves: Mapped[list[dict[str, object]]] = mapped_column(JSON, default=list)  # thinned
    log: Mapped[str] = mapped_column(Text, default="")  # the last lines
    asked_at: Mapped[datetime] = mapped_column(default=utc_now)
    asked_by: Mapped[str] = mapped_column(String(100), default="")
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    model_id: Mapped[int | None] = mapped_column(ForeignKey("registered_model.id"))

    __table_args__ = (
        CheckConstraint(
            "state IN ('waiting', 'running', 'cancelling', 'cancelled', 'done', 'failed')",
            name="state",
        ),
        Index("ix_training_run_state", "state", "id"),
    )


class Trainer(Base):
    """A trainer that was seen lately: the pages ask on which host somebody trains, if any."""

    __tablename__ = "trainer"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)  # host and device
    device: Mapped[str] = mapped_column(String(100))
    seen_at: Mapped[datetime]
