"""Whether what is seen today looks like what the model was made for, and can be trusted."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Key, utc_now


class StationReference(Base):
    """What a camera's pictures and a model's scores looked like when all was well."""

    __tablename__ = "station_reference"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    camera_id: Mapped[int] = mapped_column(ForeignKey("camera.id"))
    recipe_version_id: Mapped[int] = mapped_column(ForeignKey("recipe_version.id"))
    made_at: Mapped[datetime] = mapped_column(default=utc_now)
    made_by: Mapped[str] = mapped_column(String(100), default="")  # empty: by itself
    since: Mapped[datetime]  # of its pictures
    until: Mapped[datetime]
    images: Mapped[int]
    image_key: Mapped[str] = mapped_column(String(200))  # the picture that others are held against
    # `values`: of each figure what the pictures had; `cells` of the grid; `classes` by name.
    statistics: Mapped[dict[str, object]]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_station_reference_camera", "camera_id", "ended_at"),
        Index(
            "uq_station_reference_current",
            "camera_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )


class ImageStatistic(Base):
    """Figures of one picture of the sample that is watched (`inspection.watching`)."""

    __tablename__ = "image_statistic"

    inspection_id: Mapped[int] = mapped_column(ForeignKey("inspection.id"), primary_key=True)
    camera_id: Mapped[int] = mapped_column(ForeignKey("camera.id"))
    captured_at: Mapped[datetime]
    values: Mapped[dict[str, float]] = mapped_column(JSON)  # focus, brightness, contrast …
    cells: Mapped[str] = mapped_column(String(1200), default="")  # `inspection.watching.dirt`

    __table_args__ = (Index("ix_image_statistic_camera", "camera_id", "captured_at"),)


class StationCheck(Base):
    """One hour of one camera against its reference: drift by statistic, and the self-check."""

    __tablename__ = "station_check"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    camera_id: Mapped[int] = mapped_column(ForeignKey("camera.id"))
    reference_id: Mapped[int] = mapped_column(ForeignKey("station_reference.id"))
    hour: Mapped[datetime]
    images: Mapped[int]
    results: Mapped[dict[str, object]]  # by statistic: psi, p, value, reference, state
    state: Mapped[str] = mapped_column(String(16))  # ok | watch | alarm

    __table_args__ = (UniqueConstraint("camera_id", "hour"),)


class StationHold(Base):
    """A station that cannot be trusted: its frames are `not_inspected: station_hold`."""

    __tablename__ = "station_hold"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    reason: Mapped[str] = mapped_column(String(300))
    since: Mapped[datetime] = mapped_column(default=utc_now)
    by: Mapped[str] = mapped_column(String(100), default="")  # empty: the self-check
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(String(100), default="")
    word: Mapped[str] = mapped_column(String(300), default="")  # with which it was released

    __table_args__ = (
        Index("ix_station_hold_station", "station_id", "ended_at"),
        Index(
            "uq_station_hold_current",
            "station_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )
