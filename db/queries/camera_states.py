"""How a camera is, as its process says it: the state it is in, those before, and signs of life."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, insert, literal, select, update
from sqlalchemy.orm import Session

from db.credentials import redact
from db.models import Camera, CameraStateRow
from inspection.verdicts import CameraState

_MAX_REASON = 300
_STATES_KEPT = 300  # of each camera, besides the newest


def write_state(
    session: Session, camera_id: int, state: CameraState, reason: str, since: datetime
) -> bool:
    """Say how a camera is; False where it was so already. Passwords in `reason` are blotted out.

    One that has ended stays so when it goes offline: there is nothing more to come from it.
    """
    text = redact(reason)[:_MAX_REASON]
    news = (Camera.state != state.value) | (Camera.state_reason != text)
    if state is CameraState.OFFLINE:
        news &= Camera.state != CameraState.ENDED.value
    changed = session.execute(
        update(Camera)
        .where(Camera.id == camera_id, news)
        .values(
            state=state.value,
            state_reason=text,
            # Another reason for the same state does not begin the state anew.
            state_since=_case_same(state, since),
        )
        .returning(Camera.id)
        .execution_options(synchronize_session=False)
    )
    if changed.first() is None:
        return False
    _remember_state(session, camera_id, state, text, since)
    return True


def _remember_state(
    session: Session, camera_id: int, state: CameraState, reason: str, since: datetime
) -> None:
    """Keep what was said for the camera's history, of which the oldest goes."""
    of_camera = CameraStateRow.camera_id == camera_id
    oldest = session.scalar(
        select(CameraStateRow.id)
        .where(of_camera)
        .order_by(CameraStateRow.id.desc())
        .offset(_STATES_KEPT)
        .limit(1)
    )
    if oldest is not None:
        session.execute(
            delete(CameraStateRow)
            .where(of_camera, CameraStateRow.id <= oldest)
            .execution_options(synchronize_session=False)
        )
    session.execute(
        insert(CameraStateRow).values(
            camera_id=camera_id, state=state.value, reason=reason, since=since
        )
    )


def write_beat(
    session: Session, camera_id: int, heartbeat_at: datetime, interval_s: float | None
) -> None:
    """Say that a camera's process lives, and how many seconds lie between its acquisitions."""
    values: dict[str, object] = {"heartbeat_at": heartbeat_at}
    if interval_s is not None:
        values["interval_s"] = interval_s
    session.execute(update(Camera).where(Camera.id == camera_id).values(**values))


def _case_same(state: CameraState, since: datetime) -> Any:
    return case(
        (Camera.state == state.value, Camera.state_since),
        else_=literal(since, Camera.state_since.type),
    )
