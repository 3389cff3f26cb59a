"""The tables of rows from production that passed the gate: batches as they were pushed, and their rows.

A row's text is stored as it was redacted; no column holds what it was before.
"""

from __future__ import annotations

from sqlalchemy import JSON, Column, Double, ForeignKey, Index, Integer, String, Table, Text

from tuneloop.store.tables import metadata

triage_batches = Table(
    "triage_batches",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("key", String(256), nullable=False, unique=True),
    Column("digest", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("created", Double, nullable=False),
)

triage_rows = Table(
    "triage_rows",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("batch", Integer, ForeignKey("triage_batches.number"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("record", String(128)),
    Column("payload", JSON(none_as_null=True)),
    Column("language", String(16), nullable=False),
    Column("tags", Text, nullable=False),
    Column("thumb", String(8)),
    Column("group", String(128)),
    Column("subject", String(128)),
    Column("reason", Text, nullable=False),
    Column("same_as", String(128)),
    Column("person", Text, nullable=False),
    Column("decided", Double),
    Column("created", Double, nullable=False),
)
Index("ix_triage_rows_state_number", triage_rows.c.state, triage_rows.c.number)
Index("ix_triage_rows_record", triage_rows.c.record)
Index("ix_triage_rows_batch", triage_rows.c.batch)
