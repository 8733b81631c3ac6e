"""The stored picture that something is drawn on: an acquisition's image, or a test shot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboards.lab.routes import number_asked
from dashboards.values import values
from db.frames import FrameMissing
from db.models import Acquisition, Inspection, Station
from db.queries import camera_shots, lab_places
from db.queries.inspections import get_acquisition
from inspection.image_file import ImageRefused, check_image

_WIDTH_PX = 1280


@dataclass(frozen=True)
class Backdrop:
    """Attributes:
    size_wh: of the upright image, px; None where it cannot be read.
    query: how the page's address names it.
    """

    url: str
    image_key: str
    size_wh: tuple[int, int] | None
    query: dict[str, int]
    acquisition_id: int | None = None


def chosen(session: Session, stations: Iterable[Station]) -> Backdrop | None:
    """The picture that the address names, else the newest of the stations that has one."""
    if shot_id := number_asked("shot"):
        return of_shot(session, shot_id)
    if acquisition_id := number_asked("acquisition"):
        return of_acquisition(session, acquisition_id)
    for station in stations:
        for camera in station.cameras:
            last = lab_places.last_inspected(session, camera.id)
            last = last or lab_places.last_stored(session, camera.id)
            if last is not None:
                return of_acquisition(session, last)
            shot = camera_shots.newest_shot(session, camera.id)
            if shot is not None and shot.image_key is not None:
                return of_shot(session, shot.id)
    return None


def of_shot(session: Session, shot_id: int) -> Backdrop | None:
    shot = camera_shots.get_shot(session, shot_id)
    if shot.image_key is None or shot.image_width_px is None or shot.image_height_px is None:
        return None
    return Backdrop(
        url_for("lab.cameras_shot_image", shot_id=shot.id),
        shot.image_key,
        (shot.image_width_px, shot.image_height_px),
        {"shot": shot.id},
    )


def of_acquisition(session: Session, acquisition_id: int) -> Backdrop | None:
    row: Acquisition = get_acquisition(session, acquisition_id)
    if row.image_key is None:
        return None
    size = session.execute(
        select(Inspection.image_width_px, Inspection.image_height_px).where(
            Inspection.acquisition_id == acquisition_id
        )
    ).one_or_none()
    width, height = (None, None) if size is None else (size[0], size[1])
    return Backdrop(
        url_for("inspections.image", acquisition_id=acquisition_id, w=_WIDTH_PX),
        row.image_key,
        (width, height) if width and height else _size_of(row.image_key),
        {"acquisition": acquisition_id},
        acquisition_id,
    )


def _size_of(image_key: str) -> tuple[int, int] | None:
    """The upright size of a picture that waits for its inspection, from the file itself."""
    try:
        return check_image(values().store.get(image_key)).upright_wh
    except (FrameMissing, ImageRefused):
        return None
