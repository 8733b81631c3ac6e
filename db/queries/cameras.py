"""Cameras: adding them, what ingest runs, and what it has taken from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.base import utc_now
from db.camera_options import CameraOptions
from db.credentials import SecretBox, split_url
from db.models import (
    Acquisition,
    Camera,
    CameraMinute,
    RecipeVersion,
    Station,
)
from inspection.recipe import FramePolicy
from inspection.verdicts import CameraState

KINDS = ("file", "folder", "rtsp", "usb", "push", "sample-surfaces", "sample-shelf")


class CameraExists(Exception):
    """Another camera has that key; keys are unique over all sites."""

    def __init__(self, key: str) -> None:
        super().__init__(f"there is a camera {key!r} already; camera keys are unique")
        self.key = key


class UnknownKind(ValueError):
    def __init__(self, kind: str) -> None:
        super().__init__(f"expected a camera kind out of {', '.join(KINDS)}, got {kind!r}")
        self.kind = kind


@dataclass(frozen=True)
class CameraSpec:
    """What ingest must know to run a camera. `secret` is encrypted still."""

    camera_id: int
    key: str
    station_id: int
    kind: str
    source: str
    secret: str | None
    options: CameraOptions
    frames: FramePolicy | None  # None: the station has no active recipe
    model: str | None  # `Recipe.engine_key`, where the model alone looks at the pixels
    state: CameraState
    next_sequence: int


@dataclass(frozen=True)
class LastFrame:
    """The newest acquisition of a source's present play."""

    captured_at: datetime
    image_sha256: str | None


def add_camera(
    session: Session,
    station_id: int,
    key: str,
    kind: str,
    source: str = "",
    *,
    box: SecretBox | None = None,
    name: str = "",
    options: Mapping[str, Any] | None = None,
) -> Camera:
    """Add a camera to a station. User and password in a URL go into `secret`, encrypted.

    Args:
        source: path, device or URL; nothing for `push` and the samples.
        box: needed where the URL holds a password.
        options: fields of `CameraOptions`.

    Raises:
        CameraExists: the key is taken.
        UnknownKind, BadSourceUrl: the kind or URL cannot be used.
        ValueError: there is a password and no box, or the options do not validate.
    """
    if kind not in KINDS:
        raise UnknownKind(kind)
    checked = CameraOptions.model_validate(dict(options or {}))
    bare, secret = _hide(source, box)
    camera = Camera(
        station_id=station_id,
        key=key,
        name=name or key,
        kind=kind,
        source=bare,
        secret=secret,
        options=checked.model_dump(mode="json", exclude_defaults=True),
    )
    if session.scalar(select(Camera.id).where(Camera.key == key)) is not None:
        raise CameraExists(key)
    try:
        with session.begin_nested():  # somebody else may add it between the look and the insert
            session.add(camera)
    except IntegrityError as error:
        if session.scalar(select(Camera.id).where(Camera.key == key)) is None:
            raise
        raise CameraExists(key) from error
    return camera


def change_source(
    session: Session,
    camera: Camera,
    kind: str,
    source: str,
    *,
    box: SecretBox | None = None,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Give a camera another source, or the same one anew: it plays from the start."""
    if kind not in KINDS:
        raise UnknownKind(kind)
    camera.kind = kind
    camera.source, camera.secret = _hide(source, box)
    checked = CameraOptions.model_validate(
        dict(options or {}) | {"from_sequence": camera.next_sequence, "started_at": None}
    )
    camera.options = checked.model_dump(mode="json", exclude_defaults=True)
    camera.state, camera.state_reason = CameraState.OFFLINE, "not started yet"
    camera.state_since = utc_now()
    session.flush()


def cameras_to_run(session: Session, keys: Collection[str] = ()) -> list[CameraSpec]:
    """The enabled cameras that ingest fetches frames from, all of them or those of `keys`."""
    wanted = (
        select(Camera, RecipeVersion.body, RecipeVersion.model)
        .join(Station, Station.id == Camera.station_id)
        .outerjoin(RecipeVersion, RecipeVersion.id == Station.recipe_version_id)
        .where(Camera.enabled, Camera.kind != "push")
        .order_by(Camera.id)
    )
    if keys:
        wanted = wanted.where(Camera.key.in_(keys))
    return [
        CameraSpec(
            camera_id=camera.id,
            key=camera.key,
            station_id=camera.station_id,
            kind=camera.kind,
            source=camera.source,
            secret=camera.secret,
            options=CameraOptions.model_validate(camera.options),
            frames=None if body is None else FramePolicy.model_validate(body.get("frames", {})),
            # A shelf is also found again by its picture, and motion seen in it.
            model=None if body is None or body.get("positions") else model,
            state=CameraState(camera.state),
            next_sequence=camera.next_sequence,
        )
        for camera, body, model in session.execute(wanted)
    ]


def add_minutes(
    session: Session, camera_id: int, counts: Mapping[tuple[datetime, str], int]
) -> None:
    """Add to the counts of frames without a row, by minute and reason."""
    if not counts:
        return
    rows = [
        {"camera_id": camera_id, "minute": minute, "reason": reason, "count": count}
        for (minute, reason), count in sorted(counts.items())
    ]
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(CameraMinute)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["camera_id", "minute", "reason"],
            set_={"count": CameraMinute.count + statement.excluded.count},
        ),
        rows,
    )


def begin_play(session: Session, camera_id: int, started_at: datetime) -> datetime:
    """When the present play of a source began: `started_at`, unless it had begun before."""
    camera = session.get_one(Camera, camera_id)
    options = CameraOptions.model_validate(camera.options)
    if options.started_at is not None:
        return options.started_at
    camera.options = dict(camera.options) | {"started_at": started_at.isoformat()}
    return started_at


def last_frame(session: Session, camera_id: int, from_sequence: int) -> LastFrame | None:
    """The newest acquisition of the present play, from which the source goes on."""
    row = session.execute(
        select(Acquisition.captured_at, Acquisition.image_sha256)
        .where(Acquisition.camera_id == camera_id, Acquisition.sequence >= from_sequence)
        .order_by(Acquisition.sequence.desc())
        .limit(1)
    ).first()
    return None if row is None else LastFrame(*row)


def played_keys(session: Session, camera_id: int, from_sequence: int) -> set[str]:
    """The idempotency keys of the present play: of a folder, which files it has given."""
    keys = session.scalars(
        select(Acquisition.idempotency_key).where(
            Acquisition.camera_id == camera_id, Acquisition.sequence >= from_sequence
        )
    )
    return {key for key in keys if key is not None}


def _hide(source: str, box: SecretBox | None) -> tuple[str, str | None]:
    if "://" not in source:
        return source, None
    split = split_url(source)
    if split.secret is None:
        return split.url, None
    if box is None:
        raise ValueError("expected a SecretBox for a URL with a password, got none")
    return split.url, box.lock(split.secret)
