"""Who changed what: entries that nothing alters, each sealed by the hash of the one before."""

from datetime import datetime

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Key


class AuditEntry(Base):
    """One change that somebody made, or one thing that they did.

    Triggers of the database refuse to change or remove a row. It refers to no other row by a
    foreign key, since it outlives what it tells of.
    """

    __tablename__ = "audit_entry"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    at: Mapped[datetime]
    actor_kind: Mapped[str] = mapped_column(String(16))  # db.access.ActorKind
    actor_id: Mapped[int | None] = mapped_column(Key)
    actor_name: Mapped[str] = mapped_column(String(100))
    address: Mapped[str | None] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(64))  # created | changed | removed | signed in | …
    object_kind: Mapped[str | None] = mapped_column(String(64))  # a table's name, mostly
    object_id: Mapped[str | None] = mapped_column(String(64))
    object_name: Mapped[str | None] = mapped_column(String(200))
    site_id: Mapped[int | None] = mapped_column(Key)
    line_id: Mapped[int | None] = mapped_column(Key)
    before: Mapped[dict[str, object] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, object] | None] = mapped_column(JSON(none_as_null=True))
    # Unique, so that no entry has two successors, whoever writes at once.
    previous_hash: Mapped[str] = mapped_column(String(64), unique=True)
    hash: Mapped[str] = mapped_column(String(64), unique=True)

    __table_args__ = (
        Index("ix_audit_entry_at", "at"),
        Index("ix_audit_entry_actor_name", "actor_name", "id"),
        Index("ix_audit_entry_object", "object_kind", "object_id", "id"),
        Index("ix_audit_entry_line_id", "line_id", "id"),
    )
