"""How many acquisitions of a camera may wait, and what gives way to the next one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db.models import Acquisition, Camera, RecipeVersion, Station
from db.queries.acquisition_errors import Held, NoRecipe, UnknownCamera
from db.queries.results import InspectedFrame, write_not_inspected
from inspection.recipe import FramePolicy
from inspection.verdicts import AcquisitionState, Reason

SUPERSEDED = (Reason.SUPERSEDED, "a newer frame came before this one was inspected")


@dataclass(frozen=True)
class LockedCamera:
    """A camera as it stands until the end of the transaction."""

    camera_id: int
    station_id: int
    next_sequence: int
    recipe_version_id: int
    policy: FramePolicy


def lock_cameras(
    session: Session, camera_ids: Collection[int], *, with_stations: bool
) -> dict[int, LockedCamera]:
    """Lock cameras, in id order so that two batches never wait for each other.

    The lock is `FOR NO KEY UPDATE`, which lets others point at these rows meanwhile; SQLite has
    one writer at a time and needs none.

    Args:
        with_stations: lock their stations before them, for what must be unique in a station.

    Raises:
        UnknownCamera, NoRecipe.
    """
    ids = sorted(camera_ids)
    if with_stations:
        of_cameras = select(Camera.station_id).where(Camera.id.in_(ids))
        session.execute(
            select(Station.id)
            .where(Station.id.in_(of_cameras))
            .order_by(Station.id)
            .with_for_update(key_share=True)
        ).all()
    rows = session.execute(
        select(Camera.id, Camera.station_id, Camera.next_sequence)
        .where(Camera.id.in_(ids))
        .order_by(Camera.id)
        .with_for_update(key_share=True)
    ).all()
    recipes = {
        station_id: (version_id, body)
        for station_id, version_id, body in session.execute(
            select(Station.id, RecipeVersion.id, RecipeVersion.body)
            .join(RecipeVersion, RecipeVersion.id == Station.recipe_version_id)
            .where(Station.id.in_({row.station_id for row in rows}))
        )
    }
    cameras: dict[int, LockedCamera] = {}
    for camera_id, station_id, next_sequence in rows:
        if station_id not in recipes:
            raise NoRecipe(station_id)
        version_id, body = recipes[station_id]
        policy = FramePolicy.model_validate(body.get("frames", {}))
        cameras[camera_id] = LockedCamera(camera_id, station_id, next_sequence, version_id, policy)
    for camera_id in ids:
        if camera_id not in cameras:
            raise UnknownCamera(camera_id)
    return cameras


def make_room(
    session: Session, cameras: Mapping[int, LockedCamera], coming: Mapping[int, int]
) -> dict[int, int]:
    """Make room for `coming` acquisitions by camera; the oldest waiting ones are superseded.

    Returns how many of the coming ones, the oldest first, are themselves too many by camera.

    Raises:
        Held: a camera's policy is `every` and there is no room for all of them.
    """
    if not coming:
        return {}
    counted = session.execute(
        select(Acquisition.camera_id, func.count())
        .where(Acquisition.camera_id.in_(coming), Acquisition.state == AcquisitionState.WAITING)
        .group_by(Acquisition.camera_id)
    )
    waiting = dict(counted.all())
    too_many: dict[int, int] = {}
    for camera_id, wanted in coming.items():
        policy, there = cameras[camera_id].policy, waiting.get(camera_id, 0)
        excess = there + wanted - policy.max_waiting
        if excess <= 0:
            continue
        if policy.policy == "every":
            raise Held(camera_id, there, policy.max_waiting)
        if there:
            _supersede_oldest(session, camera_id, min(excess, there))
        too_many[camera_id] = max(0, excess - there)
    return too_many


def _supersede_oldest(session: Session, camera_id: int, count: int) -> None:
    # One that a worker is just claiming is locked and no longer waits: it is passed over.
    oldest = session.scalars(
        select(Acquisition.id)
        .where(Acquisition.camera_id == camera_id, Acquisition.state == AcquisitionState.WAITING)
        .order_by(Acquisition.sequence)
        .limit(count)
        .with_for_update(skip_locked=True)
    ).all()
    rows = session.execute(
        update(Acquisition)
        .where(Acquisition.id.in_(oldest), Acquisition.state == AcquisitionState.WAITING)
        .values(state=AcquisitionState.DONE.value)
        .returning(
            Acquisition.id,
            Acquisition.station_id,
            Acquisition.camera_id,
            Acquisition.sequence,
            Acquisition.captured_at,
            Acquisition.recipe_version_id,
            Acquisition.image_sha256,
        )
        .execution_options(synchronize_session=False)
    ).all()
    write_not_inspected(session, [InspectedFrame(*row) for row in rows], *SUPERSEDED)
