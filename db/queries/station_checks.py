"""Checks of a camera against its reference by the hour, and stations on hold by them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from db.models import Acquisition, Camera, Station, StationCheck, StationHold, StationReference
from db.queries.holds import holds_of, put_on_hold
from db.queries.station_references import sample_from_json, sample_of
from inspection.watching.check import LEAST_IMAGES, Check, Sample, check

# An alarm lasts when so many pictures in a row say it: forty minutes at one each 150 s.
LASTS_IMAGES = 16
_LASTS_WITHIN = timedelta(hours=2)


def check_hour(session: Session, reference: StationReference, hour: datetime) -> Check | None:
    """Check an hour, or what there is of it.

    None where too few pictures were watched, or none since it was checked.
    """
    until = hour + timedelta(hours=1)
    today = sample_of(session, reference.camera_id, max(hour, reference.until), until)
    if not today.values or len(today.values["focus"]) < LEAST_IMAGES:
        return None
    row = session.scalars(
        select(StationCheck).where(
            StationCheck.camera_id == reference.camera_id, StationCheck.hour == hour
        )
    ).one_or_none()
    images = len(today.values["focus"])
    if row is None:
        row = StationCheck(camera_id=reference.camera_id, hour=hour)
    elif (row.reference_id, row.images) == (reference.id, images):
        return None
    done = hold_against(session, reference, today)
    row.reference_id, row.images = reference.id, images
    row.results = {name: found.as_json() for name, found in done.found.items()}
    row.state = done.state.value
    session.add(row)
    session.flush()
    return done


def hold_against(session: Session, reference: StationReference, today: Sample) -> Check:
    """Check a sample; answers only where the station still runs the reference's recipe."""
    version_id = session.scalar(
        select(Station.recipe_version_id)
        .join(Camera, Camera.station_id == Station.id)
        .where(Camera.id == reference.camera_id)
    )
    before = sample_from_json(reference.statistics)
    return check(before, today, answers=version_id == reference.recipe_version_id)


def checks_since(
    session: Session, camera_ids: Sequence[int], since: datetime
) -> dict[int, list[StationCheck]]:
    """Checks of cameras, the oldest first."""
    found: dict[int, list[StationCheck]] = {camera_id: [] for camera_id in camera_ids}
    rows = session.scalars(
        select(StationCheck)
        .where(StationCheck.camera_id.in_(camera_ids), StationCheck.hour >= since)
        .order_by(StationCheck.hour)
    )
    for row in rows:
        found[row.camera_id].append(row)
    return found


def newest_checks(session: Session, camera_ids: Sequence[int]) -> dict[int, StationCheck]:
    """The newest check of each camera that has one."""
    other = aliased(StationCheck)
    newest = (
        select(func.max(other.hour))
        .where(other.camera_id == StationCheck.camera_id)
        .correlate(StationCheck)
        .scalar_subquery()
    )
    rows = session.scalars(
        select(StationCheck).where(
            StationCheck.camera_id.in_(camera_ids), StationCheck.hour == newest
        )
    )
    return {row.camera_id: row for row in rows}


def picture_of(session: Session, image_key: str) -> Acquisition | None:
    """An acquisition that shows a stored picture, for pages."""
    return session.scalars(
        select(Acquisition)
        .where(Acquisition.image_key == image_key)
        .order_by(Acquisition.id)
        .limit(1)
    ).one_or_none()


def newest_picture_of(session: Session, camera: Camera) -> int | None:
    """The acquisition of a camera's newest stored picture."""
    return session.scalar(
        select(Acquisition.id)
        .where(Acquisition.camera_id == camera.id, Acquisition.image_key.is_not(None))
        .order_by(Acquisition.id.desc())
        .limit(1)
    )


def begin_of_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def run_checks(session: Session, now: datetime) -> None:
    """Check the running hour and the one before it of every camera that has a reference."""
    for reference in session.scalars(
        select(StationReference).where(StationReference.ended_at.is_(None))
    ).all():
        for back in (1, 0):
            check_hour(session, reference, begin_of_hour(now) - timedelta(hours=back))


def put_untrusted_on_hold(session: Session, now: datetime) -> list[StationHold]:
    """Put stations on hold whose self-check alarms by the newest sixteen pictures of a camera.

    Only pictures count that were taken after the reference was made and after the last release:
    who releases a station is believed until there is something new to see.
    """
    made: list[StationHold] = []
    rows = session.execute(
        select(StationReference, Camera.station_id)
        .join(Camera, Camera.id == StationReference.camera_id)
        .where(StationReference.ended_at.is_(None))
        .order_by(StationReference.id)
    ).all()
    held = set(holds_of(session, [station_id for _, station_id in rows]))
    for reference, station_id in rows:
        if station_id in held:
            continue
        released = session.scalar(
            select(func.max(StationHold.ended_at)).where(StationHold.station_id == station_id)
        )
        since = max(filter(None, (reference.made_at, released, now - _LASTS_WITHIN)))
        today = sample_of(session, reference.camera_id, since, now, newest=LASTS_IMAGES)
        if len(today.values.get("focus", ())) < LASTS_IMAGES:
            continue
        alarms = hold_against(session, reference, today).alarms()
        if alarms:
            reason = f"self-check: {', '.join(alarms)}"
            made.append(put_on_hold(session, station_id, reason))
            held.add(station_id)
    return made
