"""The tables: single events, and what people decide.  What machines say about every record is in ledgers instead.

Times are seconds since 1970 by the database's clock; `created_text` turns them into the ISO form of results.  Folders
and pages are relative to the workspace.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    select,
    update,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

counters = Table(
    "counters",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("last", Integer, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("value", JSON, nullable=False),
)

sources = Table(
    "sources",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("fingerprint", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("licence", Text),
    Column("grade", String(32)),
    Column("digest", String(128), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("run", String(64)),
    Column("created", Double, nullable=False),
    Column("details", JSON, nullable=False),
)

dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("id", String(128), nullable=False),
    Column("scenario", String(128), nullable=False),
    Column("created", Double, nullable=False),
    Column("run", String(64)),
    Column("parent", String(64)),
    Column("splits", JSON, nullable=False),
    Column("kinds", JSON, nullable=False),
    Column("pipeline", JSON, nullable=False),
    Column("report", JSON, nullable=False),
    UniqueConstraint("scenario", "id"),
)

dataset_ledgers = Table(
    "dataset_ledgers",
    metadata,
    Column("version", String(64), ForeignKey("dataset_versions.name", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("address", String(128), nullable=False),
    Column("run", String(64)),
)

models = Table(
    "models",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("id", String(128), nullable=False),
    Column("scenario", String(128), nullable=False),
    Column("created", Double, nullable=False),
    Column("run", String(64)),
    Column("base", Text, nullable=False),
    Column("form", String(16), nullable=False),
    Column("folder", Text, nullable=False),
    Column("dataset", String(64)),
    Column("objective", String(64), nullable=False),
    Column("tuner", String(64), nullable=False),
    Column("recipe", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("id", String(128), nullable=False),
    Column("scenario", String(128), nullable=False),
    Column("created", Double, nullable=False),
    Column("run", String(64)),
    Column("model", String(64), nullable=False),
    Column("base", Text, nullable=False),
    Column("dataset", String(64)),
    Column("measure", String(32), nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("answers", JSON, nullable=False),
    Column("page", Text),
)

restores = Table(
    "restores",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("source", String(64), nullable=False),
    Column("item", BigInteger, nullable=False),
    Column("digest", String(128)),
    Column("step", String(64), nullable=False),
    Column("restored", Boolean, nullable=False),
    Column("person", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("created", Double, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("scenario", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("stop", String(16), nullable=False),
    Column("slot", String(16), nullable=False),
    Column("here", Boolean, nullable=False),
    Column("spec", JSON, nullable=False),
    Column("needs", JSON, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("owner", JSON),
    Column("lease_until", Double),
    Column("waiting_until", Double),
    Column("events", Integer, nullable=False),
    Column("result", JSON),
    Column("error", JSON),
    Column("created", Double, nullable=False),
    Column("started", Double),
    Column("finished", Double),
    Column("progress", JSON),
)
Index("ix_runs_state_number", runs.c.state, runs.c.number)

run_events = Table(
    "run_events",
    metadata,
    Column("run", String(64), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("time", Double, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("data", JSON, nullable=False),
)

metrics = Table(
    "metrics",
    metadata,
    Column("run", String(64), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("value", Double),
    Column("time", Double, nullable=False),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("run", String(64), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("folder", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("loss", Double),
    Column("created", Double, nullable=False),
)


_OF_KIND = select(counters.c.last).where(counters.c.kind == bindparam("counted")).with_for_update()
_NEXT = (
    update(counters)
    .where(counters.c.kind == bindparam("counted"))
    .values(last=counters.c.last + 1)
    .returning(counters.c.last)
)
"""Built once: most transactions that write begin with one."""


def lock_kind(connection: Connection, kind: str) -> None:
    """Let one writer of a kind in at a time: for a look that decides about an insert (SQLite writers queue anyway)."""
    connection.execute(_OF_KIND, {"counted": kind})


def next_number(connection: Connection, kind: str) -> int:
    """The next number of a kind, taken inside the caller's transaction: `data` 3 becomes the name `data-3`."""
    return int(connection.execute(_NEXT, {"counted": kind}).scalar_one())


def last_number(connection: Connection, kind: str) -> int:
    """The number of a kind that was given last; 0 before the first one."""
    return int(connection.execute(select(counters.c.last).where(counters.c.kind == kind)).scalar() or 0)


def created_text(seconds: float) -> str:
    """`2026-11-21T08:05:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
