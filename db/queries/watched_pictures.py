"""Which pictures are watched: few and far between, so that no frame waits for it.

One each 150 s of a camera, more often until it has a reference of its station's recipe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.models import Acquisition, Camera, ImageStatistic, Inspection, Station, StationReference

EVERY = timedelta(seconds=150)
EVERY_AT_FIRST = timedelta(seconds=20)  # until there is a reference
_LOOK_BACK = timedelta(hours=1)


@dataclass(frozen=True)
class Wanted:
    """A picture that is to be watched, and the one that it is held against."""

    inspection_id: int
    camera_id: int
    captured_at: datetime
    image_key: str
    reference_key: str | None


def wanted_pictures(session: Session, *, most: int = 1000) -> list[Wanted]:
    """The newest picture of each camera of which none was watched lately."""
    newest = (
        select(func.max(ImageStatistic.captured_at))
        .where(ImageStatistic.camera_id == Camera.id)
        .correlate(Camera)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Camera.id, Camera.station_id, newest, StationReference, Station.recipe_version_id)
        .join(Station, Station.id == Camera.station_id)
        .outerjoin(
            StationReference,
            (StationReference.camera_id == Camera.id) & StationReference.ended_at.is_(None),
        )
        .order_by(Camera.id)
    ).all()
    found: list[Wanted] = []
    for camera_id, station_id, watched_to, reference, version_id in rows:
        settled = reference is not None and reference.recipe_version_id == version_id
        after = watched_to + (EVERY if settled else EVERY_AT_FIRST) if watched_to else None
        picture = _newest_picture(session, station_id, camera_id, after)
        if picture is not None:
            key = reference.image_key if reference is not None else None
            found.append(Wanted(picture[0], camera_id, picture[1], picture[2], key))
            if len(found) == most:
                break
    return found


def any_waiting(session: Session) -> bool:
    return bool(wanted_pictures(session, most=1))


def write_statistic(
    session: Session, wanted: Wanted, values: Mapping[str, float], cells: str
) -> None:
    """Keep the figures of a picture; two workers may have looked at the same one."""
    if session.get(ImageStatistic, wanted.inspection_id) is None:
        session.add(
            ImageStatistic(
                inspection_id=wanted.inspection_id,
                camera_id=wanted.camera_id,
                captured_at=wanted.captured_at,
                values=dict(values),
                cells=cells,
            )
        )


def _newest_picture(
    session: Session, station_id: int, camera_id: int, after: datetime | None
) -> tuple[int, datetime, str] | None:
    since = utc_now() - _LOOK_BACK
    row = session.execute(
        select(Inspection.id, Inspection.captured_at, Acquisition.image_key)
        .join(Acquisition, Acquisition.id == Inspection.acquisition_id)
        .where(
            Inspection.station_id == station_id,
            Inspection.camera_id == camera_id,
            Inspection.captured_at > (max(after, since) if after else since),
            Acquisition.image_key.is_not(None),
        )
        .order_by(Inspection.captured_at.desc(), Inspection.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else (row[0], row[1], str(row[2]))
