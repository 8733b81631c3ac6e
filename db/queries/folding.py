"""Folding inspections into discrepancies, in the order of their frames.

A deviation opens a discrepancy, or joins the one that is open at its place. Inspections without
it count as clean, and enough of them in a row resolve it. All times are the frames' times, and a
frame that comes late changes nothing: what is known is newer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.models import Camera, Discrepancy, DiscrepancyEvent, Inspection, Station
from db.queries.outbox import write_alert
from db.queries.streaks import Streak, Streaks
from inspection.judgement import Deviation
from inspection.recipe import DiscrepancyPolicy
from inspection.verdicts import DiscrepancyState, Verdict

_UNRESOLVED = (DiscrepancyState.OPEN.value, DiscrepancyState.ACKNOWLEDGED.value)
_DETAIL_LENGTH = 500  # of the column

_Place = tuple[str, str]  # kind, place


@dataclass(frozen=True)
class Foldable:
    """An inspection that looked: `not_inspected` is neither clean nor deviating."""

    inspection_id: int
    station_id: int
    camera_id: int
    sequence: int  # of the frame; one that was sent again keeps its first place
    captured_at: datetime
    deviations: Sequence[Deviation]
    policy: DiscrepancyPolicy


@dataclass(frozen=True)
class DiscrepancyChange:
    """What live screens are told."""

    discrepancy_id: int
    station_id: int
    state: str


@dataclass
class _Standing:
    """An unresolved discrepancy, and the camera that saw it last: only that one can clear it."""

    discrepancy: Discrepancy
    camera_id: int


def fold(session: Session, inspections: Sequence[Foldable]) -> list[DiscrepancyChange]:
    """Open, join and resolve the discrepancies of these inspections' stations.

    Stations are locked in id order, and their cameras after them, so that two workers neither
    open one twice nor wait for each other.
    """
    if not inspections:
        return []
    stations = sorted({inspection.station_id for inspection in inspections})
    session.execute(
        select(Station.id)
        .where(Station.id.in_(stations))
        .order_by(Station.id)
        .with_for_update(key_share=True)
    ).all()
    cameras = sorted({inspection.camera_id for inspection in inspections})
    folded: dict[int, int] = dict(
        session.execute(
            select(Camera.id, Camera.folded_sequence)
            .where(Camera.id.in_(cameras))
            .order_by(Camera.id)
            .with_for_update(key_share=True)
        ).all()
    )
    before = dict(folded)
    standing = _standing(session, stations)
    streaks = Streaks(session, cameras)
    changed: dict[int, DiscrepancyChange] = {}
    for inspection in sorted(inspections, key=lambda one: (one.camera_id, one.sequence)):
        if inspection.sequence <= folded[inspection.camera_id]:
            continue
        folded[inspection.camera_id] = inspection.sequence
        of_station = standing.setdefault(inspection.station_id, {})
        for discrepancy in _fold_one(session, inspection, of_station, streaks):
            changed[discrepancy.id] = DiscrepancyChange(
                discrepancy.id, discrepancy.station_id, discrepancy.state
            )
    streaks.write()
    for camera_id in cameras:
        if folded[camera_id] != before[camera_id]:
            session.execute(
                update(Camera)
                .where(Camera.id == camera_id)
                .values(folded_sequence=folded[camera_id])
                .execution_options(synchronize_session=False)
            )
    session.flush()
    return list(changed.values())


def _standing(session: Session, stations: Sequence[int]) -> dict[int, dict[_Place, _Standing]]:
    rows = session.execute(
        select(Discrepancy, Inspection.camera_id)
        .join(Inspection, Inspection.id == Discrepancy.last_inspection_id)
        .where(Discrepancy.station_id.in_(stations), Discrepancy.state.in_(_UNRESOLVED))
        .execution_options(populate_existing=True)
    )
    standing: dict[int, dict[_Place, _Standing]] = {}
    for discrepancy, camera_id in rows:
        of_station = standing.setdefault(discrepancy.station_id, {})
        of_station[discrepancy.kind, discrepancy.place] = _Standing(discrepancy, camera_id)
    return standing


def _fold_one(
    session: Session,
    inspection: Foldable,
    standing: dict[_Place, _Standing],
    streaks: Streaks,
) -> list[Discrepancy]:
    """Fold one inspection; returns what opened, was seen again or was resolved."""
    seen = _worst_by_place(inspection.deviations)
    streaks.break_off(inspection.camera_id, keep=seen.keys())
    changed = []
    for place, deviation in seen.items():
        if place in standing:
            _join(standing[place].discrepancy, inspection, deviation)
            standing[place].camera_id = inspection.camera_id
            changed.append(standing[place].discrepancy)
            continue
        streak = streaks.extend(
            inspection.camera_id, place, inspection.captured_at, inspection.inspection_id
        )
        if streak.count >= inspection.policy.open_after:
            opened = _open(session, inspection, deviation, streak)
            streaks.end(inspection.camera_id, place)
            standing[place] = _Standing(opened, inspection.camera_id)
            changed.append(opened)
    for place, held in list(standing.items()):
        if place in seen or held.camera_id != inspection.camera_id:
            continue
        held.discrepancy.clean_count += 1
        if held.discrepancy.clean_count >= inspection.policy.resolve_after:
            _resolve(session, held.discrepancy, inspection)
            del standing[place]
            changed.append(held.discrepancy)
    return changed


def _worst_by_place(deviations: Sequence[Deviation]) -> Mapping[_Place, Deviation]:
    worst: dict[_Place, Deviation] = {}
    for deviation in deviations:
        place = (deviation.kind, deviation.place)
        if place not in worst or worst[place].severity is Verdict.WARN:
            worst[place] = deviation
    return worst


def _join(discrepancy: Discrepancy, inspection: Foldable, deviation: Deviation) -> None:
    discrepancy.last_seen_at = inspection.captured_at
    discrepancy.last_inspection_id = inspection.inspection_id
    discrepancy.seen_count += 1
    discrepancy.clean_count = 0
    discrepancy.detail = deviation.detail[:_DETAIL_LENGTH]
    if deviation.severity is Verdict.FAIL:
        discrepancy.severity = Verdict.FAIL.value
    discrepancy.revision += 1


def _open(
    session: Session, inspection: Foldable, deviation: Deviation, streak: Streak
) -> Discrepancy:
    discrepancy = Discrepancy(
        station_id=inspection.station_id,
        kind=deviation.kind,
        place=deviation.place,
        severity=deviation.severity.value,
        state=DiscrepancyState.OPEN.value,
        detail=deviation.detail[:_DETAIL_LENGTH],
        opened_at=streak.first_seen_at,
        last_seen_at=inspection.captured_at,
        first_inspection_id=streak.first_inspection_id,
        last_inspection_id=inspection.inspection_id,
        seen_count=streak.count,
        clean_count=0,
        revision=1,
    )
    session.add(discrepancy)
    session.flush()
    _note(session, discrepancy, "opened", inspection)
    write_alert(session, discrepancy, "discrepancy.opened")
    return discrepancy


def _resolve(session: Session, discrepancy: Discrepancy, inspection: Foldable) -> None:
    discrepancy.state = DiscrepancyState.RESOLVED.value
    discrepancy.closed_at = inspection.captured_at
    # Lineside itself did it, whoever had acknowledged it before.
    discrepancy.actor = None
    discrepancy.revision += 1
    _note(session, discrepancy, "resolved", inspection)
    # At once: should the place deviate again in this transaction, its next discrepancy would
    # be inserted before this one is updated, and only one may be unresolved.
    session.flush()
    write_alert(session, discrepancy, "discrepancy.resolved")


def _note(session: Session, discrepancy: Discrepancy, action: str, inspection: Foldable) -> None:
    session.add(
        DiscrepancyEvent(
            discrepancy_id=discrepancy.id,
            action=action,
            inspection_id=inspection.inspection_id,
            at=inspection.captured_at,
        )
    )
