"""Looking at cameras, and switching them on and off. Ingest's side is in `cameras`."""

from datetime import UTC, datetime

from sqlalchemy import false, select
from sqlalchemy.orm import Session

from db.base import utc_now
from db.errors import NotFound
from db.models import Camera, CameraMinute
from db.paging import Page, page_of_entities
from db.queries.camera_states import write_beat, write_state
from inspection.verdicts import CameraState

_LAST_SECOND = 253_402_300_799  # of the year 9999, after which there is no datetime
_SMOOTHING = 0.2  # weight of the newest interval in the mean


def list_cameras(
    session: Session, *, station_id: int | None = None, after: int | None, limit: int
) -> Page[Camera]:
    statement = select(Camera)
    if station_id is not None:
        statement = statement.where(Camera.station_id == station_id)
    return page_of_entities(session, Camera, statement, Camera.id, after=after, limit=limit)


def get_camera(session: Session, ref: str) -> Camera:
    """A camera by its id or key.

    Raises:
        NotFound: there is none.
    """
    # Keys made by the API begin with a letter, so that digits alone are an id.
    is_id = ref.isascii() and ref.isdigit()
    which = Camera.key == ref
    if is_id:
        which = Camera.id == int(ref) if len(ref) < 19 else false()
    camera = session.scalars(select(Camera).where(which)).one_or_none()
    if camera is None:
        raise NotFound("camera", ref)
    return camera


def set_enabled(session: Session, ref: str, enabled: bool) -> Camera:
    """Switch a camera on or off; ingest follows within seconds. Twice is as good as once.

    Raises:
        NotFound: there is none.
    """
    camera = get_camera(session, ref)
    if camera.enabled != enabled:
        camera.enabled = enabled
        session.flush()
        state = CameraState.OFFLINE if enabled else CameraState.DISABLED
        reason = "not started yet" if enabled else "switched off"
        write_state(session, camera.id, state, reason, utc_now())
        session.refresh(camera)
    return camera


def saw_push(session: Session, camera: Camera) -> None:
    """A push camera has no process of its own: it is online when somebody pushes."""
    now = utc_now()
    interval_s = camera.interval_s
    if camera.heartbeat_at is not None:
        gap_s = max(0.0, (now - camera.heartbeat_at).total_seconds())
        old = gap_s if interval_s is None else interval_s
        interval_s = (1 - _SMOOTHING) * old + _SMOOTHING * gap_s
    write_beat(session, camera.id, now, interval_s)
    write_state(session, camera.id, CameraState.ONLINE, "frames are pushed", now)


def list_minutes(
    session: Session, camera_id: int, *, after: int | None, limit: int
) -> Page[CameraMinute]:
    """Minutes with frames that could have no row, the newest first.

    `after` is the Unix time of the last minute seen; a page ends with a whole minute, so that it
    may be longer than `limit` by that minute's other reasons.
    """
    statement = select(CameraMinute).where(CameraMinute.camera_id == camera_id)
    if after is not None:
        seen = datetime.fromtimestamp(min(after, _LAST_SECOND), UTC)
        statement = statement.where(CameraMinute.minute < seen)
    ordered = statement.order_by(CameraMinute.minute.desc(), CameraMinute.reason)
    rows = list(session.scalars(ordered.limit(limit + 1)))
    if len(rows) <= limit:
        return Page(rows, None)
    last = rows[limit - 1].minute
    rest = select(CameraMinute).where(
        CameraMinute.camera_id == camera_id, CameraMinute.minute == last
    )
    rows = [row for row in rows[:limit] if row.minute != last]
    rows += session.scalars(rest.order_by(CameraMinute.reason))
    return Page(rows, int(last.timestamp()))
