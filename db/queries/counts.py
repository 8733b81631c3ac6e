"""What a window of time amounts to: verdicts, fails by time and by class, what still waits.

Verdicts are counted from `ix_inspection_station_verdict` alone. They are of frames; the rate of
good parts is `first_pass`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import String, case, cast, func, select, text
from sqlalchemy.orm import Session

from db.models import Acquisition, Camera, CameraMinute, Finding, Inspection
from db.queries.first_pass import FirstPass, first_pass_in
from db.queries.shifts import Window
from inspection.verdicts import Verdict

BUCKET = timedelta(minutes=10)
_NO_PARTS = FirstPass()


@dataclass(frozen=True)
class Counts:
    """Verdicts of one station in a window, of frames; `first_pass` are its parts, where known.

    `lost` could have no row and were counted by minute.
    """

    passed: int = 0
    warned: int = 0
    failed: int = 0
    not_inspected: int = 0
    failed_last_hour: int = 0
    lost: int = 0
    first_pass: FirstPass = _NO_PARTS

    @property
    def inspected(self) -> int:
        return self.passed + self.warned + self.failed

    @property
    def pass_rate(self) -> float | None:
        """Share of the inspected frames that did not fail; None where nothing was inspected."""
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
            Inspection.verdict,
            func.count(),
            func.sum(case((Inspection.captured_at >= hour_ago, 1), else_=0)),
        )
        .where(
            Inspection.station_id.in_(station_ids),
            # Names all there are, so that the index serves up to the time.
            Inspection.verdict.in_(tuple(Verdict)),
            Inspection.captured_at >= window.start,
        )
        .group_by(Inspection.station_id, Inspection.verdict)
    )
    number: dict[tuple[int, str], int] = {}
    last_hour: dict[tuple[int, str], int] = {}
    for station_id, verdict, in_window, in_last_hour in counted:
        number[station_id, verdict] = in_window
        last_hour[station_id, verdict] = in_last_hour
    without_row = session.execute(
        select(Camera.station_id, func.sum(CameraMinute.count))
        .join(CameraMinute, CameraMinute.camera_id == Camera.id)
        .where(Camera.station_id.in_(station_ids), CameraMinute.minute >= window.start)
        # What a trigger leaves out was never meant to be inspected.
        .where(CameraMinute.reason.not_like("trigger%"))
        .group_by(Camera.station_id)
    )
    lost: dict[int, int] = {row[0]: row[1] for row in without_row}
    first_pass = first_pass_in(session, station_ids, window)
    return {
        station_id: Counts(
            passed=number.get((station_id, Verdict.PASS), 0),
            warned=number.get((station_id, Verdict.WARN), 0),
            failed=number.get((station_id, Verdict.FAIL), 0),
            not_inspected=number.get((station_id, Verdict.NOT_INSPECTED), 0),
            failed_last_hour=last_hour.get((station_id, Verdict.FAIL), 0),
            lost=lost.get(station_id, 0),
            first_pass=first_pass[station_id],
        )
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
    # The `+ 0` keeps SQLite from walking all acquisitions in the order of their stations, and the
    # written-out state shows it that the partial index, which holds only what waits, serves.
    station_id = Acquisition.station_id + 0
    found = session.execute(
        select(station_id, func.count())
        .where(text("acquisition.state <> 'done'"))
        .group_by(station_id)
    )
    return {row[0]: row[1] for row in found if row[0] in station_ids}


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
