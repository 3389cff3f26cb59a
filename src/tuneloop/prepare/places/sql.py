"""Rows of a database: any SQLAlchemy URL, and a query or the name of a table.

Rows are streamed by a cursor of the server into a spool in the workspace, and read from there as JSON lines, in memory
that does not grow.  With a `key` they are read by rising key, and a read that broke off goes on after the last one;
without, it starts over.  A key must be unique and never empty, or rows could be missed: both are checked.

Not covered: what changed in rows that were read before a break (the report says when those were read); views of
databases that sort texts without regard to case as unique keys.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tuneloop.config import setting
from tuneloop.errors import InputError, NotFoundError, SettingError, UsageError, Where, nearest
from tuneloop.prepare.container import Entry, Refused, Skipped
from tuneloop.prepare.fetching import database, reading_only
from tuneloop.prepare.fetching.plain_values import Values, packed, unpacked
from tuneloop.prepare.fetching.spool import Spool
from tuneloop.prepare.place import Place, Visit
from tuneloop.prepare.source_file import SourceFile
from tuneloop.store.durable import flush, storage_errors
from tuneloop.wording import Words

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import URL

ROWS = "rows.jsonl"
AT_ONCE = 1000
FLUSH_SECONDS = 2.0
"""How much reading a killed process may lose; each flush costs a few milliseconds."""

_TABLE = re.compile(r"#([\w.]+)$")
_CONTINUED = Words(
    "{name}: reading went on after {rows} rows that were read by {time} and are as they were then.",
    "{name}：前 {rows} 行读取于 {time} 之前，保持当时的内容，此后的行为本次续读。",
)
_STARTED_OVER = Words(
    "{name}: an earlier read broke off after {rows} rows; it was started over, as no key column is set "
    "(places.sql.key).",
    "{name}：上次读取在 {rows} 行后中断；因未设置键列（places.sql.key），本次从头读取。",
)
_BYTES = Words("{count} values are bytes and no text; they were left out", "{count} 个值是二进制数据，不是文本，已略去")


class Sql(Place):
    """`dialect://…`, or `dialect://…#table`."""

    title = Words("Databases (SQL)", "数据库（SQL）")
    help = Words(
        "Rows of a query or table of any database that SQLAlchemy knows; they are only read, and streamed.",
        "任何 SQLAlchemy 支持的数据库中的查询结果或数据表；只读，流式读取。",
    )

    query: str | None = setting(None, en="a query that only reads: SELECT …", zh="只读查询：SELECT …")
    table: str | None = setting(
        None,
        en="a table or view instead of a query, as faq or shop.faq",
        zh="不写查询时，要读取的表或视图，如 faq、shop.faq",
    )
    key: str | None = setting(
        None,
        en="a column, unique and never empty, by which a read that broke off goes on",
        zh="唯一且非空的列；读取中断后据此续读",
    )
    password_from: str | None = setting(
        None, en="the environment variable that holds the password", zh="存放密码的环境变量名"
    )

    @classmethod
    def takes(cls, address: str) -> bool:
        scheme, mark, _ = address.partition("://")
        if not mark or not re.fullmatch(r"[a-z][\w+]*", scheme):
            return False
        if "+" in scheme:
            return True
        from sqlalchemy.dialects import registry
        from sqlalchemy.exc import NoSuchModuleError

        try:
            registry.load(scheme)
        except NoSuchModuleError:
            return scheme in ("postgres", "mysql", "mariadb", "oracle", "mssql")
        except ImportError:
            return True
        return True

    def shown(self, address: str) -> str:
        bare, table = _parts(address)
        return database.shown(bare) + (f"#{table}" if table else "")

    def entries(self, address: str, visit: Visit) -> Iterator[Entry]:
        bare, table = _parts(address)
        table = table or self.table
        if self.query is not None and table is not None:
            raise SettingError(
                "found both a query and a table", expected="one of them", where=Where(field="prepare.places.sql")
            )
        if self.query is not None:
            reading_only.check(self.query)
        name = database.shown(bare) + (f"#{table}" if table else "")
        url = self._with_password(database.parsed(bare))
        spool = visit.spool(address=name, query=self.query, key=self.key)
        read = _Read(self, url, name, table, spool, visit)
        read.run()
        visit.details.update(place=self.name, query=self.query, table=table, key=self.key, time=read.begun)
        visit.time = read.begun
        rows = spool.folder / ROWS
        with rows.open("rb") as stream:
            visit.add_content("rows", hashlib.file_digest(stream, "sha256").hexdigest(), rows.stat().st_size)
        for column, count in sorted(read.values.left_out.items()):
            yield Skipped(f"{name}, column {column!r}", _BYTES.format(count=f"{count:,}"))
        if not read.rows:
            yield Refused(name, "no_rows", "gave no rows; expected at least one. Check the query and its conditions.")
            return
        yield SourceFile(name, path=rows, unit="row", ending=".jsonl", charset="utf-8")

    def _with_password(self, url: URL) -> URL:
        if self.password_from is None:
            return url
        password = os.environ.get(self.password_from)
        if password is None:
            raise SettingError(
                f"there is no environment variable {self.password_from!r}",
                expected="one that holds the password",
                where=Where(field="prepare.places.sql.password_from"),
            )
        return url.set(password=password)


def _parts(address: str) -> tuple[str, str | None]:
    """The URL, and the table behind `#`."""
    found = _TABLE.search(address)
    return (address[: found.start()], found[1]) if found else (address, None)


class _Read:
    """One read of a query into the spool, begun or gone on with."""

    def __init__(self, place: Sql, url: URL, name: str, table: str | None, spool: Spool, visit: Visit) -> None:
        self.place, self.url, self.name, self.table, self.spool, self.visit = place, url, name, table, spool, visit
        self.values = Values()
        self.key = place.key
        state = self._earlier()
        self.rows, self.bytes = int(state.get("rows", 0)), int(state.get("bytes", 0))
        self.last: dict[str, str] | None = state.get("last")
        self.begun: str = state.get("begun") or _now()
        self.values.left_out.update(state.get("left_out", {}))

    def _earlier(self) -> dict[str, Any]:
        """What an earlier start left to go on from; nothing where it ended, or where rows have no order."""
        state = self.spool.state
        if state and not state.get("complete") and state.get("rows"):
            told = {"name": self.name, "rows": f"{state['rows']:,}", "time": state.get("until", "")}
            if self.key is not None:
                self.visit.said.append(_CONTINUED.format(**told))
                return state
            self.visit.said.append(_STARTED_OVER.format(**told))
        self.spool.clear()
        return {}

    def run(self) -> None:
        from sqlalchemy.exc import DBAPIError

        path = self.spool.folder / ROWS
        with database.reading(self.url, self.name) as connection:
            try:
                statement = self._statement(connection)
                options = connection.execution_options(stream_results=True)
                result = options.execute(statement, {} if self.last is None else {"last": unpacked(self.last)})
                names = tuple(result.keys())
                self._check(names)
                with storage_errors(path), path.open("ab") as out:
                    out.truncate(self.bytes)
                    self._copy(result.partitions(AT_ONCE), names, out)
            except DBAPIError as error:
                raise (
                    self._lost(error)
                    if database.is_lost(error) and self.rows
                    else database.refused(error, self.url, self.name)
                ) from None

    def _copy(self, partitions: Iterator[Any], names: tuple[str, ...], out: Any) -> None:
        at = names.index(self.key) if self.key else None
        kept = time.monotonic()
        complete = False
        try:
            for rows in partitions:
                lines: list[bytes] = []
                for row in rows:
                    if at is not None:
                        self.last = self._next_key(row[at])
                    line = json.dumps(self.values.row(names, tuple(row)), ensure_ascii=False)
                    lines.append(line.encode("utf-8", "surrogateescape") + b"\n")
                block = b"".join(lines)
                out.write(block)
                self.rows, self.bytes = self.rows + len(lines), self.bytes + len(block)
                if time.monotonic() - kept > FLUSH_SECONDS:
                    self._keep(out)
                    kept = time.monotonic()
                self.visit.look(self.rows, None, "rows")
            complete = True
        finally:
            self._keep(out, complete=complete)

    def _keep(self, out: Any, complete: bool = False) -> None:
        out.flush()
        flush(out.fileno())
        self.spool.keep(
            rows=self.rows, bytes=self.bytes, last=self.last, begun=self.begun, until=_now(), complete=complete,
            left_out=dict(self.values.left_out),
        )  # fmt: skip

    def _next_key(self, value: Any) -> dict[str, str]:
        key = packed(value, str(self.key))
        if self.last is not None and key["value"].casefold() == self.last["value"].casefold():
            raise InputError(
                f"the key column {self.key!r} holds {key['value']!r} twice",
                expected="a column whose values are unique",
                where=Where(file=self.name),
                do="Name another column: --set places.sql.key=COLUMN, or leave it out",
            )
        return key

    def _statement(self, connection: Connection) -> Any:
        from sqlalchemy import bindparam, column, literal_column, select, table, text

        source: Any
        if self.place.query is not None:
            query = re.sub(r"(?<![:\\]):(?=\w)", r"\\:", self.place.query.strip().rstrip(";"))
            if self.key is None:
                return text(query)
            source = text(query).columns(column(self.key)).subquery("q")
        else:
            schema, name = self._found_table(connection)
            source = table(name, *([column(self.key)] if self.key else []), schema=schema)
        statement: Any = select(literal_column("*")).select_from(source)
        if self.key is None:
            return statement
        if self.last is not None:
            statement = statement.where(source.c[self.key] > bindparam("last"))
        return statement.order_by(source.c[self.key])

    def _found_table(self, connection: Connection) -> tuple[str | None, str]:
        from sqlalchemy import inspect

        inspector = inspect(connection)
        if self.table is None:
            names = sorted([*inspector.get_table_names(), *inspector.get_view_names()])
            raise UsageError(
                f"{self.name}: neither a query nor a table is named",
                expected='places.sql.query="SELECT …" or places.sql.table=NAME',
                do=f"There are: {', '.join(names[:20]) or 'no tables'}{' …' if len(names) > 20 else ''}",
            )
        schema, _, name = self.table.rpartition(".")
        if not inspector.has_table(name, schema=schema or None):
            names = [*inspector.get_table_names(schema or None), *inspector.get_view_names(schema or None)]
            hint = nearest(name, names) if names else "There are no tables"
            raise NotFoundError(
                f"no table is called {self.table!r}", where=Where(file=self.name), do=hint[0].upper() + hint[1:]
            )
        return schema or None, name

    def _check(self, names: tuple[str, ...]) -> None:
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(
                f"two columns are called {twice[0]!r}",
                expected="each name once",
                where=Where(file=self.name),
                do="Name the columns in the query, as in SELECT a.id AS first, b.id AS second",
            )
        if self.key is not None and self.key not in names:
            raise SettingError(
                f"the rows have no column {self.key!r}",
                expected=f"one of {', '.join(names)}",
                where=Where(field="prepare.places.sql.key"),
            )

    def _lost(self, error: Any) -> InputError:
        goes_on = (
            f"it goes on after {self.key} {self.last['value']}"
            if self.key and self.last
            else (
                "it starts over, as no key column is set; with --set places.sql.key=COLUMN (unique, never empty) "
                "it would go on"
            )
        )
        return InputError(
            f"the connection was lost after {self.rows:,} rows ({database.reason(error, self.url)})",
            where=Where(file=self.name),
            do=f"They are kept. Run the command again: {goes_on}" if self.key else f"Run the command again: {goes_on}",
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
