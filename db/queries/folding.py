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

from db.models import Camera, Station
from db.queries.standing import Board, Place, Standing
from db.queries.streaks import Streak, Streaks
from inspection.judgement import Deviation
from inspection.recipe import DiscrepancyPolicy
from inspection.verdicts import DiscrepancyState, Verdict

_DETAIL_LENGTH = 500  # of the column


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
    # Places of which this scan says nothing, for something moves before them: what is known of
    # them stays as it was.
    unsettled: frozenset[str] = frozenset()


@dataclass(frozen=True)
class DiscrepancyChange:
    """What live screens are told."""

    discrepancy_id: int
    station_id: int
    state: str


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
    board = Board(session, stations)
    streaks = Streaks(session, cameras)
    for inspection in sorted(inspections, key=lambda one: (one.camera_id, one.sequence)):
        if inspection.sequence > folded[inspection.camera_id]:
            folded[inspection.camera_id] = inspection.sequence
            _fold_one(inspection, board, streaks)
    board.write()
    streaks.write()
    for camera_id in cameras:
        if folded[camera_id] != before[camera_id]:
            session.execute(
                update(Camera)
                .where(Camera.id == camera_id)
                .values(folded_sequence=folded[camera_id])
                .execution_options(synchronize_session=False)
            )
    return [
        DiscrepancyChange(standing.id, standing.station_id, standing.state)
        for standing in board.changed()
        if standing.id is not None
    ]


def _fold_one(inspection: Foldable, board: Board, streaks: Streaks) -> None:
    unsettled = inspection.unsettled
    seen = _worst_by_place(
        [deviation for deviation in inspection.deviations if deviation.place not in unsettled]
    )
    unresolved = board.of_station(inspection.station_id)
    streaks.break_off(inspection.camera_id, keep=seen.keys(), unsettled=unsettled)
    for place, deviation in seen.items():
        if place in unresolved:
            _join(unresolved[place], inspection, deviation)
            continue
        streak = streaks.extend(
            inspection.camera_id, place, inspection.captured_at, inspection.inspection_id
        )
        if streak.count >= inspection.policy.open_after:
            streaks.end(inspection.camera_id, place)
            opened = _opened(inspection, deviation, streak)
            board.add(opened)
            board.note(opened, "opened", inspection.inspection_id, inspection.captured_at)
    for place, standing in list(unresolved.items()):
        if place in seen or standing.camera_id != inspection.camera_id:
            continue
        if standing.place in unsettled:
            continue
        standing.clean_count += 1
        standing.touched = True
        if standing.clean_count >= inspection.policy.resolve_after:
            _resolve(standing, inspection)
            board.take_out(standing)
            board.note(standing, "resolved", inspection.inspection_id, inspection.captured_at)


def _worst_by_place(deviations: Sequence[Deviation]) -> Mapping[Place, Deviation]:
    worst: dict[Place, Deviation] = {}
    for deviation in deviations:
        place = (deviation.kind, deviation.place)
        if place not in worst or worst[place].severity is Verdict.WARN:
            worst[place] = deviation
    return worst


def _join(standing: Standing, inspection: Foldable, deviation: Deviation) -> None:
    standing.last_seen_at = inspection.captured_at
    standing.last_inspection_id = inspection.inspection_id
    standing.camera_id = inspection.camera_id
    standing.seen_count += 1
    standing.clean_count = 0
    standing.detail = deviation.detail[:_DETAIL_LENGTH]
    if deviation.severity is Verdict.FAIL:
        standing.severity = Verdict.FAIL.value
    standing.revision += 1
    standing.touched = standing.changed = True


def _opened(inspection: Foldable, deviation: Deviation, streak: Streak) -> Standing:
    return Standing(
        station_id=inspection.station_id,
        kind=deviation.kind,
        place=deviation.place,
        severity=deviation.severity.value,
        state=DiscrepancyState.OPEN.value,
        detail=deviation.detail[:_DETAIL_LENGTH],
        opened_at=streak.first_seen_at,
        last_seen_at=inspection.captured_at,
        closed_at=None,
        first_inspection_id=streak.first_inspection_id,
        last_inspection_id=inspection.inspection_id,
        seen_count=streak.count,
        clean_count=0,
        actor=None,
        revision=1,
        camera_id=inspection.camera_id,
        changed=True,
    )


def _resolve(standing: Standing, inspection: Foldable) -> None:
    standing.state = DiscrepancyState.RESOLVED.value
    standing.closed_at = inspection.captured_at
    # Lineside itself did it, whoever had acknowledged it before.
    standing.actor = None
    standing.revision += 1
    standing.touched = standing.changed = True
