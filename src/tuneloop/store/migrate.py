"""Brings a database to the schema of this version, when it is opened.

The stamp is compared first, so that a current workspace opens without importing Alembic (0.7 s).  Migrations run inside
one write transaction: it is the lock, and a killed process leaves the schema as it was.  Of two processes that open a
new workspace at once, the second waits and then finds it done.  Threads that open two workspaces at once take turns,
since Alembic hands its migrations their connection through a global.
"""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from tuneloop.errors import StorageError, Where
from tuneloop.store.database import Database

HEAD = "0008"
"""The newest file in `migrations/versions`; a test compares them."""

_ADVISORY_LOCK = 7_446_172_116
_ALEMBIC = threading.Lock()


def migrate(database: Database, to: str = HEAD) -> None:
    """Run what is missing; `StorageError` when the database is newer than this program."""
    if _current(database) == to:
        return
    if database.engine.dialect.name == "sqlite" and not database.readonly:
        database.use_wal()
    # Changing a table means copying it on SQLite, and dropping the old one must not cascade: keys are checked after.
    with database.write(durable=True, foreign_keys=False) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        if stamp(connection) != to:
            _upgrade(database, connection, to)
            _check_keys(connection)


def stamp(connection: Connection) -> str | None:
    """The schema's revision, or None for a new database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _current(database: Database) -> str | None:
    with database.read() as connection:
        return stamp(connection)


def _upgrade(database: Database, connection: Connection, to: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        with _ALEMBIC:
            command.upgrade(config, to)
    except CommandError as error:
        if "locate revision" not in str(error):
            raise
        raise StorageError(
            f"the workspace's database has schema {stamp(connection) or to!r}, made by a newer tuneloop",
            expected=f"at most {HEAD!r}",
            where=Where(file=database.place),
            do="Install a newer tuneloop: pip install -U tuneloop",
        ) from error


def _check_keys(connection: Connection) -> None:
    if connection.dialect.name == "sqlite" and (
        broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    ):
        raise RuntimeError(f"a migration left a row without the row that it belongs to: {tuple(broken)}")
