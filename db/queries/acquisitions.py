"""Accepting frames: from the commit of `accept` on, nothing may lose them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.base import utc_now
from db.bell import INSPECT_QUEUE
from db.frames import StoredImage
from db.models import Acquisition, Camera, Inspection
from db.queries.acquisition_errors import Held, KeyReused, NoRecipe, NotResendable, UnknownCamera
from db.queries.frame_policy import SUPERSEDED, LockedCamera, lock_cameras, make_room
from db.queries.inserting import insert_for_ids
from db.queries.parts import lot_ids, note_arrivals, part_ids
from db.queries.results import InspectedFrame, NewInspection, insert_inspections
from inspection.judgement import Judgement
from inspection.verdicts import AcquisitionState, Reason, Verdict

__all__ = [
    "Accepted",
    "Held",
    "KeyReused",
    "NewAcquisition",
    "NoRecipe",
    "NotResendable",
    "UnknownCamera",
    "accept",
    "resend",
]

_StationKey = tuple[int, str]  # station id, idempotency key


@dataclass(frozen=True)
class NewAcquisition:
    """A frame that ought to be inspected, or that already is known not to be (`refusal`)."""

    camera_id: int
    captured_at: datetime
    image: StoredImage | None
    part_serial: str | None = None
    lot_code: str | None = None
    idempotency_key: str | None = None
    parent_id: int | None = None
    refusal: tuple[Reason, str] | None = None
    image_is_own: bool = False  # written by a camera's process, and by nobody outside


@dataclass(frozen=True)
class Accepted:
    acquisition_id: int
    sequence: int
    repeated: bool  # the idempotency key had been accepted before


def accept(session: Session, news: Sequence[NewAcquisition]) -> list[Accepted]:
    """Write acquisitions in the order given; all of them or, where one raises, none.

    A camera's sequence numbers come from this transaction, so that they have no gaps. What is
    more than `max_waiting` gives way here (`latest`) or is held back (`every`).

    Raises:
        Held: the policy is `every` and there is no room for all of them.
        NoRecipe, UnknownCamera: nothing could ever judge them.
        KeyReused: an idempotency key came with an image other than the first.
        ValueError: one without image has no refusal.
    """
    for new in news:
        if new.image is None and new.refusal is None:
            raise ValueError("expected an image or a refusal, got neither")
    with_keys = any(new.idempotency_key is not None for new in news)
    cameras = lock_cameras(session, {new.camera_id for new in news}, with_stations=with_keys)
    known = _known(session, cameras, news) if with_keys else {}
    fresh: list[NewAcquisition] = []
    expected: set[_StationKey] = set(known)
    for new in news:
        key = _station_key(cameras, new)
        if key is None or key not in expected:
            fresh.append(new)
        if key is not None:
            expected.add(key)  # a second one in this very batch repeats the first
    coming = Counter(new.camera_id for new in fresh if new.refusal is None)
    fresh = _give_way(fresh, make_room(session, cameras, coming))
    written = iter(_write(session, cameras, fresh))
    answers: list[Accepted] = []
    for new in news:
        key = _station_key(cameras, new)
        if key is not None and key in known:
            answers.append(known[key])
            continue
        answer = next(written)
        answers.append(answer)
        if key is not None:
            known[key] = replace(answer, repeated=True)
    return answers


def resend(session: Session, acquisition_id: int) -> Accepted:
    """Send what was not inspected again, as a new acquisition that names its parent.

    The first verdict stays. The new one is judged by the recipe that the station has now.

    Raises:
        NotResendable: there is no such acquisition, it was inspected, or its image is gone.
        Held, NoRecipe: as `accept`.
    """
    row = session.execute(
        select(Acquisition, Inspection.verdict)
        .outerjoin(Inspection, Inspection.acquisition_id == Acquisition.id)
        .where(Acquisition.id == acquisition_id)
    ).one_or_none()
    if row is None:
        raise NotResendable(acquisition_id, "there is none of that id")
    old, verdict = row
    if verdict != Verdict.NOT_INSPECTED:
        raise NotResendable(acquisition_id, f"its verdict is {verdict or 'not there yet'}")
    if old.image_key is None or old.image_sha256 is None:
        raise NotResendable(acquisition_id, "its image is gone")
    image = StoredImage(old.image_key, old.image_sha256, old.image_bytes)
    new = NewAcquisition(
        old.camera_id,
        old.captured_at,
        image,
        parent_id=old.id,
        image_is_own=old.image_is_own,
    )
    (accepted,) = accept(session, [new])
    session.execute(
        update(Acquisition)
        .where(Acquisition.id == accepted.acquisition_id)
        .values(part_id=old.part_id, lot_id=old.lot_id)
    )
    return accepted


def _station_key(cameras: Mapping[int, LockedCamera], new: NewAcquisition) -> _StationKey | None:
    if new.idempotency_key is None:
        return None
    return cameras[new.camera_id].station_id, new.idempotency_key


def _known(
    session: Session, cameras: Mapping[int, LockedCamera], news: Sequence[NewAcquisition]
) -> dict[_StationKey, Accepted]:
    images = {key: new.image for new in news if (key := _station_key(cameras, new)) is not None}
    rows = session.execute(
        select(
            Acquisition.id,
            Acquisition.sequence,
            Acquisition.station_id,
            Acquisition.idempotency_key,
            Acquisition.image_sha256,
        ).where(
            Acquisition.station_id.in_({station_id for station_id, _ in images}),
            Acquisition.idempotency_key.in_({key for _, key in images}),
        )
    )
    known: dict[_StationKey, Accepted] = {}
    for acquisition_id, sequence, station_id, text, sha256 in rows:
        key = (station_id, str(text))
        if key not in images:
            continue
        image = images[key]
        if image is not None and sha256 is not None and image.sha256 != sha256:
            raise KeyReused(key[1], acquisition_id)
        known[key] = Accepted(acquisition_id, sequence, repeated=True)
    return known


def _give_way(fresh: Sequence[NewAcquisition], too_many: dict[int, int]) -> list[NewAcquisition]:
    """Refuse the oldest of a batch that is larger than what may wait."""
    left = dict(too_many)
    answer: list[NewAcquisition] = []
    for new in fresh:
        if new.refusal is None and left.get(new.camera_id, 0) > 0:
            left[new.camera_id] -= 1
            new = replace(new, refusal=SUPERSEDED)
        answer.append(new)
    return answer


def _write(
    session: Session, cameras: Mapping[int, LockedCamera], fresh: Sequence[NewAcquisition]
) -> list[Accepted]:
    if not fresh:
        return []
    lots = lot_ids(session, {new.lot_code for new in fresh if new.lot_code})
    lots_by_serial = {
        new.part_serial: lots.get(new.lot_code or "") for new in fresh if new.part_serial
    }
    parts = part_ids(session, lots_by_serial)
    received_at = utc_now()
    next_sequence = {camera.camera_id: camera.next_sequence for camera in cameras.values()}
    rows: list[dict[str, Any]] = []
    for new in fresh:
        camera = cameras[new.camera_id]
        state = AcquisitionState.WAITING if new.refusal is None else AcquisitionState.DONE
        rows.append(
            {
                "station_id": camera.station_id,
                "camera_id": camera.camera_id,
                "sequence": next_sequence[camera.camera_id],
                "queue": INSPECT_QUEUE,
                "recipe_version_id": camera.recipe_version_id,
                "captured_at": new.captured_at,
                "received_at": received_at,
                "image_key": new.image.key if new.image else None,
                "image_sha256": new.image.sha256 if new.image else None,
                "image_bytes": new.image.size_bytes if new.image else 0,
                "image_is_own": new.image_is_own,
                "part_id": parts.get(new.part_serial or ""),
                "lot_id": lots.get(new.lot_code or ""),
                "parent_id": new.parent_id,
                "idempotency_key": new.idempotency_key,
                "state": state.value,
            }
        )
        next_sequence[camera.camera_id] += 1
    ids = insert_for_ids(session, Acquisition, rows)
    note_arrivals(
        session,
        (
            (row["part_id"], row["station_id"], row["captured_at"])
            for row in rows
            if row["part_id"] is not None
        ),
    )
    for camera_id in sorted({new.camera_id for new in fresh}):
        session.execute(
            update(Camera)
            .where(Camera.id == camera_id)
            .values(next_sequence=next_sequence[camera_id])
            .execution_options(synchronize_session=False)
        )
    accepted = [
        Accepted(id_, row["sequence"], repeated=False) for id_, row in zip(ids, rows, strict=True)
    ]
    refused = [
        NewInspection(
            InspectedFrame(
                answer.acquisition_id,
                row["station_id"],
                row["camera_id"],
                row["sequence"],
                row["captured_at"],
                row["recipe_version_id"],
                row["image_sha256"],
            ),
            Judgement.not_inspected(*new.refusal),
        )
        for new, row, answer in zip(fresh, rows, accepted, strict=True)
        if new.refusal is not None
    ]
    insert_inspections(session, refused)
    return accepted
