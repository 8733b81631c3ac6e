"""API tokens: what lets a program in, for a while, at one place or everywhere."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Key, utc_now


class ApiToken(Base):
    """A token is shown once, when it is made; only its hash is kept.

    It is 256 random bits, so that a plain SHA-256 cannot be searched through as that of a password.
    """

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    hash: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256, hexadecimal
    role: Mapped[str] = mapped_column(String(16))  # db.access.Role, or push: frames and no more
    # Where it holds: at one station, one line, every line of one site; with none, everywhere.
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    line_id: Mapped[int | None] = mapped_column(ForeignKey("line.id"))
    station_id: Mapped[int | None] = mapped_column(ForeignKey("station.id"))
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]  # to the minute
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(
            "role IN ('push', 'operator', 'manager', 'engineer', 'admin')", name="role"
        ),
        CheckConstraint(
            "(site_id IS NULL OR line_id IS NULL) AND (station_id IS NULL OR"
            " (site_id IS NULL AND line_id IS NULL AND role = 'push'))",
            name="one_place",
        ),
    )
