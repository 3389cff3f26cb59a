"""Checkpoints: folders that are whole or not there.

The order of writing: the files are flushed, a marker `COMPLETE` with each file's size and SHA-256 is written and
flushed, the folder is renamed to its place, and only then a fenced row makes it visible.  A folder without a row is
swept; a row whose folder was torn by the disk is passed over for the one before.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, select

from tuneloop.errors import InputError, Where
from tuneloop.store import Workspace, durable
from tuneloop.store.database import clock, upsert
from tuneloop.store.durable import (
    flush_file,
    flush_folder,
    make_folder,
    publish,
    storage_errors,
    temporary_beside,
    write_file,
)
from tuneloop.store.tables import checkpoints as table

MARKER = "COMPLETE"
KEEP = 2

Fence = Callable[[Connection], None]


@dataclass(frozen=True)
class Checkpoint:
    """`folder` is relative to the workspace; `size` in bytes; `loss` decides which one is best (lowest)."""

    step: int
    attempt: int
    folder: str
    size: int
    loss: float | None


def new_folder(run_folder: Path, attempt: int) -> Path:
    """An empty folder for one attempt; what earlier attempts left unfinished is removed."""
    place = run_folder / "checkpoints"
    for before in range(1, attempt):
        durable.sweep(place, owner=f"attempt{before}")
    folder = temporary_beside(place / "checkpoint", owner=f"attempt{attempt}")
    with storage_errors(place):
        make_folder(folder)
    return folder


def commit(ws: Workspace, run: str, attempt: int, fence: Fence, folder: Path, step: int, loss: float | None) -> Path:
    """See `Lease.commit_checkpoint`."""
    place = ws.path("runs", run, "checkpoints") / f"step-{step:08d}-{attempt}-{secrets.token_hex(4)}"
    try:
        size = seal(folder)
        with storage_errors(place):
            publish(_beside(folder, place), place)
    except FileNotFoundError:
        with ws.db.write() as connection:
            fence(connection)  # a successor swept the folder; if not, the bug shows
        raise
    with ws.db.write(durable=True) as connection:
        fence(connection)
        row = {
            "run": run,
            "step": step,
            "attempt": attempt,
            "folder": ws.relative(place),
            "size": size,
            "loss": loss,
            "created": clock(connection),
        }
        upsert(connection, table, [row])
        for old in _superfluous(_rows(connection, run)):
            connection.execute(delete(table).where(table.c.run == run, table.c.step == old.step))
    sweep(ws, run, attempt)
    return place


def _beside(folder: Path, place: Path) -> Path:
    """The folder itself, or a copy of it where it lies on another file system and cannot be renamed."""
    if _same_disk(folder, place.parent):
        return folder
    copy = temporary_beside(place)
    shutil.copytree(folder, copy)
    seal(copy)
    shutil.rmtree(folder)
    return copy


def _same_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


def seal(folder: Path) -> int:
    """Flush a folder's files and write its marker; returns the bytes of all files."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.name != MARKER)
    if not files and folder.is_dir():
        raise InputError("the checkpoint's folder holds no files", where=Where(file=folder))
    contents: dict[str, Any] = {}
    with storage_errors(folder):
        for file in files:
            flush_file(file)
            contents[file.relative_to(folder).as_posix()] = {"size": file.stat().st_size, "sha256": _digest(file)}
        for inner in {file.parent for file in files}:
            flush_folder(inner)
    write_file(folder / MARKER, json.dumps({"files": contents}, indent=1).encode())
    return sum(one["size"] for one in contents.values())


def whole(folder: Path) -> bool:
    """Whether a folder holds exactly what its marker says."""
    try:
        files = json.loads((folder / MARKER).read_bytes())["files"]
        for name, told in files.items():
            file = folder / name
            if file.stat().st_size != told["size"] or _digest(file) != told["sha256"]:
                return False
    except (OSError, ValueError, KeyError):
        return False
    return True


def visible(ws: Workspace, run: str) -> list[Checkpoint]:
    """The checkpoints that have a row, newest first."""
    with ws.db.read() as connection:
        return _rows(connection, run)


def newest_whole(ws: Workspace, run: str) -> tuple[Checkpoint | None, list[Checkpoint]]:
    """The newest checkpoint that is whole, and the torn ones after it."""
    torn: list[Checkpoint] = []
    for one in visible(ws, run):
        if whole(ws.folder / one.folder):
            return one, torn
        torn.append(one)
    return None, torn


def best_whole(ws: Workspace, run: str) -> Checkpoint | None:
    rated = sorted((one for one in visible(ws, run) if one.loss is not None), key=_by_loss)
    return next((one for one in rated if whole(ws.folder / one.folder)), None)


def forget(ws: Workspace, run: str, fence: Fence, one: Checkpoint) -> None:
    """Take a checkpoint's row away, and then its folder."""
    with ws.db.write(durable=True) as connection:
        fence(connection)
        connection.execute(delete(table).where(table.c.run == run, table.c.step == one.step))
    shutil.rmtree(ws.folder / one.folder, ignore_errors=True)


def sweep(ws: Workspace, run: str, attempt: int) -> None:
    """Remove checkpoint folders that no row names: superseded, or never made visible.

    Those of later attempts stay: a worker that lost its lease while it wrote must not touch its successor's.
    """
    place = ws.path("runs", run, "checkpoints")
    named = {one.folder for one in visible(ws, run)}
    for folder in place.glob("step-*"):
        if ws.relative(folder) not in named and int(folder.name.split("-")[2]) <= attempt:
            shutil.rmtree(folder, ignore_errors=True)


def _rows(connection: Connection, run: str) -> list[Checkpoint]:
    query = select(table).where(table.c.run == run).order_by(table.c.step.desc())
    return [
        Checkpoint(row["step"], row["attempt"], row["folder"], row["size"], row["loss"])
        for row in connection.execute(query).mappings()
    ]


def _superfluous(rows: Sequence[Checkpoint]) -> list[Checkpoint]:
    rated = [one for one in rows if one.loss is not None]
    best = min(rated, key=_by_loss) if rated else None
    return [one for one in rows[KEEP:] if one is not best]


def _by_loss(one: Checkpoint) -> float:
    return float("inf") if one.loss is None else one.loss


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
