"""What the lab lists: stations with their cameras, recipes and scale; a camera's last frame."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from db.models import (
    Acquisition,
    Camera,
    CameraMinute,
    CameraStateRow,
    Inspection,
    Line,
    RecipeVersion,
    Site,
    Station,
)


def sites_with_lines(session: Session) -> Sequence[Site]:
    """Every site with its lines and their stations and cameras, in four queries."""
    statement = select(Site).options(
        selectinload(Site.lines).selectinload(Line.stations).selectinload(Station.cameras)
    )
    return session.scalars(statement.order_by(Site.name, Site.id)).all()


def cameras_with_places(session: Session, *, limit: int = 1000) -> Sequence[Camera]:
    """Cameras with station, line and site, in the order of their places."""
    statement = (
        select(Camera)
        .join(Station, Station.id == Camera.station_id)
        .join(Line, Line.id == Station.line_id)
        .options(joinedload(Camera.station).joinedload(Station.line).joinedload(Line.site))
        .order_by(Line.name, Station.name, Camera.id)
        .limit(limit)
    )
    return session.scalars(statement).all()


def last_stored(session: Session, camera_id: int) -> int | None:
    """The newest acquisition of a camera that was given an image, of its newest hundred."""
    newest = (
        select(Acquisition.id, Acquisition.image_key)
        .where(Acquisition.camera_id == camera_id)
        .order_by(Acquisition.sequence.desc())
        .limit(100)
    )
    return next((id_ for id_, key in session.execute(newest) if key is not None), None)


def last_inspected(session: Session, camera_id: int) -> int | None:
    """The newest acquisition of a camera that was inspected and has its image, of its newest
    hundred: what its findings are is known, and what waits behind it is not shown by mistake.
    """
    newest = (
        select(Acquisition.id, Acquisition.image_key, Inspection.image_width_px)
        .outerjoin(Inspection, Inspection.acquisition_id == Acquisition.id)
        .where(Acquisition.camera_id == camera_id)
        .order_by(Acquisition.sequence.desc())
        .limit(100)
    )
    return next((id_ for id_, key, width in session.execute(newest) if key and width), None)


def newest_minutes(session: Session, camera_id: int, *, limit: int = 60) -> list[CameraMinute]:
    """The newest minutes with frames that got no row, the newest first."""
    return list(
        session.scalars(
            select(CameraMinute)
            .where(CameraMinute.camera_id == camera_id)
            .order_by(CameraMinute.minute.desc(), CameraMinute.reason)
            .limit(limit)
        )
    )


def newest_states(session: Session, camera_id: int, *, limit: int = 50) -> list[CameraStateRow]:
    """What states a camera was in, the newest first."""
    return list(
        session.scalars(
            select(CameraStateRow)
            .where(CameraStateRow.camera_id == camera_id)
            .order_by(CameraStateRow.id.desc())
            .limit(limit)
        )
    )


def stations_of_recipe(session: Session, recipe_id: int) -> Sequence[Station]:
    """The stations at which some version of a recipe is active, with their cameras."""
    versions = select(RecipeVersion.id).where(RecipeVersion.recipe_id == recipe_id)
    return session.scalars(
        select(Station)
        .where(Station.recipe_version_id.in_(versions))
        .options(selectinload(Station.cameras))
        .order_by(Station.key)
    ).all()
