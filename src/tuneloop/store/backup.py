"""A workspace in one file: every row of the database as it stood at one moment, and every file that rows name.

    backup(ws, file)              while the workspace is in use; nothing has to stop
    restored(file, folder)        into a new folder, on SQLite or on PostgreSQL, whichever it came from

The file is a tar archive: `backup.json` (format, schema, workspace), `rows/TABLE.jsonl`, `files/…`, and last
`contents.json` with the SHA-256 of each member, without which an archive is not whole.  Rows are read in one
transaction, files after it: content never changes once a row names it, and a file that was deleted meanwhile is
counted.

Not in it: the key to originals of personal data, which lies outside the workspace, and blobs that only an object store
holds.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import secrets
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from sqlalchemy import Connection, LargeBinary, MetaData, Table, func, insert, select, text

from tuneloop.errors import ConflictError, InputError, NotFoundError, UsageError, Where
from tuneloop.store import migrate
from tuneloop.store.database import FILE, Database
from tuneloop.store.durable import TEMPORARY, flush_file, flush_folder, make_folder, publish, storage_errors
from tuneloop.store.workspace import FETCHED, MARKER, Workspace

FORMAT = 1
ROWS = 1000
_CHUNK, _SPOOLED = 1 << 20, 1 << 24


@dataclass(frozen=True)
class Backup:
    """`rows` and `files` count what is in the archive, `vanished` files that were deleted while it was made; `size` in
    bytes."""

    file: str
    workspace: str
    schema: str
    rows: int
    files: int
    vanished: int
    size: int


def backup(ws: Workspace, file: Path) -> Backup:
    """Write an archive; a file that stands there already is not replaced.  Raises StorageError where the disk is full,
    and leaves nothing then."""
    if file.exists():
        raise ConflictError("the file is there already", where=Where(file=file), do="Name another one")
    if file.resolve().is_relative_to(ws.folder):
        raise UsageError("the file would lie in the workspace", expected="a place outside", where=Where(file=file))
    if not file.parent.is_dir():
        raise NotFoundError("there is no such folder", where=Where(file=file.parent))
    part = file.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    try:
        with storage_errors(file):
            with part.open("wb") as raw, tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
                made = _Writer(tar).write(ws)
            flush_file(part)
            if not file.exists():
                publish(part, file)
    finally:
        part.unlink(missing_ok=True)
    schema, rows, files, vanished = made
    return Backup(str(file), ws.id, schema, rows, files, vanished, file.stat().st_size)


class _Writer:
    """Adds members and remembers their hashes."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self.tar, self.hashes = tar, dict[str, str]()

    def write(self, ws: Workspace) -> tuple[str, int, int, int]:
        with ws.db.read() as connection:
            if connection.dialect.name == "postgresql":  # one moment for all tables; SQLite reads so anyway
                connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            schema = str(migrate.stamp(connection))
            about = {"format": FORMAT, "workspace": ws.id, "schema": schema}
            self.add("backup.json", json.dumps(about).encode())
            rows = sum(self.table(connection, table) for table in tables(connection))
        files = vanished = 0
        for path in sorted(_files(ws.folder)):
            there = self.file(f"files/{path.relative_to(ws.folder).as_posix()}", path)
            files, vanished = files + there, vanished + (not there)
        self.add("contents.json", json.dumps(self.hashes).encode(), kept=False)
        return schema, rows, files, vanished

    def table(self, connection: Connection, table: Table) -> int:
        """All rows, as one member: its size stands before its content, so it is gathered first."""
        count = 0
        with tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as out:
            for row in connection.execute(select(table).execution_options(yield_per=ROWS)).mappings():
                plain = {name: _plain(value) for name, value in row.items()}
                out.write(json.dumps(plain, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
                count += 1
            size = out.tell()
            out.seek(0)
            self.stream(f"rows/{table.name}.jsonl", out, size)
        return count

    def add(self, name: str, content: bytes, kept: bool = True) -> None:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        self.tar.addfile(member, io.BytesIO(content))
        if kept:
            self.hashes[name] = hashlib.sha256(content).hexdigest()

    def stream(self, name: str, source: IO[bytes], size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size = size
        reader = _Hashing(source, size)
        self.tar.addfile(member, reader)
        self.hashes[name] = reader.digest.hexdigest()

    def file(self, name: str, path: Path) -> bool:
        """Whether the file was still there.  One that grows (a log) is taken as long as it was when it was opened."""
        try:
            source = path.open("rb")
        except FileNotFoundError:
            return False
        with source:
            self.stream(name, source, path.stat().st_size)
        return True


class _Hashing:
    """Gives exactly `size` bytes of a file, zeros where it has become shorter, and hashes them."""

    def __init__(self, source: IO[bytes], size: int) -> None:
        self.source, self.left, self.digest = source, size, hashlib.sha256()

    def read(self, count: int = -1) -> bytes:
        wanted = min(self.left, count if count >= 0 else self.left)
        found = self.source.read(wanted)
        found += b"\0" * (wanted - len(found))
        self.left -= wanted
        self.digest.update(found)
        return found


def _files(folder: Path) -> Iterator[Path]:
    """What a workspace's folder holds, but for the database, what is under way, and what can be fetched again."""
    for path in folder.rglob("*"):
        if path.relative_to(folder).parts[0] == FETCHED:
            continue
        if path.name.startswith((FILE, TEMPORARY)) or not path.is_file() or path.is_symlink():
            continue
        yield path


def tables(connection: Connection) -> list[Table]:
    """The tables of this database, those that others refer to first; the stamp of the schema is not one of them."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def _plain(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def restored(file: Path, folder: Path) -> Workspace:
    """Make the workspace of an archive in a folder that holds none, and in the database that `TUNELOOP_DATABASE_URL`
    names where it is set, which must be empty.

    Everything is checked before anything is visible.  Raises InputError for an archive that is torn or no backup,
    ConflictError where something is there already.
    """
    if not file.is_file():
        raise NotFoundError("there is no such file", where=Where(file=file))
    if (folder / MARKER).exists() or (folder.exists() and any(folder.iterdir())):
        raise ConflictError(
            "the folder is not empty", expected="a new folder for the workspace", where=Where(file=folder)
        )
    make_folder(folder.parent)
    part = folder.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
    try:
        with storage_errors(folder):
            about = _unpack(file, part)
            rows = part / "rows"
            place = part / "files"
            place.mkdir(exist_ok=True)
            if not (place / MARKER).is_file():
                raise InputError("the archive holds no workspace", where=Where(file=file))
            database = Database.of_folder(place)
            try:
                _fill(database, rows, about["schema"])
            finally:
                database.close()
            if folder.exists():
                folder.rmdir()
            flush_folder(place)
            publish(place, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Workspace.find(folder, create=False)


def _unpack(file: Path, part: Path) -> dict[str, Any]:
    """Everything in a folder of its own, each member checked against its hash."""
    found: dict[str, str] = {}
    try:
        with tarfile.open(file, mode="r|") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isfile() and _is_safe(member.name) else None
                if content is None:
                    raise InputError(f"the archive holds {member.name!r}", expected="files of a backup alone")
                target = part / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                digest = hashlib.sha256()
                with target.open("wb") as out:
                    while block := content.read(_CHUNK):
                        digest.update(block)
                        out.write(block)
                if target.stat().st_size != member.size:
                    raise tarfile.ReadError("unexpected end of data")
                found[member.name] = digest.hexdigest()
        wanted = json.loads((part / "contents.json").read_text(encoding="utf-8"))
        about: dict[str, Any] = json.loads((part / "backup.json").read_text(encoding="utf-8"))
    except (tarfile.TarError, EOFError, ValueError, FileNotFoundError) as error:
        raise InputError(
            f"the archive is torn or no backup ({error})",
            where=Where(file=file),
            do="Take another copy of it, or an earlier backup",
        ) from error
    found.pop("contents.json")
    if found != wanted:
        wrong = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
        raise InputError(f"{len(wrong)} files of the archive are damaged, such as {wrong[0]}", where=Where(file=file))
    if about.get("format") != FORMAT:
        raise UsageError(
            f"the backup has format {about.get('format')}",
            expected=f"format {FORMAT}",
            where=Where(file=file),
            do="Take the version of tuneloop that made it",
        )
    return about


def _is_safe(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name and ":" not in name


def _fill(database: Database, rows: Path, schema: str) -> None:
    """The tables of the archive's schema with its rows, in one transaction; then brought up to this version's."""
    with database.read() as connection:
        if migrate.stamp(connection) is not None:
            raise ConflictError(f"the database {database.place} is not empty", do="Name an empty one")
    migrate.migrate(database, to=schema)
    with database.write(durable=True, foreign_keys=False) as connection:
        for table in tables(connection):
            file = rows / f"{table.name}.jsonl"
            connection.execute(table.delete())  # what the migration itself put there, such as counters
            for some in _batches(file, table):
                connection.execute(insert(table), some)
            _continue_counting(connection, table)
    migrate.migrate(database)


def _batches(file: Path, table: Table) -> Iterator[list[Mapping[str, Any]]]:
    binary = {column.name for column in table.columns if isinstance(column.type, LargeBinary)}
    batch: list[Mapping[str, Any]] = []
    with file.open(encoding="utf-8", errors="surrogatepass") as lines:
        for line in lines:
            row = json.loads(line)
            for name in binary & row.keys():
                row[name] = None if row[name] is None else base64.b64decode(row[name]["base64"])
            batch.append(row)
            if len(batch) == ROWS:
                yield batch
                batch = []
    if batch:
        yield batch


def _continue_counting(connection: Connection, table: Table) -> None:
    """PostgreSQL counts an integer primary key by a sequence, which rows that bring their number do not move."""
    if connection.dialect.name != "postgresql":
        return
    for column in table.primary_key:
        sequence = connection.execute(select(func.pg_get_serial_sequence(f'"{table.name}"', column.name))).scalar()
        if sequence:
            last = connection.execute(select(func.max(column))).scalar()
            if last is not None:
                connection.execute(select(func.setval(sequence, last)))
