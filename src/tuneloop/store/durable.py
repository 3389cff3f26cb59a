"""Files that are either whole or not there: write beside, flush to the disk, then rename.

A rename within one folder is atomic on the file systems of Linux, macOS and Windows; the folder is flushed too, as the
new name itself lives there.  What a broken disk or a lying write cache does is not covered.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tuneloop.errors import StorageError, Where

TEMPORARY = ".part-"
STALE_SECONDS = 24 * 3600.0
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_IN_USE = (32, 33)  # Windows: ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM}


def write_file(path: Path, data: bytes) -> None:
    """Put `data` at `path`, replacing what was there, durably; `StorageError` when the disk refuses."""
    temporary = temporary_beside(path)
    with storage_errors(path, needed=len(data)):
        try:
            with temporary.open("wb") as file:
                file.write(data)
                flush(file.fileno())
            publish(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def temporary_beside(path: Path, owner: str = "") -> Path:
    """A new name in the same folder, so that the later rename stays on one file system; `owner` is for `sweep`."""
    return path.with_name(f"{TEMPORARY}{owner + '-' if owner else ''}{secrets.token_hex(8)}")


def make_folder(folder: Path) -> None:
    """Make a folder and its missing parents durably: each new name is flushed with the folder that holds it."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise
    flush_folder(folder.parent)


def publish(temporary: Path, path: Path) -> None:
    """Give a flushed file or folder its final name."""
    temporary.replace(path)
    flush_folder(path.parent)


def publish_once(temporary: Path, path: Path) -> bool:
    """Give a flushed file its name unless the name is taken: of several writers at once exactly one succeeds."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links; the gap between look and rename stays open there
        if path.exists():
            return False
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    flush_folder(path.parent)
    return True


def flush(descriptor: int) -> None:
    os.fsync(descriptor)


def flush_file(path: Path) -> None:
    with path.open("rb+") as file:
        flush(file.fileno())


def flush_folder(folder: Path) -> None:
    """Make names in a folder durable; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        flush(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def storage_errors(path: Path, needed: int | None = None) -> Iterator[None]:
    """Turn a full, read-only or missing disk into a `StorageError` sentence; other errors pass unchanged."""
    try:
        yield
    except OSError as error:
        sentence = storage_error(error, path, needed)
        if sentence is None:
            raise
        raise sentence from error


def storage_error(error: OSError, path: Path, needed: int | None = None) -> StorageError | None:
    """The sentence for an error of the operating system that a person can mend, else None."""
    if getattr(error, "winerror", None) in _IN_USE:
        return StorageError(
            "another program holds this file open",
            where=Where(file=error.filename or path),
            do="Close it and try again",
        )
    if error.errno in _FULL:
        return disk_full(path, needed)
    if error.errno in _REFUSED:
        return read_only(path)
    return None


def disk_full(path: Path, needed: int | None = None) -> StorageError:
    return StorageError(
        f"the disk is full ({free_text(path)} free)",
        expected=f"room for {_size(needed)} more" if needed else "room for what is being written",
        where=Where(file=path),
        do="Free some space or move the workspace to a larger disk, then run the command again:"
        " nothing was half-written",
    )


def read_only(path: Path) -> StorageError:
    return StorageError(
        "this place is read-only",
        expected="a folder that you may write to",
        where=Where(file=path),
        do="Copy the workspace to a folder of your own, or choose another one with -w FOLDER",
    )


def free_text(path: Path) -> str:
    """The free room on the disk that holds `path`, for a sentence."""
    return _size(free_bytes(path))


def free_bytes(path: Path) -> int:
    """Free bytes on the disk that holds `path`, or its nearest existing parent."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return shutil.disk_usage(path).free


def sweep(folder: Path, owner: str = "") -> int:
    """Remove what killed writers left in a folder, and return how many.

    Parts that name `owner` go at once (the caller knows that their writer is gone), others when they are a day old, as
    a younger one may belong to a living writer.
    """
    removed = 0
    oldest = time.time() - STALE_SECONDS
    for part in folder.glob(f"{TEMPORARY}*"):
        own = bool(owner) and part.name.startswith(f"{TEMPORARY}{owner}-")
        try:
            if own or part.stat().st_mtime < oldest:
                shutil.rmtree(part) if part.is_dir() else part.unlink()
                removed += 1
        except FileNotFoundError:  # another process sweeps at the same time
            continue
    return removed


def _size(count: int) -> str:
    units = ("bytes", "kB", "MB", "GB", "TB")
    power = min(len(units) - 1, (len(str(count)) - 1) // 3)
    value = count / 1000**power
    return f"{value:.0f} {units[power]}" if power == 0 or value >= 100 else f"{value:.1f} {units[power]}"
