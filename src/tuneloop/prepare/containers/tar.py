"""Tar archives; a compressed one is first unpacked by `compressed`."""

from __future__ import annotations

import tarfile
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


class Tar(Container):
    """Entries in the order of the archive; links, devices and climbing paths are refused."""

    title = Words("Tar archive", "Tar 归档")
    help = Words("The files of a tar archive, in their own order.", "Tar 归档里的文件，按归档内的顺序读取。")

    def recognize(self, file: SourceFile) -> bool:
        return file.head[257:262] == b"ustar"

    def entries(self, file: SourceFile, budget: Budget) -> Iterator[Entry]:
        with file.open() as stream:
            try:
                with tarfile.open(fileobj=stream, mode="r:") as archive:
                    yield from _entries(archive, file.name, budget)
            except tarfile.TarError as error:
                raise InputError(
                    f"is a tar archive that cannot be read ({error})",
                    where=Where(file=file.name),
                    do="Copy it again: it seems to be cut off",
                ) from None


def _entries(archive: tarfile.TarFile, name: str, budget: Budget) -> Iterator[Entry]:
    for info in archive:
        archive.members = []  # type: ignore[attr-defined]  # it would remember every entry
        inner = f"{name}/{info.name.removeprefix('./')}"
        if info.isdir():
            continue
        if refused := budget.take_entry(name):
            yield refused
            return
        if climbs(info.name):
            yield climbing(inner)
        elif info.issym() or info.islnk():
            yield linking(inner)
        elif not info.isfile():
            yield Refused(inner, "device", "is a device or pipe and no file. Leave it out of the archive.")
        elif is_hidden(info.name.removeprefix("./")) or is_about(info.name):
            yield Skipped(inner, HIDDEN if is_hidden(info.name.removeprefix("./")) else ABOUT)
        else:
            stream = archive.extractfile(info)
            if stream is None:
                continue
            made = unpack(inner, stream, info.size, budget)  # type: ignore[arg-type]
            if isinstance(made, Refused):
                yield made
                continue
            unpacked, temporary = made
            with temporary:
                yield unpacked
