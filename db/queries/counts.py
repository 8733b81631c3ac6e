"""What a window of time amounts to: verdicts, fails by time and by class, what still waits.

Everything about verdicts is counted from `ix_inspection_station_captured` alone.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, String, case, cast, func, select, text
from sqlalchemy.orm import Session

from db.models import Acquisition, Camera, CameraMinute, Finding, Inspection
from db.queries.shifts import Window
from inspection.verdicts import Verdict

BUCKET = timedelta(minutes=10)


@dataclass(frozen=True)
class Counts:
    """Verdicts of one station in a window. `lost` could have no row and were counted by minute."""

    passed: int = 0
    warned: int = 0
    failed: int = 0
    not_inspected: int = 0
    failed_last_hour: int = 0
    lost: int = 0

    @property
    def inspected(self) -> int:
        return self.passed + self.warned + self.failed

    @property
    def pass_rate(self) -> float | None:
        """Share of the inspected that did not fail; None where nothing was inspected."""
        return (self.passed + self.warned) / self.inspected if self.inspected else None

    @property
    def coverage(self) -> float | None:
        """Share of what ought to have been inspected that was; None where there was nothing."""
        acquired = self.inspected + self.not_inspected + self.lost
        return self.inspected / acquired if acquired else None


def counts_in(
    session: Session, station_ids: Collection[int], window: Window
) -> Mapping[int, Counts]:
    """Verdicts of each station since the window began; a station without any is there too."""

    hour_ago = window.now - timedelta(hours=1)
    counted = session.execute(
        select(
            Inspection.station_id,
            *(_number_of(Inspection.verdict == verdict) for verdict in Verdict),
            _number_of((Inspection.verdict == Verdict.FAIL) & (Inspection.captured_at >= hour_ago)),
        )
        .where(Inspection.station_id.in_(station_ids), Inspection.captured_at >= window.start)
        .group_by(Inspection.station_id)
    )
    verdicts: dict[int, Sequence[int]] = {row[0]: row[1:] for row in counted}
    without_row = session.execute(
        select(Camera.station_id, func.sum(CameraMinute.count))
        .join(CameraMinute, CameraMinute.camera_id == Camera.id)
        .where(Camera.station_id.in_(station_ids), CameraMinute.minute >= window.start)
        # What a trigger leaves out was never meant to be inspected.
        .where(CameraMinute.reason.not_like("trigger%"))
        .group_by(Camera.station_id)
    )
    lost: dict[int, int] = {row[0]: row[1] for row in without_row}
    return {
        station_id: Counts(*(*verdicts.get(station_id, (0, 0, 0, 0, 0)), lost.get(station_id, 0)))
        for station_id in station_ids
    }


def fails_by_bucket(
    session: Session, station_ids: Collection[int], window: Window
) -> Mapping[int, Sequence[int]]:
    """Fails of each station in each ten minutes of the window, the oldest first."""
    # Both databases write a time as `2026-11-20 12:34:56…`; so much of it is its ten minutes.
    bucket = func.substr(cast(Inspection.captured_at, String), 1, 15)
    found = session.execute(
        select(Inspection.station_id, bucket, func.count())
        .where(
            Inspection.station_id.in_(station_ids),
            Inspection.captured_at >= window.start,
            Inspection.verdict == Verdict.FAIL,
        )
        .group_by(Inspection.station_id, bucket)
    )
    fails = {(station_id, name): count for station_id, name, count in found}
    first = window.start.replace(minute=window.start.minute // 10 * 10, second=0, microsecond=0)
    names = [
        (first + step * BUCKET).strftime("%Y-%m-%d %H:%M")[:15]
        for step in range(int((window.now - first) / BUCKET) + 1)
    ]
    return {
        station_id: [fails.get((station_id, name), 0) for name in names]
        for station_id in station_ids
    }


def waiting(session: Session, station_ids: Collection[int]) -> Mapping[int, int]:
    """How many accepted acquisitions of each station have no result yet."""
    found = session.execute(
        select(Acquisition.station_id, func.count())
        # Written out, since a bound value would hide from SQLite that the partial index serves.
        .where(text("acquisition.state <> 'done'"), Acquisition.station_id.in_(station_ids))
        .group_by(Acquisition.station_id)
    )
    return {row[0]: row[1] for row in found}


def pareto(
    session: Session, station_ids: Collection[int], window: Window, *, limit: int = 8
) -> Sequence[tuple[str, int]]:
    """The classes that failed most in the window, and how often, the most frequent first."""
    number = func.count()
    statement = (
        select(Finding.class_name, number)
        .join(Inspection, Inspection.id == Finding.inspection_id)
        .where(
            Inspection.station_id.in_(station_ids),
            Inspection.captured_at >= window.start,
            Inspection.verdict == Verdict.FAIL,
            Finding.verdict == Verdict.FAIL,
        )
        .group_by(Finding.class_name)
        .order_by(number.desc(), Finding.class_name)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in session.execute(statement)]


def _number_of(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))
