"""What the lab asks of other processes, and what was active at a station when."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Key, utc_now
from db.models.places import Station
from db.models.recipes import RecipeVersion


class CameraShot(Base):
    """A picture that somebody asked a camera for. Ingest takes it, and writes the answer here."""

    __tablename__ = "camera_shot"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    camera_id: Mapped[int] = mapped_column(ForeignKey("camera.id"), index=True)
    state: Mapped[str] = mapped_column(
        String(16), default="asked"
    )  # asked | taking | done | failed
    asked_at: Mapped[datetime] = mapped_column(default=utc_now)
    asked_by: Mapped[str] = mapped_column(String(200), default="")
    answered_at: Mapped[datetime | None]
    image_key: Mapped[str | None] = mapped_column(String(200))
    image_width_px: Mapped[int | None]
    image_height_px: Mapped[int | None]
    reason: Mapped[str] = mapped_column(String(300), default="")  # why there is none


class CameraStateRow(Base):
    """That a camera's state or its reason changed; the newest few hundred of each camera stay."""

    __tablename__ = "camera_state"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    camera_id: Mapped[int] = mapped_column(ForeignKey("camera.id"))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(300), default="")
    since: Mapped[datetime]

    __table_args__ = (Index("ix_camera_state_camera", "camera_id", "id"),)


class RecipeTrial(Base):
    """A recipe version tried on stored images by a worker, which gives way to the line.

    `results` holds of each acquisition that was tried: its id, verdict and detail. Nothing of a
    trial is an inspection.
    """

    __tablename__ = "recipe_trial"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    recipe_version_id: Mapped[int] = mapped_column(ForeignKey("recipe_version.id"))
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    state: Mapped[str] = mapped_column(String(16), default="waiting")  # waiting | done | failed
    asked_at: Mapped[datetime] = mapped_column(default=utc_now)
    asked_by: Mapped[str] = mapped_column(String(200), default="")
    lease_until: Mapped[datetime | None]  # while a worker is at it
    ended_at: Mapped[datetime | None]
    acquisition_ids: Mapped[list[int]] = mapped_column(JSON)  # what is to be tried
    results: Mapped[list[dict[str, object]]] = mapped_column(JSON, default=list)
    reason: Mapped[str] = mapped_column(String(500), default="")  # why it failed

    __table_args__ = (
        Index("ix_recipe_trial_state", "state", "id"),
        Index("ix_recipe_trial_version", "recipe_version_id", "station_id", "id"),
    )


class RecipeActivation(Base):
    """That a version became the active one of a station; the one before it is the way back."""

    __tablename__ = "recipe_activation"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    recipe_version_id: Mapped[int] = mapped_column(ForeignKey("recipe_version.id"))
    activated_at: Mapped[datetime] = mapped_column(default=utc_now)
    activated_by: Mapped[str] = mapped_column(String(200), default="")

    station: Mapped[Station] = relationship()
    version: Mapped[RecipeVersion] = relationship()

    __table_args__ = (Index("ix_recipe_activation_station", "station_id", "id"),)
