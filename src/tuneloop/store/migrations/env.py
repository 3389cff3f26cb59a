"""Alembic's entry: runs the migrations on the connection and in the transaction that `migrate` opened."""

from __future__ import annotations

from alembic import context

from tuneloop.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    transactional_ddl=True,  # Alembic assumes that SQLite cannot; it can, as the driver's own BEGIN is switched off
)
with context.begin_transaction():
    context.run_migrations()
