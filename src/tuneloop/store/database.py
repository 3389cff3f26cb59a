"""Transactions over SQLite (the default, one file in the workspace) or PostgreSQL, with the same code.

`read()` and `write()` give a SQLAlchemy Core connection inside a transaction that ends with the block.  On SQLite a
write begins with BEGIN IMMEDIATE, so that two writers queue (up to `BUSY_SECONDS`) instead of failing half-way; the
journal is WAL, so readers never wait.  On PostgreSQL the rows that are read to be changed are locked by the caller
(`with_for_update`).

Commits survive a killed process always.  `write(durable=True)` also survives a power cut, at the cost of one disk
flush: for rows that make versions, models and checkpoints visible.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Table, create_engine, event, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import Float

from tuneloop.errors import ConflictError, StorageError, Where, missing_package
from tuneloop.store.durable import disk_full, free_text, read_only

FILE = "tuneloop.db"
VARIABLE = "TUNELOOP_DATABASE_URL"
BUSY_SECONDS = 30.0
CONNECT_SECONDS = 5
WAITING = 40
"""SQLite connections kept open: as many as a server has threads, so that writers who queue leave readers theirs."""


class Database:
    """One database; safe to use from several threads, not across a fork."""

    def __init__(self, url: str | URL, *, readonly: bool = False) -> None:
        self.url, self.readonly = make_url(url), readonly
        self.engine = _engine(self.url, readonly)
        self._writing = threading.local()
        self._turn = threading.Lock()

    @classmethod
    def of_folder(cls, folder: Path, readonly: bool = False) -> Database:
        """The database of a workspace: the one that `TUNELOOP_DATABASE_URL` names, else SQLite in the folder."""
        if given := os.environ.get(VARIABLE):
            return cls(given)
        return cls(URL.create("sqlite", database=str(folder / FILE)), readonly=readonly)

    @property
    def place(self) -> str:
        """The file, or for a server its address without the password; for error sentences."""
        if self.local:
            return str(self.url.database)
        return self.url.render_as_string(hide_password=True)

    @property
    def local(self) -> bool:
        """Whether it is a file of this machine, whose readers wait for nobody."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._sentences(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, durable: bool = False, *, foreign_keys: bool = True) -> Iterator[Connection]:
        if self.readonly:
            raise read_only(Path(self.place).parent)
        if getattr(self._writing, "now", False):
            raise RuntimeError("a write transaction is already open in this thread: pass its connection on instead")
        self._writing.now = True
        try:
            with self._in_turn(), self._sentences(), self.engine.connect() as connection:
                connection = connection.execution_options(
                    tuneloop_write=True, tuneloop_durable=durable, tuneloop_foreign_keys=foreign_keys
                )
                with connection.begin():
                    yield connection
        finally:
            self._writing.now = False

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """SQLite's writers of this process queue here: SQLite has them sleep, up to 0.1 seconds, and look again."""
        if not self.local:
            yield
            return
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            raise self._locked()
        try:
            yield
        finally:
            self._turn.release()

    def _locked(self) -> ConflictError:
        return ConflictError(
            f"another process has been writing to the workspace for {BUSY_SECONDS:.0f} seconds",
            where=Where(file=self.place),
            do="Wait until it has finished, then run the command again",
        )

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            sentence = self._sentence(str(error.orig).lower())
            if sentence is None:
                raise
            raise sentence from error

    def _sentence(self, text: str) -> ConflictError | StorageError | None:
        if "disk is full" in text or "no space left" in text:
            return disk_full(Path(self.place))
        if "disk i/o error" in text:
            return StorageError(
                f"the disk refused to read or write ({free_text(Path(self.place))} free)",
                where=Where(file=self.place),
                do="If the disk is full, free some space; else check the disk. Then run the command again",
            )
        if "readonly" in text or "read-only" in text or "unable to open" in text:
            return read_only(Path(self.place).parent)
        if "database is locked" in text or "database table is locked" in text:
            return self._locked()
        if "malformed" in text or "not a database" in text:
            return StorageError(
                "the workspace's database is damaged", where=Where(file=self.place), do="Restore it from a copy"
            )
        return None

    def use_wal(self) -> None:
        """Switch SQLite's journal to WAL, which the file remembers; SQLite doesn't wait for the lock here, so we do."""
        give_up = time.monotonic() + BUSY_SECONDS
        while True:
            connection = self.engine.raw_connection()
            try:
                connection.cursor().execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > give_up:
                    raise self._sentence(str(error).lower()) or error from error
                time.sleep(0.02)
            finally:
                connection.close()

    def compact(self) -> None:
        """Write the file anew, so that no page of it holds what was deleted; a server's files are the server's matter.

        Raises `ConflictError` while another process writes; what it could not do, the next call does.
        """
        if not self.local:
            return
        with self._sentences():
            connection = self.engine.raw_connection()
            try:
                connection.cursor().execute("VACUUM")
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.OperationalError as error:
                raise self._sentence(str(error).lower()) or error from error
            finally:
                connection.close()

    def close(self) -> None:
        self.engine.dispose()


