"""When each part first came to each station, and of which lines who began a recipe was.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

import db.base

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "part_arrival",
        sa.Column("part_id", _KEY, nullable=False),
        sa.Column("station_id", _KEY, nullable=False),
        sa.Column("first_at", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["part_id"], ["part.id"], name=op.f("fk_part_arrival_part_id")),
        sa.ForeignKeyConstraint(
            ["station_id"], ["station.id"], name=op.f("fk_part_arrival_station_id")
        ),
        sa.PrimaryKeyConstraint("part_id", "station_id", name=op.f("pk_part_arrival")),
    )
    op.execute(
        "INSERT INTO part_arrival (part_id, station_id, first_at)"
        " SELECT part_id, station_id, min(captured_at) FROM acquisition"
        " WHERE part_id IS NOT NULL GROUP BY part_id, station_id"
    )
    op.create_index("ix_part_arrival_station_first", "part_arrival", ["station_id", "first_at"])
    op.add_column("recipe", sa.Column("drafted_lines", sa.JSON(), nullable=True))
    # Parts were counted from it.
    op.drop_index("ix_acquisition_station_parts", "acquisition")


def downgrade() -> None:
    op.create_index(
        "ix_acquisition_station_parts",
        "acquisition",
        ["station_id", "captured_at", "part_id"],
        sqlite_where=sa.text("part_id IS NOT NULL"),
        postgresql_where=sa.text("part_id IS NOT NULL"),
    )
    op.drop_table("part_arrival")
    op.drop_column("recipe", "drafted_lines")
