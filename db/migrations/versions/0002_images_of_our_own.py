"""Which images a camera's own process wrote.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of the images that are there already nobody knows: they are judged by their pictures.
    op.add_column(
        "acquisition",
        sa.Column("image_is_own", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("acquisition", "image_is_own")
