"""Files and folders of this machine, and archives in them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from tuneloop.errors import InputError, NotFoundError, Where
from tuneloop.prepare.container import ABOUT, HIDDEN, Budget, Entry, Skipped, is_about, is_hidden
from tuneloop.prepare.place import Place, Visit
from tuneloop.prepare.source_file import disk_file, unreadable
from tuneloop.prepare.unpacking import opened, refused
from tuneloop.wording import Words

LINKED_FOLDER = Words("link to a folder, not followed", "指向文件夹的链接，不跟随")


class Local(Place):
    """Folders are read by name, so that the same folder gives the same version everywhere."""

    title = Words("Files and folders", "文件和文件夹")
    help = Words(
        "Files, folders and archives of this machine. Hidden files and what only describes the data are left out.",
        "本机的文件、文件夹和压缩包；隐藏文件和数据说明文件不读取。",
    )

    @classmethod
    def takes(cls, address: str) -> bool:
        return ":" not in address or address.startswith("file://")

    def entries(self, address: str, visit: Visit) -> Iterator[Entry]:
        path = Path(address.removeprefix("file://")).expanduser()
        yield from files_in(path, visit.budget)
        visit.digest, visit.size = content_digest(path)


def files_in(path: Path, budget: Budget) -> Iterator[Entry]:
    """All files of one path; a temporary one is gone when the next is asked for."""
    name = path.name or path.resolve().name
    if path.is_dir():
        yield from _folder(path, name, budget)
    else:
        yield from opened(disk_file(path, name), budget)


def _folder(folder: Path, name: str, budget: Budget) -> Iterator[Entry]:
    found = 0
    for path in _walk(folder):
        inner = path.relative_to(folder).as_posix()
        shown = f"{name}/{inner}"
        found += 1
        if excess := budget.take_entry(name):
            yield excess
            return
        if is_hidden(inner):
            yield Skipped(shown, HIDDEN)
        elif is_about(inner):
            yield Skipped(shown, ABOUT)
        elif path.is_dir():
            yield Skipped(shown, LINKED_FOLDER)
        else:
            try:
                yield from opened(disk_file(path, shown), budget)
            except (InputError, NotFoundError) as error:
                yield refused(shown, error)
    if not found:
        raise InputError("is an empty folder", expected="files with records", where=Where(file=name))


def _walk(folder: Path) -> Iterator[Path]:
    """Files, links to folders and hidden folders (as one), sorted by path; hidden folders are not entered."""
    try:
        children = sorted(os.scandir(folder), key=lambda child: child.name)
    except OSError as error:
        raise unreadable(str(folder), error) from None
    for child in children:
        path = Path(child.path)
        if child.is_dir(follow_symlinks=False) and not is_hidden(child.name):
            yield from _walk(path)
        else:
            yield path


def content_digest(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file, or of a folder's files by name and content."""
    if path.is_file():
        return _file_digest(path)
    whole, total = hashlib.sha256(), 0
    for child in sorted(one for one in path.rglob("*") if one.is_file()):
        digest, size = _file_digest(child)
        whole.update(f"{child.relative_to(path).as_posix()}\0{digest}\n".encode("utf-8", "surrogatepass"))
        total += size
    return whole.hexdigest(), total


def _file_digest(path: Path) -> tuple[str, int]:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest(), path.stat().st_size
    except OSError:
        return "", 0  # it was refused with its own sentence when it was read
