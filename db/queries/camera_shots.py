"""Test shots: somebody asks for a picture in a row, and ingest answers in it.

Pages have no way to a camera, and need none: what a camera gives passes through the one process
that opens cameras. Nothing of a shot is an acquisition.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db.base import utc_now
from db.camera_options import CameraOptions
from db.credentials import redact
from db.errors import Conflict, NotFound
from db.models import Camera, CameraShot

ASKED, TAKING, DONE, FAILED = "asked", "taking", "done", "failed"
# From the asking to the answer; who asked is told then that there is none.
LIMIT_S = 25.0
_KEPT = 10  # of each camera
_MAX_REASON = 300


@dataclass(frozen=True)
class ShotOrder:
    """What ingest must know to take one picture. `secret` is encrypted still."""

    shot_id: int
    camera_key: str
    kind: str
    source: str
    secret: str | None
    options: CameraOptions
    next_sequence: int


def ask_for_shot(session: Session, camera: Camera, by: str) -> CameraShot:
    """Ask for a picture; one that is asked for and not answered yet is the same.

    Raises:
        Conflict: the camera's frames are pushed, so that nobody here can fetch one.
    """
    if camera.kind == "push":
        raise Conflict("test shot", "frames of this camera are pushed; its newest frame is shown")
    newest = newest_shot(session, camera.id)
    if newest is not None and newest.state in (ASKED, TAKING) and not overdue(newest, utc_now()):
        return newest
    old = select(CameraShot.id).where(CameraShot.camera_id == camera.id)
    keep = session.scalars(old.order_by(CameraShot.id.desc()).limit(_KEPT)).all()
    if len(keep) == _KEPT:
        session.execute(
            delete(CameraShot).where(CameraShot.camera_id == camera.id, CameraShot.id < keep[-1])
        )
    shot = CameraShot(camera_id=camera.id, asked_at=utc_now(), asked_by=by[:200])
    session.add(shot)
    session.flush()
    return shot


def newest_shot(session: Session, camera_id: int) -> CameraShot | None:
    return session.scalars(
        select(CameraShot)
        .where(CameraShot.camera_id == camera_id)
        .order_by(CameraShot.id.desc())
        .limit(1)
    ).one_or_none()


def get_shot(session: Session, shot_id: int) -> CameraShot:
    """Raises NotFound."""
    shot = session.scalars(select(CameraShot).where(CameraShot.id == shot_id)).one_or_none()
    if shot is None:
        raise NotFound("test shot", shot_id)
    return shot


def overdue(shot: CameraShot, now: datetime) -> bool:
    """Whether it has waited so long that no answer will come: ingest does not run, or hangs."""
    return shot.state in (ASKED, TAKING) and now - shot.asked_at > timedelta(seconds=LIMIT_S)


def take_orders(session: Session, *, limit: int = 4) -> list[ShotOrder]:
    """The shots that are asked for, which now are this process's to take.

    What was asked for too long ago is left alone: nobody waits for it any more.
    """
    since = utc_now() - timedelta(seconds=LIMIT_S)
    rows = session.execute(
        select(CameraShot, Camera)
        .join(Camera, Camera.id == CameraShot.camera_id)
        .where(CameraShot.state == ASKED, CameraShot.asked_at > since)
        .order_by(CameraShot.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=CameraShot)
    ).all()
    orders = []
    for shot, camera in rows:
        shot.state = TAKING
        orders.append(
            ShotOrder(
                shot.id,
                camera.key,
                camera.kind,
                camera.source,
                camera.secret,
                CameraOptions.model_validate(camera.options),
                camera.next_sequence,
            )
        )
    return orders


def any_asked(session: Session) -> bool:
    """Whether somebody waits for a picture: a look that takes no lock."""
    asked = select(CameraShot.id).where(CameraShot.state == ASKED).limit(1)
    return session.scalar(asked) is not None


def answer_shot(
    session: Session,
    shot_id: int,
    *,
    image_key: str | None = None,
    size_wh: tuple[int, int] | None = None,
    reason: str = "",
) -> bool:
    """Write a picture, or why there is none; False where it was answered already.

    Passwords in `reason` are blotted out.
    """
    width, height = size_wh or (None, None)
    answered = session.execute(
        update(CameraShot)
        .where(CameraShot.id == shot_id, CameraShot.state.in_([ASKED, TAKING]))
        .values(
            state=DONE if image_key else FAILED,
            image_key=image_key,
            image_width_px=width,
            image_height_px=height,
            reason=redact(reason)[:_MAX_REASON],
            answered_at=utc_now(),
        )
        .returning(CameraShot.id)
        .execution_options(synchronize_session=False)
    )
    return answered.first() is not None
