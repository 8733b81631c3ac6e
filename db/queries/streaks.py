"""Deviations in a row that have not opened a discrepancy yet, by camera and place."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from db.models import DeviationStreak

_Place = tuple[str, str]  # kind, place


@dataclass(frozen=True)
class Streak:
    count: int
    first_seen_at: datetime
    first_inspection_id: int


class Streaks:
    """The streaks of some cameras, read at once and written back where they changed.

    Where one deviating inspection opens a discrepancy, no row is ever written.
    """

    def __init__(self, session: Session, camera_ids: Collection[int]) -> None:
        self._session = session
        self._before: dict[int, dict[_Place, Streak]] = {id_: {} for id_ in camera_ids}
        for row in session.scalars(
            select(DeviationStreak).where(DeviationStreak.camera_id.in_(camera_ids))
        ):
            self._before[row.camera_id][row.kind, row.place] = Streak(
                row.count, row.first_seen_at, row.first_inspection_id
            )
        self._now = {camera_id: dict(places) for camera_id, places in self._before.items()}

    def break_off(
        self,
        camera_id: int,
        *,
        keep: Collection[_Place],
        unsettled: Collection[str] = (),
    ) -> None:
        """End the streaks of all places that were clean; those that were not seen go on."""
        self._now[camera_id] = {
            place: streak
            for place, streak in self._now[camera_id].items()
            if place in keep or place[1] in unsettled
        }

    def extend(
        self, camera_id: int, place: _Place, captured_at: datetime, inspection_id: int
    ) -> Streak:
        streak = self._now[camera_id].get(place)
        if streak is None:
            streak = Streak(1, captured_at, inspection_id)
        else:
            streak = replace(streak, count=streak.count + 1)
        self._now[camera_id][place] = streak
        return streak

    def end(self, camera_id: int, place: _Place) -> None:
        """It has opened a discrepancy."""
        self._now[camera_id].pop(place, None)

    def write(self) -> None:
        for camera_id, places in self._now.items():
            if places == self._before[camera_id]:
                continue
            self._session.execute(
                delete(DeviationStreak)
                .where(DeviationStreak.camera_id == camera_id)
                .execution_options(synchronize_session=False)
            )
            rows = [
                {
                    "camera_id": camera_id,
                    "kind": kind,
                    "place": place,
                    "count": streak.count,
                    "first_seen_at": streak.first_seen_at,
                    "first_inspection_id": streak.first_inspection_id,
                }
                for (kind, place), streak in places.items()
            ]
            if rows:
                self._session.execute(insert(DeviationStreak), rows)
