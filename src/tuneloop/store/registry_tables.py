"""The tables of aliases, approvals, exchanges and feedback.  All are append-only: what holds now is the newest row."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Double, Index, Integer, String, Table, Text

from tuneloop.store.tables import metadata

approvals = Table(
    "approvals",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("model", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("person", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("created", Double, nullable=False),
)
Index("ix_approvals_model_number", approvals.c.model, approvals.c.number)

alias_changes = Table(
    "alias_changes",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("scenario", String(128), nullable=False),
    Column("alias", String(128), nullable=False),
    Column("targets", JSON, nullable=False),
    Column("sticky", Boolean, nullable=False),
    Column("person", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("overridden", Text),
    Column("rolled_back_to", Integer),
    Column("created", Double, nullable=False),
)
Index("ix_alias_changes_alias_number", alias_changes.c.alias, alias_changes.c.number)

exchanges = Table(
    "exchanges",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("scenario", String(128), nullable=False),
    Column("asked", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("alias", String(128)),
    Column("caller", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("latency", Double, nullable=False),
    Column("first_token", Double),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("request", JSON, nullable=False),
    Column("replies", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("created", Double, nullable=False),
)
Index("ix_exchanges_model_number", exchanges.c.model, exchanges.c.number)

feedback = Table(
    "feedback",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("exchange", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("value", JSON, nullable=False),
    Column("person", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("created", Double, nullable=False),
)
Index("ix_feedback_exchange_number", feedback.c.exchange, feedback.c.number)
