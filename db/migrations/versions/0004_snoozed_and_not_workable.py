"""Discrepancies that sleep until a moment, and gaps that cannot be filled until one.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

import db.base

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = db.base.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.add_column("discrepancy", sa.Column("snoozed_until", _TIME, nullable=True))
    op.add_column("discrepancy", sa.Column("snoozed_by", sa.String(length=100), nullable=True))
    op.add_column("discrepancy", sa.Column("unworkable_reason", sa.String(length=32)))
    op.add_column("discrepancy", sa.Column("unworkable_until", _TIME, nullable=True))
    op.add_column("discrepancy", sa.Column("unworkable_by", sa.String(length=100), nullable=True))
    # What a shelf's days, times to restock and last closed gaps are read by.
    op.create_index(
        "ix_discrepancy_station_closed", "discrepancy", ["station_id", "closed_at"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_discrepancy_station_closed", table_name="discrepancy")
    for name in (
        "unworkable_by",
        "unworkable_until",
        "unworkable_reason",
        "snoozed_by",
        "snoozed_until",
    ):
        op.drop_column("discrepancy", name)
