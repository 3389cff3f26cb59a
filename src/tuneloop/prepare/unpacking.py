"""A file, or the files in it where it is an archive; archives may hold archives.

Limits hold for one input as a whole (`container.Budget`).  What an archive holds is refused one by one.
"""

from __future__ import annotations

from collections.abc import Iterator

from tuneloop.errors import InputError, TuneloopError
from tuneloop.prepare.container import Budget, Container, Entry, Refused, containers
from tuneloop.prepare.document.package import package_kind
from tuneloop.prepare.foreign import name_of_foreign
from tuneloop.prepare.source_file import SourceFile


def opened(file: SourceFile, budget: Budget, depth: int = 0) -> Iterator[Entry]:
    """The file itself, or what it holds when it is a container; a temporary one is gone when the next is asked for."""
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
                yield from opened(entry, budget, depth + 1)
            else:
                yield entry
    except InputError as error:
        yield refused(file.name, error)


def refused(name: str, error: TuneloopError) -> Refused:
    """The sentence without its place, which the report shows beside it."""
    bare = InputError(error.message, expected=error.expected, do=error.do)
    return Refused(name, "unreadable", str(bare))


def _container_of(file: SourceFile) -> Container | None:
    if name_of_foreign(file) is not None or package_kind(file) is not None:  # office documents are zips as well
        return None
    for name in containers:
        member = containers.load(name)()
        if member.recognize(file):
            return member
    return None
