"""The ledger: acquired = passed + warned + failed + not inspected + in flight, at all times."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import func, literal, null, select
from sqlalchemy.orm import Session

from db.models import Acquisition, Camera, Inspection
from inspection.verdicts import AcquisitionState, Verdict

_EXAMPLES = 20  # ids that a problem names at most


@dataclass(frozen=True)
class Ledger:
    """Counts of one moment, and what contradicts them."""

    acquired: int
    passed: int
    warned: int
    failed: int
    not_inspected: dict[str, int]  # by reason
    in_flight: int
    problems: tuple[str, ...] = field(default=())

    @property
    def consistent(self) -> bool:
        return not self.problems

    def as_dict(self) -> dict[str, object]:
        return {
            "acquired": self.acquired,
            "passed": self.passed,
            "warned": self.warned,
            "failed": self.failed,
            "not_inspected": dict(self.not_inspected),
            "in_flight": self.in_flight,
            "consistent": self.consistent,
            "problems": list(self.problems),
        }


def read_ledger(session: Session, *, station_id: int | None = None) -> Ledger:
    """Count everything, or one station.

    Each of its statements is true of one moment by itself, however busy the plant is. Gaps in
    sequence numbers are looked for in any case: a row that is gone shows nowhere else.
    """
    of_station = station_id is not None
    # One statement, since two would count two moments.
    states = (
        select(
            literal("state").label("what"),
            Acquisition.state.label("name"),
            null().label("reason"),
            func.count().label("count"),
        )
        .where(*([Acquisition.station_id == station_id] if of_station else []))
        .group_by(Acquisition.state)
    )
    verdicts = (
        select(literal("verdict"), Inspection.verdict, Inspection.reason, func.count())
        .where(*([Inspection.station_id == station_id] if of_station else []))
        .group_by(Inspection.verdict, Inspection.reason)
    )
    acquired = in_flight = 0
    counts: dict[str, int] = {}
    not_inspected: dict[str, int] = {}
    for what, name, reason, count in session.execute(states.union_all(verdicts)):
        if what == "state":
            acquired += count
            in_flight += count if name != AcquisitionState.DONE else 0
        elif name == Verdict.NOT_INSPECTED:
            not_inspected[str(reason)] = count
        else:
            counts[name] = count
    not_inspected = dict(sorted(not_inspected.items()))
    passed, warned, failed = (
        counts.get(verdict.value, 0) for verdict in (Verdict.PASS, Verdict.WARN, Verdict.FAIL)
    )
    problems: list[str] = []
    total = passed + warned + failed + sum(not_inspected.values()) + in_flight
    if total != acquired:
        problems.append(f"acquired {acquired}, but verdicts and in flight add up to {total}")
    problems += _contradictions(session)
    problems += _sequence_gaps(session)
    return Ledger(acquired, passed, warned, failed, not_inspected, in_flight, tuple(problems))


def _contradictions(session: Session) -> list[str]:
    doubled = (
        select(Inspection.acquisition_id)
        .group_by(Inspection.acquisition_id)
        .having(func.count() > 1)
        .order_by(Inspection.acquisition_id)
    )
    joined = select(Acquisition.id).outerjoin(
        Inspection, Inspection.acquisition_id == Acquisition.id
    )
    without = joined.where(Acquisition.state == AcquisitionState.DONE, Inspection.id.is_(None))
    too_soon = joined.where(Acquisition.state != AcquisitionState.DONE, Inspection.id.isnot(None))
    problems = []
    for what, statement in (
        ("with two verdicts", doubled),
        ("done without a verdict", without.order_by(Acquisition.id)),
        ("in flight with a verdict", too_soon.order_by(Acquisition.id)),
    ):
        ids = session.scalars(statement.limit(_EXAMPLES)).all()
        if ids:
            problems.append(f"acquisitions {what}: {', '.join(map(str, ids))}")
    return problems


def _sequence_gaps(session: Session) -> list[str]:
    rows = session.execute(
        select(
            Camera.id,
            Camera.next_sequence,
            func.count(Acquisition.id),
            func.coalesce(func.max(Acquisition.sequence), 0),
        )
        .outerjoin(Acquisition, Acquisition.camera_id == Camera.id)
        .group_by(Camera.id, Camera.next_sequence)
        .order_by(Camera.id)
    )
    return [
        f"camera {camera_id}: {count} acquisitions, but sequence numbers up to"
        f" {max(highest, next_sequence - 1)} were given"
        for camera_id, next_sequence, count, highest in rows
        if count != highest or next_sequence != highest + 1
    ]
