"""Zip archives."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator

from tuneloop.errors import InputError, Where
from tuneloop.prepare.container import (
    ABOUT,
    HIDDEN,
    Budget,
    Container,
    Entry,
    Refused,
    Skipped,
    climbing,
    climbs,
    is_about,
    is_hidden,
    linking,
    unpack,
)
from tuneloop.prepare.source_file import SourceFile
from tuneloop.wording import Words

_UTF8_NAME = 0x800
_ENCRYPTED = 0x1


class Zip(Container):
    """Entries by name; locked ones, links and climbing paths are refused."""

    title = Words("Zip archive", "Zip 压缩包")
    help = Words("The files of a zip archive, in the order of their names.", "Zip 压缩包里的文件，按文件名顺序读取。")

    def recognize(self, file: SourceFile) -> bool:
        return file.head.startswith((b"PK\x03\x04", b"PK\x05\x06"))

    def entries(self, file: SourceFile, budget: Budget) -> Iterator[Entry]:
        with file.open() as stream:
            try:
                archive = zipfile.ZipFile(stream)
            except (zipfile.BadZipFile, OSError, ValueError) as error:
                raise InputError(
                    f"is a zip archive that cannot be read ({error})",
                    where=Where(file=file.name),
                    do="Copy it again: it seems to be cut off",
                ) from None
            with archive:
                yield from _entries(archive, file.name, budget)


def _entries(archive: zipfile.ZipFile, name: str, budget: Budget) -> Iterator[Entry]:
    for info in sorted(archive.infolist(), key=_path):
        path = _path(info)
        inner = f"{name}/{path}"
        if info.is_dir():
            continue
        if refused := budget.take_entry(name):
            yield refused
            return
        if climbs(path):
            yield climbing(inner)
        elif stat.S_ISLNK(info.external_attr >> 16):
            yield linking(inner)
        elif is_hidden(path) or is_about(path):
            yield Skipped(inner, HIDDEN if is_hidden(path) else ABOUT)
        elif info.flag_bits & _ENCRYPTED:
            yield Refused(inner, "encrypted", "is locked with a password. Unpack it yourself and give the file.")
        else:
            yield from _one(archive, info, inner, budget)


def _one(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, budget: Budget) -> Iterator[Entry]:
    try:
        with archive.open(info) as stream:
            made = unpack(name, stream, info.compress_size, budget)  # type: ignore[arg-type]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        yield Refused(name, "damaged", f"cannot be unpacked ({error}). Pack the archive again.")
        return
    if isinstance(made, Refused):
        yield made
        return
    unpacked, temporary = made
    with temporary:
        yield unpacked


def _path(info: zipfile.ZipInfo) -> str:
    """The entry's path; names without the UTF-8 flag from Chinese Windows are GB18030, which zipfile reads as CP437."""
    path = info.filename
    if not info.flag_bits & _UTF8_NAME and not path.isascii():
        try:
            path = path.encode("cp437").decode("gb18030")
        except UnicodeError:
            return info.filename
    return path
