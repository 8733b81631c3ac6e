"""Codes from somebody's phone, and the ones for when it is lost.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

import db.base

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = db.base.UtcDateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("person") as table:
        table.add_column(sa.Column("totp_secret", sa.String(length=200), nullable=True))
        table.add_column(sa.Column("totp_step", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("totp_since", _TIME, nullable=True))
    op.create_table(
        "recovery_code",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_recovery_code_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
        sa.UniqueConstraint(
            "person_id", "code_hash", name=op.f("uq_recovery_code_person_id_code_hash")
        ),
    )


def downgrade() -> None:
    op.drop_table("recovery_code")
    # Not by a batch, which copies the table: SQLite cannot drop one that others refer to.
    for column in ("totp_since", "totp_step", "totp_secret"):
        op.drop_column("person", column)
