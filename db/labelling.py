"""Taking up a picture to be labelled. No session is held while an image is read."""

from __future__ import annotations

from pathlib import PurePosixPath

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.engine import Database
from db.errors import WrongState
from db.frames import FrameMissing, FrameStore
from db.models import Acquisition, Inspection, LabelledImage
from db.queries.inspections import get_acquisition
from db.queries.label_queue import close_reviews
from db.queries.labels import DONE
from inspection.image_file import ImageRefused, check_image

# Neighbours of a sequence look alike, and are never learnt and measured at once. So many frames
# are one group; what is alike across two groups is found by its look when a snapshot is made.
GROUP_FRAMES = 50


def take_up(database: Database, store: FrameStore, acquisition_id: int, by: str) -> int:
    """The picture of an acquisition among the labelled ones; it is added where it is new.

    The same bytes at the same station are one picture, whichever acquisition brought them. Of one
    that is done already, what asks for labels in the review queue is closed.

    Returns:
        The picture's id.

    Raises:
        NotFound: there is no such acquisition.
        FrameMissing: its image is not stored, or not any more.
        WrongState: its image cannot be read.
    """
    with database.reads() as session:
        acquisition = get_acquisition(session, acquisition_id)
        found = _labelled(session, acquisition)
        size_wh = _known_size(session, acquisition_id)
    if found is None:
        if acquisition.image_key is None:
            raise FrameMissing("purged")
        if size_wh is None:
            size_wh = _read_size(store, acquisition.image_key, acquisition_id)
    with database.sessions.begin() as session:
        acquisition = get_acquisition(session, acquisition_id)
        image = _labelled(session, acquisition)
        if image is None and size_wh is not None:
            image = _new(acquisition, size_wh, by)
            session.add(image)
            session.flush()
        if image is None:
            raise FrameMissing("purged")
        if image.state == DONE:
            close_reviews(session, image, by)
        return image.id


def split_group(acquisition: Acquisition) -> str:
    """What a picture may not be parted from: its part's others, else its neighbours in time."""
    if acquisition.part_id is not None:
        return f"part-{acquisition.part_id}"
    return f"camera-{acquisition.camera_id}-{acquisition.sequence // GROUP_FRAMES}"


def _labelled(session: Session, acquisition: Acquisition) -> LabelledImage | None:
    same = LabelledImage.acquisition_id == acquisition.id
    if acquisition.image_sha256 is not None:
        same = or_(
            same,
            (LabelledImage.station_id == acquisition.station_id)
            & (LabelledImage.image_sha256 == acquisition.image_sha256),
        )
    return session.scalars(select(LabelledImage).where(same).order_by(LabelledImage.id)).first()


def _known_size(session: Session, acquisition_id: int) -> tuple[int, int] | None:
    row = session.execute(
        select(Inspection.image_width_px, Inspection.image_height_px).where(
            Inspection.acquisition_id == acquisition_id
        )
    ).one_or_none()
    if row is None or row[0] is None or row[1] is None:
        return None
    return row[0], row[1]


def _read_size(store: FrameStore, key: str, acquisition_id: int) -> tuple[int, int]:
    try:
        return check_image(store.get(key)).upright_wh
    except ImageRefused as error:
        raise WrongState("image", acquisition_id, error.reason, ("readable",)) from error


def _new(acquisition: Acquisition, size_wh: tuple[int, int], by: str) -> LabelledImage:
    key = acquisition.image_key or ""
    return LabelledImage(
        station_id=acquisition.station_id,
        acquisition_id=acquisition.id,
        name=f"{acquisition.id:08d}{PurePosixPath(key).suffix}",
        image_key=key,
        image_sha256=acquisition.image_sha256 or "",
        width_px=size_wh[0],
        height_px=size_wh[1],
        split_group=split_group(acquisition),
        captured_at=acquisition.captured_at,
        updated_by=by[:100],
    )
