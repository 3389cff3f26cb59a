"""A file to read rows from: on disk, or unpacked from an archive into a temporary one.

Reading starts at the beginning as often as needed, so that the encoding can be found before the first row is read.
What is open in another program, or must not be read, is a sentence and not a traceback.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from tuneloop.errors import InputError, NotFoundError, Where

HEAD_BYTES = 1 << 16


class SourceFile:
    """`name` is what a person calls it (`logs.zip/june.jsonl`); `path` or `data` is where its bytes are.

    `data` must be seekable; it is not closed here.  `unit` is what a person calls one of its lines (`row` for those of
    a database).  What was fetched may bring an `ending` that its name lacks, and the `charset` that its server named.
    """

    def __init__(
        self,
        name: str,
        *,
        path: Path | None = None,
        data: BinaryIO | None = None,
        unit: str = "line",
        ending: str | None = None,
        charset: str | None = None,
    ) -> None:
        if (path is None) == (data is None):
            raise TypeError("a source file has either a path or data")
        self.name, self.path, self._data = name, path, data
        self.unit, self.ending, self.charset = unit, ending, charset

    @property
    def base(self) -> str:
        """The last part of the name."""
        return PurePosixPath(self.name).name

    @property
    def suffix(self) -> str:
        """The ending of the name, small, with its dot: `.jsonl`."""
        return PurePosixPath(self.name).suffix.lower() if self.ending is None else self.ending

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The bytes from the start."""
        if self._data is not None:
            self._data.seek(0)
            yield self._data
            return
        assert self.path is not None
        try:
            stream = self.path.open("rb")
        except OSError as error:
            raise unreadable(self.name, error) from None
        with stream:
            try:
                yield stream
            except OSError as error:
                raise unreadable(self.name, error) from None

    @cached_property
    def size(self) -> int:
        with self.open() as stream:
            return stream.seek(0, os.SEEK_END)

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB."""
        with self.open() as stream:
            return stream.read(HEAD_BYTES)

    @property
    def head_is_all(self) -> bool:
        return len(self.head) < HEAD_BYTES

    def fingerprint(self) -> tuple[int, int]:
        """Changes when somebody writes to the file: its size and time of change (ns); constant for unpacked ones."""
        if self.path is None:
            return (0, 0)
        try:
            state = self.path.stat()
        except OSError as error:
            raise unreadable(self.name, error) from None
        return (state.st_size, state.st_mtime_ns)


def disk_file(path: Path, name: str) -> SourceFile:
    """A file on disk; raises `NotFoundError` or `InputError` for what is not there or no file (a pipe, a device)."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise unreadable(name, error) from None
    if not stat.S_ISREG(mode):
        raise InputError(
            "is not a file (a device, pipe or socket)", expected="a file, folder or archive", where=Where(file=name)
        )
    return SourceFile(name, path=path)


def unreadable(name: str, error: OSError) -> InputError | NotFoundError:
    """The sentence for a file that the system does not let us read."""
    where = Where(file=name)
    if isinstance(error, FileNotFoundError):
        return NotFoundError("no such file or folder", where=where, do="Check the path")
    if isinstance(error, PermissionError):
        return InputError(
            "cannot be opened: no permission, or another program holds it",
            where=where,
            do="Close the program that uses it, or ask for the right to read it",
        )
    return InputError(f"cannot be read ({error.strerror or error})", where=where, do="Copy it elsewhere and try again")
