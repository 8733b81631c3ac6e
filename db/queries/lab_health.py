"""How the whole thing is doing: what waits, what is in flight, what failed, how long it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from db.models import Acquisition, Camera, Inspection, Station
from inspection.verdicts import AcquisitionState, Reason, Verdict

# The last hour, of which at most so many inspections are looked at one by one.
_SPAN = timedelta(hours=1)
_SAMPLED = 2000
_FAILED_SINCE = timedelta(days=1)
_LATELY = 100_000  # acquisitions


@dataclass(frozen=True)
class StationHealth:
    """One station's share. Times are from a frame's acceptance to its verdict, s."""

    key: str
    name: str
    waiting: int
    in_flight: int
    inspected: int  # in the last hour
    p50_s: float | None
    p95_s: float | None


@dataclass(frozen=True)
class FailedFrame:
    acquisition_id: int
    inspection_id: int
    station_key: str
    captured_at: datetime
    detail: str
    sent_again: bool


def station_health(session: Session, now: datetime) -> list[StationHealth]:
    """Every station, in five queries that indexes serve whatever the length of the past."""
    stations = session.execute(select(Station.id, Station.key, Station.name).order_by(Station.key))
    rows = stations.all()
    pending = _pending(session)
    inspected = _inspected(session, [row.id for row in rows], now - _SPAN)
    took = _took(session, now - _SPAN)
    return [
        StationHealth(
            key=row.key,
            name=row.name,
            waiting=pending.get((row.id, AcquisitionState.WAITING.value), 0),
            in_flight=pending.get((row.id, AcquisitionState.CLAIMED.value), 0),
            inspected=inspected.get(row.id, 0),
            p50_s=quantile(took.get(row.id, ()), 0.5),
            p95_s=quantile(took.get(row.id, ()), 0.95),
        )
        for row in rows
    ]


def failed_frames(session: Session, now: datetime, *, limit: int = 50) -> list[FailedFrame]:
    """What had its attempts and no result in the last day, the newest first."""
    stations = {row.id: row.key for row in session.execute(select(Station.id, Station.key))}
    rows = session.execute(
        select(
            Inspection.id,
            Inspection.acquisition_id,
            Inspection.station_id,
            Inspection.captured_at,
            Inspection.detail,
        )
        .where(
            Inspection.station_id.in_(stations),
            Inspection.verdict == Verdict.NOT_INSPECTED.value,
            Inspection.captured_at >= now - _FAILED_SINCE,
            Inspection.reason == Reason.FAILED.value,
        )
        .order_by(Inspection.captured_at.desc())
        .limit(limit)
    ).all()
    ids = [row.acquisition_id for row in rows]
    # Parents are not indexed: looked for among what was acquired since, or lately.
    newest = session.scalar(select(func.max(Acquisition.id))) or 0
    least = max(min(ids, default=0), newest - _LATELY)
    sent = (
        set(
            session.scalars(
                select(Acquisition.parent_id)
                .where(Acquisition.id > least, Acquisition.parent_id.in_(ids))
                .limit(limit * 4)
            )
        )
        if ids
        else set()
    )
    return [
        FailedFrame(
            row.acquisition_id,
            row.id,
            stations[row.station_id],
            row.captured_at,
            row.detail or "",
            row.acquisition_id in sent,
        )
        for row in rows
    ]


def newest_beat(session: Session) -> datetime | None:
    """The newest sign of life of any camera's process: that ingest lives, wherever it runs."""
    return session.scalar(select(func.max(Camera.heartbeat_at)))


def newest_result(session: Session) -> datetime | None:
    """When the newest inspection was written: that a worker lived then, wherever it runs."""
    newest = select(Inspection.created_at).order_by(Inspection.id.desc()).limit(1)
    return session.scalar(newest)


def quantile(values: Sequence[float], share: float) -> float | None:
    """The value below which that share of some values lies (nearest rank); None of none."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _pending(session: Session) -> dict[tuple[int, str], int]:
    # As in `counts.waiting`: so that the partial index serves, which holds only what waits.
    station_id = Acquisition.station_id + 0
    found = session.execute(
        select(station_id, Acquisition.state, func.count())
        .where(text("acquisition.state <> 'done'"))
        .group_by(station_id, Acquisition.state)
    )
    return {(id_, state): count for id_, state, count in found}


def _inspected(session: Session, station_ids: Sequence[int], since: datetime) -> dict[int, int]:
    found = session.execute(
        select(Inspection.station_id, func.count())
        .where(Inspection.station_id.in_(station_ids), Inspection.captured_at >= since)
        .group_by(Inspection.station_id)
    )
    return {id_: count for id_, count in found}  # noqa: C416 - rows are no pairs to mypy


def _took(session: Session, since: datetime) -> dict[int, list[float]]:
    newest = session.scalar(select(func.max(Inspection.id))) or 0
    rows = session.execute(
        select(Inspection.station_id, Inspection.created_at, Acquisition.received_at)
        .join(Acquisition, Acquisition.id == Inspection.acquisition_id)
        .where(Inspection.id > newest - _SAMPLED, Inspection.created_at >= since)
    )
    found: dict[int, list[float]] = {}
    for station_id, created_at, received_at in rows:
        found.setdefault(station_id, []).append((created_at - received_at).total_seconds())
    return found
