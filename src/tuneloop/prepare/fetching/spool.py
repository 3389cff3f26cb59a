"""What was fetched of one input, in a folder of the workspace, until a version is made of it.

    fetched/{fingerprint}/state.json    what is there and how far it goes, written durably after the data
    fetched/{fingerprint}/…             rows, pages or files

A spool is of one address with the settings that decide what is read.  It holds rows before personal data are hidden:
hence mode 0700, its removal with the version, and the removal of what nobody came back for after `KEPT_DAYS`.
On Windows two runs at once over one spool are not kept apart.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from tuneloop.errors import ConflictError, StorageError, Where
from tuneloop.store.durable import flush_folder, make_folder, storage_errors, write_file

STATE, LOCK = "state.json", "lock"
KEPT_DAYS = 14


class Spool:
    """One folder; `state` is what an earlier start left, empty for a new one."""

    def __init__(self, folder: Path, lock: IO[bytes]) -> None:
        self.folder, self._lock = folder, lock
        self.state: dict[str, Any] = self._read()
        self._read_files: list[Path] = []

    def keep(self, **state: Any) -> None:
        """Write down how far it goes; what it speaks of must be on the disk already."""
        self.state = {**self.state, **state}
        write_file(self.folder / STATE, json.dumps(self.state, ensure_ascii=False).encode("utf-8", "surrogatepass"))

    def clear(self) -> None:
        """Begin anew."""
        with storage_errors(self.folder):
            for path in self.folder.iterdir():
                if path.name != LOCK:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            flush_folder(self.folder)
        self.state, self._read_files = {}, []

    def was_read(self, path: Path) -> None:
        """The file may go where room is needed; until then a second start finds it."""
        self._read_files.append(path)

    def make_room(self, needed: int, most: int) -> None:
        """Remove files that were read, the oldest first, until `needed` more bytes stay within `most`."""
        held = sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())
        while held + needed > most and self._read_files:
            path = self._read_files.pop(0)
            held -= path.stat().st_size if path.exists() else 0
            path.unlink(missing_ok=True)

    def close(self, *, remove: bool) -> None:
        """Let others at it; harmless when called again."""
        if self._lock.closed:
            return
        if remove:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads((self.folder / STATE).read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise StorageError(
                f"what was fetched before cannot be read ({error})",
                where=Where(file=self.folder / STATE),
                do="Remove this folder, and fetch it again",
            ) from None
        return dict(found)


def spool_at(parent: Path, about: Mapping[str, Any]) -> Spool:
    """The spool of what `about` tells, locked; raises `ConflictError` while another run has it."""
    told = json.dumps(about, ensure_ascii=False, sort_keys=True, default=str)
    folder = parent / hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    _sweep(parent, folder)
    with storage_errors(folder):
        make_folder(folder)
        folder.chmod(0o700)
        lock = (folder / LOCK).open("ab")
    if not _locked(lock):
        lock.close()
        raise ConflictError(
            "another run is reading the same address with the same settings",
            where=Where(file=about.get("address")),
            do="Wait until it has ended: tuneloop runs",
        )
    os.utime(folder)
    return Spool(folder, lock)


def remove_spools(parent: Path) -> None:
    """Remove all that nobody reads just now."""
    _sweep(parent, parent, older=0.0)


def _sweep(parent: Path, own: Path, older: float = KEPT_DAYS * 86_400.0) -> None:
    for folder in parent.iterdir() if parent.is_dir() else ():
        try:
            if folder == own or time.time() - folder.stat().st_mtime < older:
                continue
            with (folder / LOCK).open("ab") as lock:
                if _locked(lock):
                    shutil.rmtree(folder, ignore_errors=True)
        except (FileNotFoundError, NotADirectoryError):  # another process sweeps at the same time
            continue


def _locked(file: IO[bytes]) -> bool:
    """Whether the lock could be taken; it ends with the file, also when the process is killed."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
