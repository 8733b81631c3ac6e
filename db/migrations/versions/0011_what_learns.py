"""What learns: review queue, labels, snapshots, training runs, registry, shadows, watching.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

import db.base

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "dataset_snapshot",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("query", sa.JSON(), nullable=False),
        sa.Column("classes", sa.JSON(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("frozen_test", sa.Boolean(), nullable=False),
        sa.Column("created_at", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_snapshot")),
        sa.UniqueConstraint("name", name=op.f("uq_dataset_snapshot_name")),
    )
    op.create_table(
        "registered_model",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("parent_id", _KEY, nullable=True),
        sa.Column("snapshot_id", _KEY, nullable=True),
        sa.Column("manifest", sa.JSON(), nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("registered_at", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("registered_by", sa.String(length=100), nullable=False),
        sa.Column("archived_at", db.base.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["registered_model.id"], name=op.f("fk_registered_model_parent_id")
        ),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["dataset_snapshot.id"], name=op.f("fk_registered_model_snapshot_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registered_model")),
        sa.UniqueConstraint("name", name=op.f("uq_registered_model_name")),
    )
    op.create_table(
        "training_run",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("snapshot_id", _KEY, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("network", sa.String(length=200), nullable=False),
        sa.Column("encoder", sa.String(length=100), nullable=False),
        sa.Column("init", sa.String(length=200), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("lease_until", db.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("eta_s", sa.Double(), nullable=True),
        sa.Column("curves", sa.JSON(), nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("asked_at", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(length=100), nullable=False),
        sa.Column("started_at", db.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("ended_at", db.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("model_id", _KEY, nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'cancelling', 'cancelled', 'done', 'failed')",
            name=op.f("ck_training_run_state"),
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["registered_model.id"], name=op.f("fk_training_run_model_id")
        ),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["dataset_snapshot.id"], name=op.f("fk_training_run_snapshot_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_run")),
    )
    with op.batch_alter_table("training_run", schema=None) as batch_op:
        batch_op.create_index("ix_training_run_state", ["state", "id"], unique=False)

    op.create_table(
        "trainer",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("device", sa.String(length=100), nullable=False),
        sa.Column("seen_at", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_trainer")),
    )
    op.create_table(
        "gate_run",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("model_id", _KEY, nullable=False),
        sa.Column("station_id", _KEY, nullable=False),
        sa.Column("recipe_version_id", _KEY, nullable=False),
        sa.Column("snapshot_id", _KEY, nullable=True),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("work", sa.JSON(), nullable=False),
        sa.Column("results", sa.JSON(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("lease_until", db.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("asked_at", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(length=100), nullable=False),
        sa.Column("ended_at", db.base.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["model_id"], ["registered_model.id"], name=op.f("fk_gate_run_model_id")
        ),
        sa.ForeignKeyConstraint(
            ["recipe_version_id"], ["recipe_version.id"], name=op.f("fk_gate_run_recipe_version_id")
        ),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["dataset_snapshot.id"], name=op.f("fk_gate_run_snapshot_id")
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["station.id"], name=op.f("fk_gate_run_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate_run")),
    )
    with op.batch_alter_table("gate_run", schema=None) as batch_op:
        batch_op.create_index("ix_gate_run_model", ["model_id", "station_id", "id"], unique=False)
        batch_op.create_index("ix_gate_run_state", ["state", "id"], unique=False)

    op.create_table(
        "model_upload",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("folder", sa.String(length=200), nullable=False),
        sa.Column("parent_id", _KEY, nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", db.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("asked_at", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(length=100), nullable=False),
        sa.Column("ended_at", db.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("model_id", _KEY, nullable=True),
        sa.ForeignKeyConstraint(
            ["model_id"], ["registered_model.id"], name=op.f("fk_model_upload_model_id")
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["registered_model.id"], name=op.f("fk_model_upload_parent_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_upload")),
    )
    with op.batch_alter_table("model_upload", schema=None) as batch_op:
        batch_op.create_index("ix_model_upload_state", ["state", "id"], unique=False)

    op.create_table(
        "shadow",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("station_id", _KEY, nullable=False),
        sa.Column("model_id", _KEY, nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("started_at", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.String(length=100), nullable=False),
        sa.Column("ended_at", db.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("seen_to", _KEY, nullable=False),
        sa.Column("passed_over", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", db.base.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["model_id"], ["registered_model.id"], name=op.f("fk_shadow_model_id")
        ),
        sa.ForeignKeyConstraint(["station_id"], ["station.id"], name=op.f("fk_shadow_station_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shadow")),
    )
    with op.batch_alter_table("shadow", schema=None) as batch_op:
        batch_op.create_index("ix_shadow_station", ["station_id", "ended_at"], unique=False)
        batch_op.create_index(
            "uq_shadow_running",
            ["station_id"],
            unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
            sqlite_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "snapshot_station",
        sa.Column("snapshot_id", _KEY, nullable=False),
        sa.Column("station_id", _KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["dataset_snapshot.id"], name=op.f("fk_snapshot_station_snapshot_id")
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["station.id"], name=op.f("fk_snapshot_station_station_id")
        ),
        sa.PrimaryKeyConstraint("snapshot_id", "station_id", name=op.f("pk_snapshot_station")),
    )
    op.create_table(
        "station_hold",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("station_id", _KEY, nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("since", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("ended_at", db.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=100), nullable=False),
        sa.Column("word", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"], ["station.id"], name=op.f("fk_station_hold_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_hold")),
    )
    with op.batch_alter_table("station_hold", schema=None) as batch_op:
        batch_op.create_index("ix_station_hold_station", ["station_id", "ended_at"], unique=False)
        batch_op.create_index(
            "uq_station_hold_current",
            ["station_id"],
            unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
            sqlite_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "promotion",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("station_id", _KEY, nullable=False),
        sa.Column("model_id", _KEY, nullable=False),
        sa.Column("gate_run_id", _KEY, nullable=True),
        sa.Column("recipe_version_id", _KEY, nullable=False),
        sa.Column("before_version_id", _KEY, nullable=False),
        sa.Column("override_reason", sa.String(length=1000), nullable=False),
        sa.Column("at", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=100), nullable=False),
        sa.Column("rolled_back_at", db.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("rolled_back_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["before_version_id"],
            ["recipe_version.id"],
            name=op.f("fk_promotion_before_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["gate_run_id"], ["gate_run.id"], name=op.f("fk_promotion_gate_run_id")
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["registered_model.id"], name=op.f("fk_promotion_model_id")
        ),
        sa.ForeignKeyConstraint(
            ["recipe_version_id"],
            ["recipe_version.id"],
            name=op.f("fk_promotion_recipe_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["station.id"], name=op.f("fk_promotion_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotion")),
    )
    with op.batch_alter_table("promotion", schema=None) as batch_op:
        batch_op.create_index("ix_promotion_station", ["station_id", "id"], unique=False)

    op.create_table(
        "station_reference",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("camera_id", _KEY, nullable=False),
        sa.Column("recipe_version_id", _KEY, nullable=False),
        sa.Column("made_at", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(length=100), nullable=False),
        sa.Column("since", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("until", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("image_key", sa.String(length=200), nullable=False),
        sa.Column("statistics", sa.JSON(), nullable=False),
        sa.Column("ended_at", db.base.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["camera.id"], name=op.f("fk_station_reference_camera_id")
        ),
        sa.ForeignKeyConstraint(
            ["recipe_version_id"],
            ["recipe_version.id"],
            name=op.f("fk_station_reference_recipe_version_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_reference")),
    )
    with op.batch_alter_table("station_reference", schema=None) as batch_op:
        batch_op.create_index(
            "ix_station_reference_camera", ["camera_id", "ended_at"], unique=False
        )
        batch_op.create_index(
            "uq_station_reference_current",
            ["camera_id"],
            unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
            sqlite_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "labelled_image",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("station_id", _KEY, nullable=False),
        sa.Column("acquisition_id", _KEY, nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("image_key", sa.String(length=200), nullable=False),
        sa.Column("image_sha256", sa.String(length=64), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("split_group", sa.String(length=200), nullable=False),
        sa.Column("captured_at", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("updated_at", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=100), nullable=False),
        sa.CheckConstraint("state IN ('draft', 'done')", name=op.f("ck_labelled_image_state")),
        sa.ForeignKeyConstraint(
            ["acquisition_id"], ["acquisition.id"], name=op.f("fk_labelled_image_acquisition_id")
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["station.id"], name=op.f("fk_labelled_image_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labelled_image")),
        sa.UniqueConstraint("acquisition_id", name=op.f("uq_labelled_image_acquisition_id")),
        sa.UniqueConstraint(
            "station_id", "image_sha256", name=op.f("uq_labelled_image_station_id_image_sha256")
        ),
    )
    with op.batch_alter_table("labelled_image", schema=None) as batch_op:
        batch_op.create_index(
            "ix_labelled_image_station", ["station_id", "state", "id"], unique=False
        )

    op.create_table(
        "station_check",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("camera_id", _KEY, nullable=False),
        sa.Column("reference_id", _KEY, nullable=False),
        sa.Column("hour", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("results", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["camera.id"], name=op.f("fk_station_check_camera_id")
        ),
        sa.ForeignKeyConstraint(
            ["reference_id"], ["station_reference.id"], name=op.f("fk_station_check_reference_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_check")),
        sa.UniqueConstraint("camera_id", "hour", name=op.f("uq_station_check_camera_id_hour")),
    )
    op.create_table(
        "annotation",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("image_id", _KEY, nullable=False),
        sa.Column("revision_from", sa.Integer(), nullable=False),
        sa.Column("revision_to", sa.Integer(), nullable=True),
        sa.Column("class_name", sa.String(length=100), nullable=False),
        sa.Column("segmentation", sa.JSON(), nullable=False),
        sa.Column("x0", sa.Double(), nullable=False),
        sa.Column("y0", sa.Double(), nullable=False),
        sa.Column("x1", sa.Double(), nullable=False),
        sa.Column("y1", sa.Double(), nullable=False),
        sa.Column("area_px", sa.Double(), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("author", sa.String(length=100), nullable=False),
        sa.Column("person_id", _KEY, nullable=True),
        sa.Column("at", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.String(length=100), nullable=False),
        sa.Column("ended_at", db.base.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["image_id"], ["labelled_image.id"], name=op.f("fk_annotation_image_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_annotation_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotation")),
    )
    with op.batch_alter_table("annotation", schema=None) as batch_op:
        batch_op.create_index("ix_annotation_image", ["image_id", "revision_to"], unique=False)

    op.create_table(
        "gate_flip",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("gate_run_id", _KEY, nullable=False),
        sa.Column("inspection_id", _KEY, nullable=False),
        sa.Column("before", sa.String(length=16), nullable=False),
        sa.Column("after", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.String(length=500), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=True),
        sa.Column("decided_at", db.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["gate_run_id"], ["gate_run.id"], name=op.f("fk_gate_flip_gate_run_id")
        ),
        sa.ForeignKeyConstraint(
            ["inspection_id"], ["inspection.id"], name=op.f("fk_gate_flip_inspection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate_flip")),
        sa.UniqueConstraint(
            "gate_run_id", "inspection_id", name=op.f("uq_gate_flip_gate_run_id_inspection_id")
        ),
    )
    op.create_table(
        "image_statistic",
        sa.Column("inspection_id", _KEY, nullable=False),
        sa.Column("camera_id", _KEY, nullable=False),
        sa.Column("captured_at", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("cells", sa.String(length=1200), nullable=False),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["camera.id"], name=op.f("fk_image_statistic_camera_id")
        ),
        sa.ForeignKeyConstraint(
            ["inspection_id"], ["inspection.id"], name=op.f("fk_image_statistic_inspection_id")
        ),
        sa.PrimaryKeyConstraint("inspection_id", name=op.f("pk_image_statistic")),
    )
    with op.batch_alter_table("image_statistic", schema=None) as batch_op:
        batch_op.create_index(
            "ix_image_statistic_camera", ["camera_id", "captured_at"], unique=False
        )

    op.create_table(
        "review_item",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("inspection_id", _KEY, nullable=False),
        sa.Column("station_id", _KEY, nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("class_name", sa.String(length=100), nullable=False),
        sa.Column("priority", sa.Double(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("duplicate_of_id", _KEY, nullable=True),
        sa.Column("thumbprint", sa.LargeBinary(length=4200), nullable=True),
        sa.Column("created_at", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("closed_at", db.base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(length=100), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(probability IS NOT NULL) = (reason = 'random')",
            name=op.f("ck_review_item_probability"),
        ),
        sa.ForeignKeyConstraint(
            ["duplicate_of_id"], ["review_item.id"], name=op.f("fk_review_item_duplicate_of_id")
        ),
        sa.ForeignKeyConstraint(
            ["inspection_id"], ["inspection.id"], name=op.f("fk_review_item_inspection_id")
        ),
        sa.ForeignKeyConstraint(
            ["station_id"], ["station.id"], name=op.f("fk_review_item_station_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_item")),
        sa.UniqueConstraint(
            "inspection_id", "reason", name=op.f("uq_review_item_inspection_id_reason")
        ),
    )
    with op.batch_alter_table("review_item", schema=None) as batch_op:
        batch_op.create_index("ix_review_item_queue", ["state", "priority", "id"], unique=False)
        batch_op.create_index(
            "ix_review_item_reason", ["station_id", "reason", "class_name"], unique=False
        )
        batch_op.create_index("ix_review_item_station", ["station_id", "state", "id"], unique=False)

    op.create_table(
        "shadow_result",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("shadow_id", _KEY, nullable=False),
        sa.Column("inspection_id", _KEY, nullable=False),
        sa.Column("captured_at", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("champion", sa.String(length=16), nullable=False),
        sa.Column("challenger", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.String(length=500), nullable=False),
        sa.Column("agreement", sa.Double(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("engine_ms", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["inspection_id"], ["inspection.id"], name=op.f("fk_shadow_result_inspection_id")
        ),
        sa.ForeignKeyConstraint(
            ["shadow_id"], ["shadow.id"], name=op.f("fk_shadow_result_shadow_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shadow_result")),
        sa.UniqueConstraint(
            "shadow_id", "inspection_id", name=op.f("uq_shadow_result_shadow_id_inspection_id")
        ),
    )
    with op.batch_alter_table("shadow_result", schema=None) as batch_op:
        batch_op.create_index("ix_shadow_result_time", ["shadow_id", "captured_at"], unique=False)

    op.create_table(
        "snapshot_image",
        sa.Column("snapshot_id", _KEY, nullable=False),
        sa.Column("image_id", _KEY, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(length=16), nullable=False),
        sa.CheckConstraint(
            "part IN ('train', 'validation', 'test')", name=op.f("ck_snapshot_image_part")
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["labelled_image.id"], name=op.f("fk_snapshot_image_image_id")
        ),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["dataset_snapshot.id"], name=op.f("fk_snapshot_image_snapshot_id")
        ),
        sa.PrimaryKeyConstraint("snapshot_id", "image_id", name=op.f("pk_snapshot_image")),
    )
    with op.batch_alter_table("snapshot_image", schema=None) as batch_op:
        batch_op.create_index("ix_snapshot_image_image", ["image_id"], unique=False)

    op.create_table(
        "reading",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("review_item_id", _KEY, nullable=False),
        sa.Column("person_id", _KEY, nullable=True),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("at", db.base.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("verdict IN ('good', 'bad')", name=op.f("ck_reading_verdict")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_reading_person_id")),
        sa.ForeignKeyConstraint(
            ["review_item_id"], ["review_item.id"], name=op.f("fk_reading_review_item_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reading")),
        sa.UniqueConstraint(
            "review_item_id", "actor", name=op.f("uq_reading_review_item_id_actor")
        ),
    )
    op.create_table(
        "review_sampling",
        sa.Column("station_id", _KEY, nullable=False),
        sa.Column("per_day", sa.Double(), nullable=True),
        sa.Column("share", sa.Double(), nullable=True),
        sa.Column("blind_share", sa.Double(), nullable=False),
        sa.CheckConstraint(
            "(per_day IS NULL) <> (share IS NULL)", name=op.f("ck_review_sampling_one_of")
        ),
        sa.CheckConstraint(
            "share IS NULL OR (share >= 0 AND share <= 1)", name=op.f("ck_review_sampling_share")
        ),
        sa.CheckConstraint(
            "per_day IS NULL OR per_day >= 0", name=op.f("ck_review_sampling_per_day")
        ),
        sa.CheckConstraint(
            "blind_share >= 0 AND blind_share <= 1", name=op.f("ck_review_sampling_blind_share")
        ),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["station.id"],
            name=op.f("fk_review_sampling_station_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("station_id", name=op.f("pk_review_sampling")),
    )
    op.create_table(
        "review_day",
        sa.Column("station_id", _KEY, nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("blind_share", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["station_id"],
            ["station.id"],
            name=op.f("fk_review_day_station_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("station_id", "day", name=op.f("pk_review_day")),
    )
    op.create_table(
        "review_cursor",
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("seen_to", _KEY, nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_review_cursor")),
    )
    # What was inspected before this release is not gone through; what people said of it is.
    op.execute(
        "INSERT INTO review_cursor (source, seen_to)"
        " SELECT 'inspection', COALESCE(MAX(id), 0) FROM inspection"
    )
    op.execute(
        "INSERT INTO review_cursor (source, seen_to)"
        " VALUES ('review', 0), ('shadow_result', 0), ('station_check', 0)"
    )


def downgrade() -> None:
    op.drop_table("review_cursor")
    op.drop_table("review_day")
    op.drop_table("review_sampling")
    op.drop_table("reading")
    op.drop_table("snapshot_image")
    op.drop_table("shadow_result")
    op.drop_table("review_item")
    op.drop_table("image_statistic")
    op.drop_table("gate_flip")
    op.drop_table("annotation")
    op.drop_table("station_check")
    op.drop_table("labelled_image")
    op.drop_table("station_reference")
    op.drop_table("promotion")
    op.drop_table("station_hold")
    op.drop_table("snapshot_station")
    op.drop_table("shadow")
    op.drop_table("model_upload")
    op.drop_table("gate_run")
    op.drop_table("trainer")
    op.drop_table("training_run")
    op.drop_table("registered_model")
    op.drop_table("dataset_snapshot")
