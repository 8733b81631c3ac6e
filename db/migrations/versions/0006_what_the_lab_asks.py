"""What the lab asks of other processes, and which recipe was active at a station when.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

import db.base

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = db.base.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "camera_shot",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("camera_id", _KEY, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("asked_by", sa.String(length=200), nullable=False),
        sa.Column("answered_at", _TIME, nullable=True),
        sa.Column("image_key", sa.String(length=200), nullable=True),
        sa.Column("image_width_px", sa.Integer(), nullable=True),
        sa.Column("image_height_px", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["camera.id"], name=op.f("fk_camera_shot_camera_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_camera_shot")),
    )
    op.create_index("ix_camera_shot_camera_id", "camera_shot", ["camera_id"])
    op.create_table(
        "recipe_trial",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("recipe_version_id", _KEY, nullable=False),
        sa.Column("station_id", _KEY, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("asked_by", sa.String(length=200), nullable=False),
        sa.Column("lease_until", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("acquisition_ids", sa.JSON(), nullable=False),
        sa.Column("results", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(
            ["recipe_version_id"],
            ["recipe_version.id"],
            name=op.f("fk_recipe_trial_recipe_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["station.id"], name=op.f("fk_recipe_trial_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipe_trial")),
    )
    op.create_index("ix_recipe_trial_state", "recipe_trial", ["state", "id"])
    op.create_index(
        "ix_recipe_trial_version", "recipe_trial", ["recipe_version_id", "station_id", "id"]
    )
    op.create_table(
        "recipe_activation",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("station_id", _KEY, nullable=False),
        sa.Column("recipe_version_id", _KEY, nullable=False),
        sa.Column("activated_at", _TIME, nullable=False),
        sa.Column("activated_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["recipe_version_id"],
            ["recipe_version.id"],
            name=op.f("fk_recipe_activation_recipe_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["station.id"], name=op.f("fk_recipe_activation_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipe_activation")),
    )
    op.create_index("ix_recipe_activation_station", "recipe_activation", ["station_id", "id"])


def downgrade() -> None:
    op.drop_table("recipe_activation")
    op.drop_table("recipe_trial")
    op.drop_table("camera_shot")
