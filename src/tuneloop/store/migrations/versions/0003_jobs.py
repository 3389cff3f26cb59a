"""Uploaded files, fine-tuning jobs, and what is told of them to others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COUNTED = ("file", "job", "webhook")


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=128), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("details", sa.Text()),
        sa.Column("validation", sa.JSON()),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("owner", sa.String(length=128), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("expires", sa.Double()),
        sa.PrimaryKeyConstraint("id", name="pk_files"),
        sa.UniqueConstraint("number", name="uq_files_number"),
    )
    op.create_index("ix_files_digest", "files", ["digest"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("run", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=128), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("repeat_key", sa.String(length=256)),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("training_file", sa.String(length=64), nullable=False),
        sa.Column("validation_file", sa.String(length=64)),
        sa.Column("suffix", sa.String(length=64)),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("tags", sa.JSON()),
        sa.Column("method", sa.JSON(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("organization", sa.String(length=64), nullable=False),
        sa.Column("validated", sa.Double()),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("told_step", sa.BigInteger(), nullable=False),
        sa.Column("total_steps", sa.BigInteger()),
        sa.Column("outcome", sa.String(length=16)),
        sa.Column("ended", sa.Double()),
        sa.Column("fine_tuned_model", sa.Text()),
        sa.Column("trained_tokens", sa.BigInteger()),
        sa.Column("result_files", sa.JSON(), nullable=False),
        sa.Column("error", sa.JSON()),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_jobs_run"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sa.UniqueConstraint("number", name="uq_jobs_number"),
        sa.UniqueConstraint("run", name="uq_jobs_run"),
    )
    op.create_index("ix_jobs_owner_request", "jobs", ["owner", "request"], unique=False)
    op.create_table(
        "job_events",
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_job_events_job", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job", "number", name="pk_job_events"),
    )
    op.create_table(
        "job_checkpoints",
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"], name="fk_job_checkpoints_job", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job", "step", name="pk_job_checkpoints"),
        sa.UniqueConstraint("id", name="uq_job_checkpoints_id"),
    )
    op.create_table(
        "model_names",
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("step", sa.BigInteger()),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_model_names"),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("secret", sa.String(length=128), nullable=False),
        sa.Column("owner", sa.String(length=128), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
        sa.UniqueConstraint("number", name="uq_webhooks_number"),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("webhook", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.Double(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("answer", sa.Text()),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["webhook"], ["webhooks.id"], name="fk_webhook_deliveries_webhook", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", "webhook", name="pk_webhook_deliveries"),
    )
    op.create_index("ix_webhook_deliveries_done_due", "webhook_deliveries", ["done", "due"], unique=False)
    counters = sa.table("counters", sa.column("kind", sa.String), sa.column("last", sa.Integer))
    op.bulk_insert(counters, [{"kind": kind, "last": 0} for kind in COUNTED])


def downgrade() -> None:
    op.drop_index("ix_webhook_deliveries_done_due", table_name="webhook_deliveries")
    op.drop_table("webhook_deliveries")
    op.drop_table("webhooks")
    op.drop_table("model_names")
    op.drop_table("job_checkpoints")
    op.drop_table("job_events")
    op.drop_index("ix_jobs_owner_request", table_name="jobs")
    op.drop_table("jobs")
    op.drop_index("ix_files_digest", table_name="files")
    op.drop_table("files")
    counters = sa.table("counters", sa.column("kind", sa.String))
    op.execute(counters.delete().where(counters.c.kind.in_(COUNTED)))
