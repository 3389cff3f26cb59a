"""Rows from production that wait to be taken or refused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COUNTED = ("triage_batch", "triage_row")


def upgrade() -> None:
    op.create_table(
        "triage_batches",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=256), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_triage_batches"),
        sa.UniqueConstraint("key", name="uq_triage_batches_key"),
    )
    op.create_table(
        "triage_rows",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("record", sa.String(length=128), nullable=True),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("thumb", sa.String(length=8), nullable=True),
        sa.Column("group", sa.String(length=128), nullable=True),
        sa.Column("subject", sa.String(length=128), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("same_as", sa.String(length=128), nullable=True),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("decided", sa.Double(), nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["batch"], ["triage_batches.number"], name="fk_triage_rows_batch"),
        sa.PrimaryKeyConstraint("number", name="pk_triage_rows"),
    )
    op.create_index("ix_triage_rows_state_number", "triage_rows", ["state", "number"])
    op.create_index("ix_triage_rows_record", "triage_rows", ["record"])
    op.create_index("ix_triage_rows_batch", "triage_rows", ["batch"])
    counters = sa.table("counters", sa.column("kind", sa.String), sa.column("last", sa.Integer))
    op.bulk_insert(counters, [{"kind": kind, "last": 0} for kind in COUNTED])


def downgrade() -> None:
    for name in ("triage_rows", "triage_batches"):
        op.drop_table(name)
    counters = sa.table("counters", sa.column("kind", sa.String))
    op.execute(counters.delete().where(counters.c.kind.in_(COUNTED)))
