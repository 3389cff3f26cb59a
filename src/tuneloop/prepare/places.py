"""From what a person names (files, folders, archives) to single files, in a fixed order.

Folders and archives may hold archives; limits hold for one input as a whole.  Order is by name, so that the same input
gives the same version everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tuneloop.errors import InputError, NotFoundError, TuneloopError, Where
from tuneloop.prepare.container import (
    ABOUT,
    HIDDEN,
    Budget,
    Container,
    Entry,
    Limits,
    Refused,
    Skipped,
    containers,
    is_about,
    is_hidden,
)
from tuneloop.prepare.document.package import package_kind
from tuneloop.prepare.foreign import name_of_foreign
from tuneloop.prepare.source_file import SourceFile, disk_file, unreadable
from tuneloop.wording import Words

LINKED_FOLDER = Words("link to a folder, not followed", "指向文件夹的链接，不跟随")


def files_in(path: Path, limits: Limits) -> Iterator[Entry]:
    """All files of one input; a temporary one is gone when the next is asked for.

    Raises `NotFoundError` or `InputError` when `path` itself cannot be read; what lies inside is refused one by one.
    """
    budget = Budget(limits)
    name = path.name or path.resolve().name
    if path.is_dir():
        yield from _folder(path, name, budget)
    else:
        yield from _open(disk_file(path, name), budget, depth=0)


def _folder(folder: Path, name: str, budget: Budget) -> Iterator[Entry]:
    found = 0
    for path in _walk(folder):
        inner = path.relative_to(folder).as_posix()
        shown = f"{name}/{inner}"
        found += 1
        if refused := budget.take_entry(name):
            yield refused
            return
        if is_hidden(inner):
            yield Skipped(shown, HIDDEN)
        elif is_about(inner):
            yield Skipped(shown, ABOUT)
        elif path.is_dir():
            yield Skipped(shown, LINKED_FOLDER)
        else:
            try:
                file = disk_file(path, shown)
                yield from _open(file, budget, depth=0)
            except (InputError, NotFoundError) as error:
                yield _refused(shown, error)
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


def _open(file: SourceFile, budget: Budget, depth: int) -> Iterator[Entry]:
    """The file itself, or what it holds when it is a container."""
    container = _container_of(file)
    if container is None:
        yield file
        return
    if depth >= budget.limits.max_depth:
        message = f"is packed more than {budget.limits.max_depth} times over and is not read. Unpack it yourself."
        yield Refused(file.name, "too_deep", message)
        return
    try:
        for entry in container.entries(file, budget):
            if isinstance(entry, SourceFile):
                yield from _open(entry, budget, depth + 1)
            else:
                yield entry
    except InputError as error:
        yield _refused(file.name, error)


def _container_of(file: SourceFile) -> Container | None:
    if name_of_foreign(file) is not None or package_kind(file) is not None:  # office documents are zips as well
        return None
    for name in containers:
        member = containers.load(name)()
        if member.recognize(file):
            return member
    return None


def _refused(name: str, error: TuneloopError) -> Refused:
    """The sentence without its place, which the report shows beside it."""
    bare = InputError(error.message, expected=error.expected, do=error.do)
    return Refused(name, "unreadable", str(bare))
