"""The tables of the spine: sources, versions, runs, models, evaluations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

COUNTED = ("data", "eval", "model", "restore", "run", "source")


def upgrade() -> None:
    op.create_table(
        "counters",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name="pk_counters"),
    )
    op.create_table(
        "dataset_versions",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("scenario", sa.String(length=128), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("run", sa.String(length=64)),
        sa.Column("parent", sa.String(length=64)),
        sa.Column("splits", sa.JSON(), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("pipeline", sa.JSON(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_dataset_versions"),
        sa.UniqueConstraint("scenario", "id", name="uq_dataset_versions_scenario_id"),
    )
    op.create_table(
        "evaluations",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("scenario", sa.String(length=128), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("run", sa.String(length=64)),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("dataset", sa.String(length=64)),
        sa.Column("measure", sa.String(length=32), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("page", sa.Text()),
        sa.PrimaryKeyConstraint("name", name="pk_evaluations"),
    )
    op.create_table(
        "models",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("scenario", sa.String(length=128), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("run", sa.String(length=64)),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("form", sa.String(length=16), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("dataset", sa.String(length=64)),
        sa.Column("objective", sa.String(length=64), nullable=False),
        sa.Column("tuner", sa.String(length=64), nullable=False),
        sa.Column("recipe", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_models"),
    )
    op.create_table(
        "restores",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("item", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=128)),
        sa.Column("step", sa.String(length=64), nullable=False),
        sa.Column("restored", sa.Boolean(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_restores"),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("scenario", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("stop", sa.String(length=16), nullable=False),
        sa.Column("slot", sa.String(length=16), nullable=False),
        sa.Column("here", sa.Boolean(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("needs", sa.JSON(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("owner", sa.JSON()),
        sa.Column("lease_until", sa.Double()),
        sa.Column("waiting_until", sa.Double()),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("result", sa.JSON()),
        sa.Column("error", sa.JSON()),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("started", sa.Double()),
        sa.Column("finished", sa.Double()),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_state_number", "runs", ["state", "number"], unique=False)
    op.create_table(
        "settings",
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_settings"),
    )
    op.create_table(
        "sources",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("licence", sa.Text()),
        sa.Column("grade", sa.String(length=32)),
        sa.Column("digest", sa.String(length=128), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("run", sa.String(length=64)),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sources"),
        sa.UniqueConstraint("fingerprint", name="uq_sources_fingerprint"),
    )
    op.create_table(
        "checkpoints",
        sa.Column("run", sa.String(length=64), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("loss", sa.Double()),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_checkpoints_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "step", name="pk_checkpoints"),
    )
    op.create_table(
        "dataset_ledgers",
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=128), nullable=False),
        sa.Column("run", sa.String(length=64)),
        sa.ForeignKeyConstraint(
            ["version"], ["dataset_versions.name"], name="fk_dataset_ledgers_version", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("version", "kind", "position", name="pk_dataset_ledgers"),
    )
    op.create_table(
        "metrics",
        sa.Column("run", sa.String(length=64), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("value", sa.Double()),
        sa.Column("time", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_metrics_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "step", "name", name="pk_metrics"),
    )
    op.create_table(
        "run_events",
        sa.Column("run", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_run_events_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "number", name="pk_run_events"),
    )
    counters = sa.table("counters", sa.column("kind", sa.String), sa.column("last", sa.Integer))
    op.bulk_insert(counters, [{"kind": kind, "last": 0} for kind in COUNTED])


def downgrade() -> None:
    op.drop_table("run_events")
    op.drop_table("metrics")
    op.drop_table("dataset_ledgers")
    op.drop_table("checkpoints")
    op.drop_table("sources")
    op.drop_table("settings")
    op.drop_index("ix_runs_state_number", table_name="runs")
    op.drop_table("runs")
    op.drop_table("restores")
    op.drop_table("models")
    op.drop_table("evaluations")
    op.drop_table("dataset_versions")
    op.drop_table("counters")
