"""The ledger of frames that ought to be inspected."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Key, utc_now
from db.models.places import Camera
from db.models.recipes import RecipeVersion


class Acquisition(Base):
    """One frame that ought to be inspected. Accepted when this row is committed."""

    __tablename__ = "acquisition"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("station.id"))
    camera_id: Mapped[int] = mapped_column(ForeignKey("camera.id"))
    sequence: Mapped[int] = mapped_column(Key)  # per camera, without gaps
    queue: Mapped[str] = mapped_column(String(64), default="inspect")
    recipe_version_id: Mapped[int] = mapped_column(ForeignKey("recipe_version.id"))
    captured_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(default=utc_now)
    image_key: Mapped[str | None] = mapped_column(String(200))  # None: not stored, or purged
    image_sha256: Mapped[str | None] = mapped_column(String(64))
    image_bytes: Mapped[int] = mapped_column(default=0)
    # Whether the camera's own process wrote the file, so that the small copy in it may be trusted
    # to show what the picture shows (inspection.preview). A pushed file may hold any copy.
    image_is_own: Mapped[bool] = mapped_column(default=False, server_default=false())
    part_id: Mapped[int | None] = mapped_column(ForeignKey("part.id"))
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("lot.id"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("acquisition.id"))  # sent again from
    # Chosen by the pusher; the same key at the same station is the same acquisition.
    idempotency_key: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]  # database clock
    token: Mapped[str | None] = mapped_column(String(36))  # fencing token of the holding claim
    last_error: Mapped[str | None] = mapped_column(String(500))

    camera: Mapped[Camera] = relationship()
    recipe_version: Mapped[RecipeVersion] = relationship()

    __table_args__ = (
        UniqueConstraint("camera_id", "sequence"),
        UniqueConstraint("station_id", "idempotency_key"),
        # Only what is not done is ever searched for by a claim, and that is little.
        Index(
            "ix_acquisition_pending",
            "queue",
            "state",
            "id",
            postgresql_where=text("state <> 'done'"),
            sqlite_where=text("state <> 'done'"),
        ),
        Index("ix_acquisition_camera_state", "camera_id", "state", "sequence"),
        Index("ix_acquisition_image_key", "image_key"),
        # A part's frames at a station, in their order. Frames without a part are not in it.
        Index(
            "ix_acquisition_part",
            "part_id",
            "station_id",
            "captured_at",
            postgresql_where=text("part_id IS NOT NULL"),
            sqlite_where=text("part_id IS NOT NULL"),
        ),
        # The oldest images are searched for by retention, past any number of purged rows.
        Index(
            "ix_acquisition_kept_image",
            "id",
            postgresql_where=text("image_key IS NOT NULL"),
            sqlite_where=text("image_key IS NOT NULL"),
        ),
    )
