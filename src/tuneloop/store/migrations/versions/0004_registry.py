"""Aliases, approvals, exchanges and feedback."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COUNTED = ("approval", "alias", "exchange", "feedback")


def upgrade() -> None:
    op.create_table(
        "approvals",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_approvals"),
    )
    op.create_index("ix_approvals_model_number", "approvals", ["model", "number"])
    op.create_table(
        "alias_changes",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("scenario", sa.String(length=128), nullable=False),
        sa.Column("alias", sa.String(length=128), nullable=False),
        sa.Column("targets", sa.JSON(), nullable=False),
        sa.Column("sticky", sa.Boolean(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("overridden", sa.Text()),
        sa.Column("rolled_back_to", sa.Integer()),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_alias_changes"),
    )
    op.create_index("ix_alias_changes_alias_number", "alias_changes", ["alias", "number"])
    op.create_table(
        "exchanges",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("scenario", sa.String(length=128), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("alias", sa.String(length=128)),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("latency", sa.Double(), nullable=False),
        sa.Column("first_token", sa.Double()),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("replies", sa.JSON(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_exchanges"),
        sa.UniqueConstraint("id", name="uq_exchanges_id"),
    )
    op.create_index("ix_exchanges_model_number", "exchanges", ["model", "number"])
    op.create_table(
        "feedback",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("exchange", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_feedback"),
    )
    op.create_index("ix_feedback_exchange_number", "feedback", ["exchange", "number"])
    counters = sa.table("counters", sa.column("kind", sa.String), sa.column("last", sa.Integer))
    op.bulk_insert(counters, [{"kind": kind, "last": 0} for kind in COUNTED])


def downgrade() -> None:
    for name in ("feedback", "exchanges", "alias_changes", "approvals"):
        op.drop_table(name)
    counters = sa.table("counters", sa.column("kind", sa.String))
    op.execute(counters.delete().where(counters.c.kind.in_(COUNTED)))
