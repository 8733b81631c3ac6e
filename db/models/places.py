"""Where: Site › Line › Station › Camera; a store is a site, an aisle a line, a bay a station."""

from datetime import datetime, time

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Key, utc_now


class Site(Base):
    __tablename__ = "site"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")  # IANA name

    lines: Mapped[list["Line"]] = relationship(back_populates="site")


class Shift(Base):
    """A named span of the site's day; one that ends before it starts crosses midnight."""

    __tablename__ = "shift"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    name: Mapped[str] = mapped_column(String(64))
    starts_at: Mapped[time]  # the site's wall clock
    ends_at: Mapped[time]

    __table_args__ = (UniqueConstraint("site_id", "name"),)


class Line(Base):
    __tablename__ = "line"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    key: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(16), default="production")  # or "shelf"

    site: Mapped[Site] = relationship(back_populates="lines")
    stations: Mapped[list["Station"]] = relationship(back_populates="line")


class Station(Base):
    __tablename__ = "station"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("line.id"), index=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    # The active version; a station without one accepts no frames.
    recipe_version_id: Mapped[int | None] = mapped_column(ForeignKey("recipe_version.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    line: Mapped[Line] = relationship(back_populates="stations")
    cameras: Mapped[list["Camera"]] = relationship(back_populates="station")


class Camera(Base):
    __tablename__ = "camera"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"), index=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    # file | folder | rtsp | usb | push | sample-surfaces | sample-shelf
    kind: Mapped[str] = mapped_column(String(24))
    # Path, device or URL, never with a password in it: that one is in `secret`, encrypted.
    source: Mapped[str] = mapped_column(String(1000), default="")
    secret: Mapped[str | None] = mapped_column(String(1000))
    options: Mapped[dict[str, object]] = mapped_column(default=dict)  # loop, fast, watch, seed, …
    enabled: Mapped[bool] = mapped_column(default=True)
    state: Mapped[str] = mapped_column(String(16), default="offline")
    state_reason: Mapped[str] = mapped_column(String(300), default="not started yet")
    state_since: Mapped[datetime] = mapped_column(default=utc_now)
    heartbeat_at: Mapped[datetime | None]
    interval_s: Mapped[float | None]  # measured seconds between acquisitions
    next_sequence: Mapped[int] = mapped_column(Key, default=1)
    # Highest sequence whose discrepancies have been folded; a later frame below it changes none.
    folded_sequence: Mapped[int] = mapped_column(Key, default=0)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    station: Mapped[Station] = relationship(back_populates="cameras")


class CameraMinute(Base):
    """Frames of one minute that could have no row (skipped by the trigger, database away)."""

    __tablename__ = "camera_minute"

    camera_id: Mapped[int] = mapped_column(ForeignKey("camera.id"), primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(String(32), primary_key=True)
    count: Mapped[int] = mapped_column(Key, default=0)


class Calibration(Base):
    """What makes pixels into millimetres at a station (`inspection.calibration`).

    The newest unexpired one counts, and where all have expired the newest of them, with a warning.
    """

    __tablename__ = "calibration"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"), index=True)
    mm_per_px: Mapped[float]
    u_mm_per_px: Mapped[float] = mapped_column(default=0.0)  # standard uncertainty, k = 1
    method: Mapped[str] = mapped_column(String(32), default="scale")  # scale | checkerboard | plane
    residual_px: Mapped[float | None]  # root mean square of what the fit left over
    # Where not all of the image has one scale: size_wh, lens, plane.
    geometry: Mapped[dict[str, object] | None]
    made_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(String(300), default="")
