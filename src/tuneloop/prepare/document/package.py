"""Documents that are zip archives inside: which they are, and reading their parts without trusting them.

A part may unpack to as much as files of archives may (`container.Limits`), counted over the whole document while it is
read, so that a bomb costs what was read before it showed.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, BinaryIO, Literal, cast

from tuneloop.errors import InputError, Where
from tuneloop.prepare.container import Budget, Limits
from tuneloop.prepare.source_file import SourceFile

Kind = Literal["xlsx", "xlsb", "docx", "pptx", "office", "epub", "ods", "opendocument"]
NAMES: dict[Kind, str] = {
    "xlsx": "an Excel workbook",
    "xlsb": "a binary Excel workbook (.xlsb)",
    "docx": "a Word document",
    "pptx": "a PowerPoint presentation",
    "office": "an Office document",
    "epub": "an EPUB book",
    "ods": "an OpenDocument table",
    "opendocument": "an OpenDocument file",
}
WHOLE_PART = 64 * 1024 * 1024
"""Bytes of a part that is read whole: relations, styles, a chapter, a slide."""

_FOLDERS: tuple[tuple[str, Kind], ...] = (("xl/", "xlsx"), ("word/", "docx"), ("ppt/", "pptx"))
_ENCRYPTED = 0x1
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


def package_kind(file: SourceFile) -> Kind | None:
    """What document the archive is, by its entries; None for a true archive and for what is no archive.

    A document that was cut off has lost the list of its entries and is told by the names in its beginning.
    """
    if not file.head.startswith(b"PK\x03\x04"):
        return None
    try:
        with file.open() as stream, zipfile.ZipFile(stream) as archive:
            names = archive.namelist()
            if "mimetype" in names and archive.getinfo("mimetype").file_size < 100:
                kind = _by_mimetype(archive.read("mimetype").strip())
                if kind is not None:
                    return kind
    except _BROKEN:
        return _of_names(
            [name for name in ("[Content_Types].xml", "xl/", "word/", "ppt/") if name.encode() in file.head]
        )
    return _of_names(names)


def _by_mimetype(written: bytes) -> Kind | None:
    if written == b"application/epub+zip":
        return "epub"
    if written.startswith(b"application/vnd.oasis.opendocument"):
        return "ods" if written.endswith((b".spreadsheet", b".spreadsheet-template")) else "opendocument"
    return None


def _of_names(names: list[str]) -> Kind | None:
    if "META-INF/container.xml" in names and any(name.endswith(".opf") for name in names):
        return "epub"
    if "[Content_Types].xml" not in names:
        return None
    if "xl/workbook.bin" in names:
        return "xlsb"
    return next((kind for folder, kind in _FOLDERS if any(name.startswith(folder) for name in names)), "office")


class Package:
    """The parts of one open document; `what` names its kind in sentences."""

    def __init__(self, archive: zipfile.ZipFile, file: SourceFile, what: str, limits: Limits) -> None:
        self._archive, self._file, self._what = archive, file, what
        self._budget = Budget(limits)
        self.names = frozenset(archive.namelist())
        if len(self.names) > limits.max_entries:
            raise self.broken(f"it holds more than {limits.max_entries:,} parts")
        if any(info.flag_bits & _ENCRYPTED for info in archive.infolist()):
            raise InputError(
                f"is {what} locked with a password",
                expected="one that opens without",
                where=Where(file=file.name),
                do="Open it, save it without a password, and give that file",
            )

    def broken(self, why: object) -> InputError:
        return InputError(
            f"is {self._what} that cannot be read ({str(why)[:160]})",
            where=Where(file=self._file.name),
            do="Copy it again, or open it in its program and save it anew",
        )

    @contextmanager
    def open(self, part: str) -> Iterator[BinaryIO]:
        """A part as a stream; raises `InputError` when it is missing, damaged, or unpacks to too much."""
        try:
            info = self._archive.getinfo(part)
        except KeyError:
            raise self.broken(f"it lacks the part {part}") from None
        try:
            stream = self._archive.open(info)
        except _BROKEN as error:
            raise self.broken(error) from None
        with stream:
            yield cast(BinaryIO, _Counted(stream, self, info.compress_size))

    def read(self, part: str, most: int = WHOLE_PART) -> bytes:
        """A whole part of at most `most` bytes."""
        with self.open(part) as stream:
            found = stream.read(most + 1)
        if len(found) > most:
            raise self.broken(f"its part {part} is larger than {most:,} bytes")
        return found

    def count(self, length: int, packed: int, own: int) -> None:
        if message := self._budget.excess(length, packed, own):
            raise InputError(message.split(". ")[0], where=Where(file=self._file.name), do=message.split(". ", 1)[1])


class _Counted(io.RawIOBase):
    """A part while it is unpacked."""

    def __init__(self, stream: IO[bytes], package: Package, packed: int) -> None:
        self._stream, self._package, self._packed, self._own = stream, package, packed, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = (1 << 30) if size is None or size < 0 else size
        parts: list[bytes] = []
        while wanted > 0 and (found := self._unpacked(min(wanted, 1 << 20))):
            self._own += len(found)
            self._package.count(len(found), self._packed, self._own)
            parts.append(found)
            wanted -= len(found)
        return b"".join(parts)

    def _unpacked(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except _BROKEN as error:
            raise self._package.broken(error) from None

    def readinto(self, target: Any) -> int:
        found = self.read(len(target))
        target[: len(found)] = found
        return len(found)


@contextmanager
def open_package(file: SourceFile, kind: Kind, limits: Limits | None = None) -> Iterator[Package]:
    """The document's parts; raises `InputError` when it is damaged or locked."""
    what = NAMES[kind]
    with file.open() as stream:
        try:
            archive = zipfile.ZipFile(stream)
        except _BROKEN as error:
            raise InputError(
                f"is {what} that cannot be read ({error})",
                where=Where(file=file.name),
                do="Copy it again: it seems to be cut off",
            ) from None
        with archive:
            yield Package(archive, file, what, limits or Limits())


def resolve(base: str, target: str) -> str:
    """The path of a part that another one refers to, inside the package."""
    if target.startswith("/"):
        return posixpath.normpath(target).lstrip("/")
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), target)).lstrip("/")
