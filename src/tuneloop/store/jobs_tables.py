"""The tables of uploaded files, fine-tuning jobs, and what is told of them to others.

Times are seconds since 1970 by the database's clock, numbers rise in the order of writing and decide the order of
every list.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from tuneloop.store.tables import metadata

files = Table(
    "files",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("filename", Text, nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("digest", String(128), nullable=False),
    Column("status", String(16), nullable=False),
    Column("details", Text),
    Column("validation", JSON(none_as_null=True)),
    Column("options", JSON, nullable=False),
    Column("owner", String(128), nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double),
)
Index("ix_files_digest", files.c.digest)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("run", String(64), ForeignKey("runs.id"), nullable=False, unique=True),
    Column("owner", String(128), nullable=False),
    Column("request", String(64), nullable=False),
    Column("repeat_key", String(256)),
    Column("model", Text, nullable=False),
    Column("base", Text, nullable=False),
    Column("training_file", String(64), nullable=False),
    Column("validation_file", String(64)),
    Column("suffix", String(64)),
    Column("seed", BigInteger, nullable=False),
    Column("tags", JSON(none_as_null=True)),
    Column("method", JSON, nullable=False),
    Column("options", JSON, nullable=False),
    Column("organization", String(64), nullable=False),
    Column("validated", Double),
    Column("events", Integer, nullable=False),
    Column("told_step", BigInteger, nullable=False),
    Column("total_steps", BigInteger),
    Column("outcome", String(16)),
    Column("ended", Double),
    Column("fine_tuned_model", Text),
    Column("trained_tokens", BigInteger),
    Column("result_files", JSON, nullable=False),
    Column("error", JSON(none_as_null=True)),
    Column("created", Double, nullable=False),
)
Index("ix_jobs_owner_request", jobs.c.owner, jobs.c.request)

job_events = Table(
    "job_events",
    metadata,
    Column("job", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("created", Double, nullable=False),
    Column("level", String(8), nullable=False),
    Column("type", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("data", JSON, nullable=False),
)

job_checkpoints = Table(
    "job_checkpoints",
    metadata,
    Column("job", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("metrics", JSON, nullable=False),
    Column("created", Double, nullable=False),
)

model_names = Table(
    "model_names",
    metadata,
    Column("name", String(512), primary_key=True),
    Column("version", String(64), nullable=False),
    Column("job", String(64), nullable=False),
    Column("step", BigInteger),
    Column("created", Double, nullable=False),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("kinds", JSON, nullable=False),
    Column("secret", String(128), nullable=False),
    Column("owner", String(128), nullable=False),
    Column("created", Double, nullable=False),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("webhook", String(64), ForeignKey("webhooks.id", ondelete="CASCADE"), primary_key=True),
    Column("body", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due", Double, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("answer", Text),
    Column("created", Double, nullable=False),
)
Index("ix_webhook_deliveries_done_due", webhook_deliveries.c.done, webhook_deliveries.c.due)

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("filename", Text, nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("options", JSON, nullable=False),
    Column("expires_after", BigInteger),
    Column("owner", String(128), nullable=False),
    Column("outcome", String(16)),
    Column("file", String(64)),
    Column("named", JSON(none_as_null=True)),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
)

upload_parts = Table(
    "upload_parts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("upload", String(64), ForeignKey("uploads.id", ondelete="CASCADE"), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("created", Double, nullable=False),
)
Index("ix_upload_parts_upload", upload_parts.c.upload)
