"""What states a camera was in before.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

import db.base

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "camera_state",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("camera_id", _KEY, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("since", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["camera.id"], name=op.f("fk_camera_state_camera_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_camera_state")),
    )
    op.create_index("ix_camera_state_camera", "camera_state", ["camera_id", "id"])


def downgrade() -> None:
    op.drop_table("camera_state")
