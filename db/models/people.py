"""Who uses Lineside: people with their roles, wall boards and tablets, and their sessions."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Key, utc_now
from db.models.places import Line


class Person(Base):
    """Somebody with a name to sign in with. Never removed, since histories name them."""

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    # Case-folded, so that one name is one person however it is typed.
    name: Mapped[str] = mapped_column(String(100), unique=True)
    shown_name: Mapped[str] = mapped_column(String(100))
    password_hash: Mapped[str | None] = mapped_column(String(200))  # argon2id; None: none set yet
    pin_hash: Mapped[str | None] = mapped_column(String(200))
    # Who they are at the OpenID Connect provider.
    oidc_issuer: Mapped[str | None] = mapped_column(String(300))
    oidc_subject: Mapped[str | None] = mapped_column(String(255))
    # Of the codes that their phone shows (RFC 6238), encrypted; None: only a password is asked for.
    totp_secret: Mapped[str | None] = mapped_column(String(200))
    # The last half minute whose code was used: it and those before it are worth nothing any more.
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    totp_since: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    grants: Mapped[list["RoleGrant"]] = relationship(
        back_populates="person", cascade="all, delete-orphan", order_by="RoleGrant.id"
    )

    __table_args__ = (UniqueConstraint("oidc_issuer", "oidc_subject"),)


class RoleGrant(Base):
    """A role at a line, at every line of a site, or, with neither, everywhere."""

    __tablename__ = "role_grant"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    role: Mapped[str] = mapped_column(String(16))  # db.access.Role
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    line_id: Mapped[int | None] = mapped_column(ForeignKey("line.id"))

    person: Mapped[Person] = relationship(back_populates="grants")

    __table_args__ = (
        CheckConstraint("site_id IS NULL OR line_id IS NULL", name="one_place"),
        CheckConstraint("role IN ('operator', 'manager', 'engineer', 'admin')", name="role"),
    )


class RecoveryCode(Base):
    """Stands once for a code of somebody's phone, for when it is lost. Only its hash is kept."""

    __tablename__ = "recovery_code"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    code_hash: Mapped[str] = mapped_column(String(64))  # SHA-256
    used_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    __table_args__ = (UniqueConstraint("person_id", "code_hash"),)


class Device(Base):
    """A wall board or a station's tablet: sees one line, and changes nothing by itself."""

    __tablename__ = "device"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    line_id: Mapped[int] = mapped_column(ForeignKey("line.id"))
    # SHA-256 of the code that is typed at the device once; None: paired, or the code has run out.
    code_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    code_expires_at: Mapped[datetime | None]
    paired_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    line: Mapped[Line] = relationship()


class WebSession(Base):
    """A browser that is signed in, as a person or as a device; ended by deleting its row.

    At a device a person acts with name and PIN for a while: then both are set.
    """

    __tablename__ = "web_session"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256 of the cookie's
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"))
    acts_until: Mapped[datetime | None]  # of a person at a device
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    seen_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime]
    address: Mapped[str] = mapped_column(String(64), default="")
    browser: Mapped[str] = mapped_column(String(200), default="")

    person: Mapped[Person | None] = relationship()
    device: Mapped[Device | None] = relationship()

    __table_args__ = (
        CheckConstraint("person_id IS NOT NULL OR device_id IS NOT NULL", name="somebody"),
        Index("ix_web_session_person_id", "person_id"),
        Index("ix_web_session_device_id", "device_id"),
    )


class OneTimeLink(Base):
    """A link that works once: the first admin's set-up, an invitation, a new password."""

    __tablename__ = "one_time_link"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # None: the first admin
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
