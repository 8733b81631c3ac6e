"""A disposition that is taken back is another row, which names the one that it undoes.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # Without a foreign key: SQLite would have to copy the whole table for one.
    op.add_column("disposition", sa.Column("undoes_id", _KEY, nullable=True))


def downgrade() -> None:
    op.drop_column("disposition", "undoes_id")