class now(FunctionElement[float]):
    """The database's clock in seconds since 1970; leases are decided by it alone."""

    type = Float()
    inherit_cache = True


@compiles(now, "sqlite")
def _now_sqlite(element: now, compiler: Any, **_: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _now_postgresql(element: now, compiler: Any, **_: Any) -> str:
    return "extract(epoch from clock_timestamp())::float8"


_CLOCK = select(now())


def clock(connection: Connection) -> float:
    """The database's time, in seconds since 1970."""
    return float(connection.execute(_CLOCK).scalar_one())


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or replace the ones with the same primary key."""
    if not rows:
        return
    insert = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}[connection.dialect.name]
    statement: Any = insert(table)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    if changed:
        statement = statement.on_conflict_do_update(index_elements=keys, set_=changed)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    connection.execute(statement, [dict(row) for row in rows])


def _engine(url: URL, readonly: bool) -> Engine:
    if url.get_backend_name() != "sqlite":
        try:
            return create_engine(
                url,
                connect_args={"connect_timeout": CONNECT_SECONDS} if "connect_timeout" not in url.query else {},
                pool_pre_ping=True,  # a connection from before the database's restart is replaced, and nobody told
                json_serializer=_json,
                json_deserializer=_read_json,
            )
        except ModuleNotFoundError as error:
            raise missing_package("A PostgreSQL database", "psycopg[binary]") from error
    file = str(url.database)
    if readonly:
        # Without a write-ahead log beside it the file is whole, and `immutable` spares SQLite the lock files that it
        # could not make; with one, reading needs the log's index file.
        how = {"mode": "ro"} if Path(file + "-wal").exists() else {"immutable": "1"}
        url = URL.create("sqlite", database=Path(file).as_uri(), query={**how, "uri": "true"})
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_SECONDS},
        pool_size=WAITING,
        max_overflow=-1,
        json_serializer=_json,
        json_deserializer=_read_json,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver would begin transactions by itself, and deferred ones

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        driver: Any = connection.connection.dbapi_connection  # by the engine each of these takes ten times as long
        statements = ["BEGIN"]
        if options.get("tuneloop_write"):
            statements = [
                "PRAGMA synchronous=FULL" if options["tuneloop_durable"] else "PRAGMA synchronous=NORMAL",
                "PRAGMA foreign_keys=ON" if options["tuneloop_foreign_keys"] else "PRAGMA foreign_keys=OFF",
                "BEGIN IMMEDIATE",
            ]
        try:
            for statement in statements:
                driver.execute(statement)
        except sqlite3.DatabaseError as error:
            raise DBAPIError.instance(statements[-1], None, error, sqlite3.Error) from error

    return engine


def _json(value: Any) -> str:
    """JSON that every database takes: a number that isn't finite becomes null."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)


def _read_json(text: str | bytes) -> Any:
    """As `json.loads`, in a fifth of its time for what we write; it also reads what others wrote."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return json.loads(text)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
