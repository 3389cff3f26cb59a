"""A connection that only reads, to any database that SQLAlchemy knows, and its errors as sentences.

Read-only: PostgreSQL by the transaction, SQLite by `query_only`, MySQL, MariaDB and Oracle by SET TRANSACTION.  Other
databases have no such thing; there the check of the query (`reading_only`) and the rollback at the end stand alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneloop.errors import InputError, NotFoundError, TuneloopError, UsageError, Where, missing_package
from tuneloop.prepare.fetching.secrets import HIDDEN, without_secrets

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine import URL
    from sqlalchemy.exc import DBAPIError

CONNECT_SECONDS = 10
PACKAGES = {
    "psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient", "pyodbc": "pyodbc",
    "oracledb": "oracledb", "cx_Oracle": "oracledb", "pymssql": "pymssql",
}  # fmt: skip
_ONLY_READ = {
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
}


def parsed(address: str) -> URL:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(address)
    except (ArgumentError, ValueError):
        raise UsageError(
            f"{without_secrets(address)!r} is no database address",
            expected="dialect://user@host/database, as SQLAlchemy writes it",
            do="Signs such as @ and / in a name or password are written as %40 and %2F",
        ) from None


def shown(address: str) -> str:
    """The address without its password."""
    try:
        url = parsed(address)
    except UsageError:
        return without_secrets(address)
    return without_secrets(url.render_as_string(hide_password=True))


@contextmanager
def reading(url: URL, name: str) -> Iterator[Connection]:
    """An open connection; `name` is what the database is called in errors."""
    from sqlalchemy.exc import DBAPIError

    engine = _engine(url, name)
    try:
        try:
            connection = engine.connect()
        except DBAPIError as error:
            raise InputError(
                f"the database cannot be opened ({reason(error, url)})",
                where=Where(file=name),
                do="Check host, port, user, password and database; a password may also come from an environment "
                "variable: --set places.sql.password_from=NAME",
            ) from None
        with connection:
            if url.get_backend_name() == "postgresql":
                connection = connection.execution_options(postgresql_readonly=True)
            if (statement := _ONLY_READ.get(url.get_backend_name())) is not None:
                connection.exec_driver_sql(statement)
            yield connection
            connection.rollback()
    finally:
        engine.dispose()


def reason(error: DBAPIError, url: URL) -> str:
    """What the database said, on one line and without the password."""
    text = " ".join(str(error.orig).split())[:300]
    return without_secrets(text.replace(url.password, HIDDEN) if url.password else text)


def is_lost(error: DBAPIError) -> bool:
    """Is the connection gone, so that it is no fault of the query?"""
    from sqlalchemy.exc import InterfaceError, OperationalError

    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)


def refused(error: DBAPIError, url: URL, name: str) -> TuneloopError:
    return InputError(
        f"the database refused the query ({reason(error, url)})",
        where=Where(file=name),
        do="Check the names of tables and columns, and that the user may read them",
    )


def _engine(url: URL, name: str) -> Engine:
    from sqlalchemy import create_engine, event
    from sqlalchemy.exc import NoSuchModuleError
    from sqlalchemy.pool import NullPool

    sqlite = url.get_backend_name() == "sqlite"
    if sqlite:
        _check_file(url, name)
    arguments: dict[str, Any] = {}
    if url.get_backend_name() in ("postgresql", "mysql", "mariadb") and "connect_timeout" not in url.query:
        arguments = {"connect_timeout": CONNECT_SECONDS}
    try:
        engine = create_engine(url, poolclass=NullPool, connect_args=arguments)
    except NoSuchModuleError:
        raise UsageError(
            f"SQLAlchemy knows no database {url.drivername!r}",
            expected="such as postgresql+psycopg, mysql+pymysql, sqlite, mssql+pyodbc, oracle+oracledb",
            do="Correct it, or install the package of its dialect",
        ) from None
    except ModuleNotFoundError as error:
        package = PACKAGES.get(error.name or "", error.name or url.drivername)
        raise missing_package(f"The database {name}", package) from None
    if sqlite:

        @event.listens_for(engine, "connect")
        def only_read(connection: Any, _: Any) -> None:
            connection.execute("PRAGMA query_only=ON")
            # bytes that are no UTF-8 would end the whole query; so they end their row alone
            connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")

    return engine


def _check_file(url: URL, name: str) -> None:
    """SQLite would make a file that is not there."""
    file = url.database or ""
    if file in ("", ":memory:"):
        raise UsageError(f"{name!r} names no file", expected="sqlite:///folder/file.db")
    if not file.startswith("file:") and not Path(file).is_file():
        raise NotFoundError(
            "no such database file",
            where=Where(file=file),
            do="Check the path: sqlite:///relative.db or sqlite:////absolute.db",
        )
