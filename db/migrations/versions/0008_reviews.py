"""What people say of results: confirmed, false call, missed.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

import db.base

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = db.base.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "review",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("inspection_id", _KEY, nullable=False),
        sa.Column("finding_id", _KEY, nullable=True),
        sa.Column("class_name", sa.String(length=100), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("note", sa.String(length=1000), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("person_id", _KEY, nullable=True),
        sa.Column("undoes_id", _KEY, nullable=True),
        sa.Column("at", _TIME, nullable=False),
        sa.CheckConstraint(
            "verdict <> 'missed' OR (class_name <> '' AND finding_id IS NULL)",
            name=op.f("ck_review_missed_class"),
        ),
        sa.CheckConstraint(
            "verdict IN ('confirmed', 'false_call', 'missed', 'noted', 'withdrawn')",
            name=op.f("ck_review_verdict"),
        ),
        sa.ForeignKeyConstraint(["finding_id"], ["finding.id"], name=op.f("fk_review_finding_id")),
        sa.ForeignKeyConstraint(
            ["inspection_id"], ["inspection.id"], name=op.f("fk_review_inspection_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_review_person_id")),
        sa.ForeignKeyConstraint(["undoes_id"], ["review.id"], name=op.f("fk_review_undoes_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
        sa.UniqueConstraint("undoes_id", name=op.f("uq_review_undoes_id")),
    )
    op.create_index("ix_review_inspection", "review", ["inspection_id", "id"])
    op.create_index("ix_review_verdict", "review", ["verdict", "id"])


def downgrade() -> None:
    op.drop_table("review")
