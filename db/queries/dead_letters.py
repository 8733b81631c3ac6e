"""Acquisitions that had their attempts and ended as `not_inspected: failed`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from db.models import Acquisition, Inspection, Station
from inspection.verdicts import Reason


@dataclass(frozen=True)
class DeadLetter:
    acquisition_id: int
    station: str  # its key
    captured_at: datetime
    detail: str
    sent_again: bool


def dead_letters(
    session: Session, *, limit: int = 100, with_sent_again: bool = False
) -> list[DeadLetter]:
    """The newest first. Those that were sent again are left out, or marked."""
    child = aliased(Acquisition)
    sent_again = exists().where(child.parent_id == Acquisition.id)
    statement = (
        select(
            Acquisition.id,
            Station.key,
            Acquisition.captured_at,
            Inspection.detail,
            sent_again.label("sent_again"),
        )
        .join(Inspection, Inspection.acquisition_id == Acquisition.id)
        .join(Station, Station.id == Acquisition.station_id)
        .where(Inspection.reason == Reason.FAILED.value)
        .order_by(Acquisition.id.desc())
        .limit(limit)
    )
    if not with_sent_again:
        statement = statement.where(~sent_again)
    return [
        DeadLetter(id_, station, captured_at, detail or "", bool(again))
        for id_, station, captured_at, detail, again in session.execute(statement)
    ]
