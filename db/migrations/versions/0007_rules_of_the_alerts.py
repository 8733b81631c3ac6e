"""Rules and channels of the alerts.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

import db.base

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = db.base.UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "alert_channel",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("shown", sa.String(length=200), nullable=False),
        sa.Column("secret", sa.String(length=8000), nullable=True),
        sa.Column("site_id", _KEY, nullable=True),
        sa.Column("line_id", _KEY, nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("test_asked_at", _TIME, nullable=True),
        sa.Column("test_asked_by", sa.String(length=100), nullable=True),
        sa.Column("test_at", _TIME, nullable=True),
        sa.Column("test_ok", sa.Boolean(), nullable=True),
        sa.Column("test_said", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "site_id IS NULL OR line_id IS NULL", name=op.f("ck_alert_channel_one_place")
        ),
        sa.ForeignKeyConstraint(["line_id"], ["line.id"], name=op.f("fk_alert_channel_line_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_alert_channel_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_channel")),
        sa.UniqueConstraint("key", name=op.f("uq_alert_channel_key")),
    )
    op.create_table(
        "alert_rule",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("site_id", _KEY, nullable=True),
        sa.Column("line_id", _KEY, nullable=True),
        sa.Column("station_id", _KEY, nullable=True),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("min_severity", sa.String(length=16), nullable=False),
        sa.Column("open_for_s", sa.Integer(), nullable=False),
        sa.Column("seen_at_least", sa.Integer(), nullable=False),
        sa.Column("group_s", sa.Integer(), nullable=False),
        sa.Column("cooldown_s", sa.Integer(), nullable=False),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_to", sa.Time(), nullable=True),
        sa.Column("escalate_after_s", sa.Integer(), nullable=True),
        sa.Column("tell_end", sa.Boolean(), nullable=False),
        sa.Column("snoozed_until", _TIME, nullable=True),
        sa.Column("snoozed_by", sa.String(length=100), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(quiet_from IS NULL) = (quiet_to IS NULL)", name=op.f("ck_alert_rule_quiet_hours")
        ),
        sa.CheckConstraint(
            "(site_id IS NULL OR line_id IS NULL) AND (site_id IS NULL OR station_id IS NULL)"
            " AND (line_id IS NULL OR station_id IS NULL)",
            name=op.f("ck_alert_rule_one_place"),
        ),
        sa.ForeignKeyConstraint(["line_id"], ["line.id"], name=op.f("fk_alert_rule_line_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_alert_rule_site_id")),
        sa.ForeignKeyConstraint(
            ["station_id"], ["station.id"], name=op.f("fk_alert_rule_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_rule")),
    )
    op.create_table(
        "alert_target",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("rule_id", _KEY, nullable=False),
        sa.Column("channel_id", _KEY, nullable=False),
        sa.Column("step", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["alert_channel.id"], name=op.f("fk_alert_target_channel_id")
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["alert_rule.id"], name=op.f("fk_alert_target_rule_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_target")),
        sa.UniqueConstraint(
            "rule_id", "channel_id", "step", name=op.f("uq_alert_target_rule_id_channel_id_step")
        ),
    )
    op.create_index(
        op.f("ix_alert_target_channel_id"), "alert_target", ["channel_id"], unique=False
    )
    op.create_table(
        "alert_watch",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("rule_id", _KEY, nullable=False),
        sa.Column("discrepancy_id", _KEY, nullable=False),
        sa.Column("alert_id", _KEY, nullable=False),
        sa.Column("line_id", _KEY, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("told_at", _TIME, nullable=True),
        sa.Column("escalated_at", _TIME, nullable=True),
        sa.Column("why_over", sa.String(length=100), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_watch_alert_id")),
        sa.ForeignKeyConstraint(
            ["discrepancy_id"], ["discrepancy.id"], name=op.f("fk_alert_watch_discrepancy_id")
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["alert_rule.id"], name=op.f("fk_alert_watch_rule_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_watch")),
        sa.UniqueConstraint(
            "rule_id", "discrepancy_id", name=op.f("uq_alert_watch_rule_id_discrepancy_id")
        ),
    )
    op.create_index(
        op.f("ix_alert_watch_discrepancy_id"), "alert_watch", ["discrepancy_id"], unique=False
    )
    op.create_index(
        "ix_alert_watch_rule_line_told",
        "alert_watch",
        ["rule_id", "line_id", "told_at"],
        unique=False,
    )
    op.create_index("ix_alert_watch_state_due", "alert_watch", ["state", "due_at"], unique=False)
    op.add_column("delivery", sa.Column("rule_name", sa.String(length=100), nullable=True))
    op.add_column("delivery", sa.Column("group_key", sa.String(length=64), nullable=True))
    op.create_index("ix_delivery_group_key", "delivery", ["group_key"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_delivery_group_key", table_name="delivery")
    op.drop_column("delivery", "group_key")
    op.drop_column("delivery", "rule_name")
    op.drop_index("ix_alert_watch_state_due", table_name="alert_watch")
    op.drop_index("ix_alert_watch_rule_line_told", table_name="alert_watch")
    op.drop_index(op.f("ix_alert_watch_discrepancy_id"), table_name="alert_watch")
    op.drop_table("alert_watch")
    op.drop_index(op.f("ix_alert_target_channel_id"), table_name="alert_target")
    op.drop_table("alert_target")
    op.drop_table("alert_rule")
    op.drop_table("alert_channel")
