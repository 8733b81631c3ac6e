"""How much of each station is drawn at random, and with which probability on each day."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.errors import Invalid
from db.models import Inspection, ReviewDay, ReviewSampling
from inspection.sampling import share_for
from inspection.verdicts import Verdict

PER_DAY, BLIND_SHARE = 20.0, 0.2
_MOST_PER_DAY = 100_000.0

StationDay = tuple[int, str]


@dataclass(frozen=True)
class Sampling:
    """A number a day, or a share of all; the other is None.

    Attributes:
        blind_share: of what is drawn, for two people who do not see each other.
    """

    per_day: float | None = PER_DAY
    share: float | None = None
    blind_share: float = BLIND_SHARE


def sampling_of(session: Session, station_id: int) -> Sampling:
    row = session.get(ReviewSampling, station_id)
    return Sampling() if row is None else Sampling(row.per_day, row.share, row.blind_share)


def set_sampling(session: Session, station_id: int, wanted: Sampling) -> ReviewSampling:
    """Say how much is drawn, from the next day (UTC) on that nothing was drawn of yet.

    Raises:
        Invalid: not exactly one of a number and a share, or one that is out of bounds.
    """
    if (wanted.per_day is None) == (wanted.share is None):
        raise Invalid("per_day", wanted.per_day, "a number a day or a share, and not both")
    for field, value, most in (
        ("per_day", wanted.per_day, _MOST_PER_DAY),
        ("share", wanted.share, 1.0),
        ("blind_share", wanted.blind_share, 1.0),
    ):
        if value is not None and not 0 <= value <= most:
            raise Invalid(field, value, f"a number from 0 to {most:g}")
    row = session.get(ReviewSampling, station_id)
    if row is None:
        row = ReviewSampling(station_id=station_id)
        session.add(row)
    row.per_day, row.share, row.blind_share = wanted.per_day, wanted.share, wanted.blind_share
    session.flush()
    return row


def day_of(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def known_days(session: Session, asked: Collection[StationDay]) -> dict[StationDay, ReviewDay]:
    rows = session.scalars(
        select(ReviewDay).where(
            ReviewDay.station_id.in_({station for station, _ in asked}),
            ReviewDay.day.in_({day for _, day in asked}),
        )
    )
    return {key: row for row in rows if (key := (row.station_id, row.day)) in asked}


def fix_days(session: Session, asked: Collection[StationDay]) -> dict[StationDay, ReviewDay]:
    """The days, with a probability that never changes once it is written.

    Of stations with a number a day it is that number over what the day before had.
    """
    found = known_days(session, asked)
    for station_id, day in sorted(set(asked) - set(found)):
        sampling = sampling_of(session, station_id)
        if sampling.share is not None:
            probability = sampling.share
        else:
            probability = share_for(sampling.per_day or 0.0, _day_before(session, station_id, day))
        row = ReviewDay(
            station_id=station_id,
            day=day,
            probability=probability,
            blind_share=sampling.blind_share,
        )
        session.add(row)
        found[station_id, day] = row
    session.flush()
    return found


def _day_before(session: Session, station_id: int, day: str) -> int:
    """How many inspections the day before had, or the last of the seven before that had any."""
    begins = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
    for back in range(1, 8):
        start = begins - timedelta(days=back)
        counted = session.scalar(
            select(func.count(Inspection.id)).where(
                Inspection.station_id == station_id,
                Inspection.captured_at >= start,
                Inspection.captured_at < start + timedelta(days=1),
                Inspection.verdict != Verdict.NOT_INSPECTED.value,
            )
        )
        if counted:
            return counted
    return 0
