"""Files laid into a spool one after the other, within a bound of bytes, and handed out as they come.

A file that was laid there before is not fetched again.  Where a further one needs room, those that were read go first,
so that the spool holds at most `most` bytes; what has gone, a second start fetches again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tuneloop.prepare.container import Entry, Refused
from tuneloop.prepare.fetching.spool import Spool
from tuneloop.prepare.place import Visit
from tuneloop.prepare.source_file import SourceFile
from tuneloop.prepare.unpacking import opened

PART = ".part"


@dataclass(frozen=True)
class There:
    """A file elsewhere: `path` inside its set or bucket, `size` in bytes, `digest` its SHA-256 where it is known,
    `mark` what changes with its content (an etag, a time), where that is known."""

    path: str
    size: int | None = None
    digest: str | None = None
    mark: str = ""


@dataclass
class SpooledFiles:
    """`fetch(file, target, look)` writes a file's bytes to `target`, going on behind what is there of them."""

    spool: Spool
    visit: Visit
    most: int
    fetch: Callable[[There, Path, Callable[[int], None]], None]

    def entries(self, files: list[tuple[str, There]]) -> Iterator[Entry]:
        """The files in order, each under its name, and what they hold where they are archives."""
        total = sum(one.size or 0 for _, one in files) or None
        done = 0
        for name, one in files:
            if one.size is not None and one.size > self.most:
                yield Refused(name, "too_large", _too_large(one.size, self.most))
                continue
            path = self._place(one)
            if not path.exists():
                part = path.with_name(path.name + PART)
                held = part.stat().st_size if part.exists() else 0
                self.spool.make_room(max((one.size or 0) - held, 0), self.most)
                self.fetch(one, part, self._look_from(done, total))
                part.replace(path)
            done += path.stat().st_size
            digest = one.digest or _digest(path)
            self.visit.add_content(one.path, digest, path.stat().st_size)
            yield from opened(SourceFile(name, path=path), self.visit.budget)
            self.spool.was_read(path)

    def _look_from(self, done: int, total: int | None) -> Callable[[int], None]:
        return lambda count: self.visit.look((done + count) >> 20, None if total is None else total >> 20, "MiB")

    def _place(self, one: There) -> Path:
        told = f"{one.path}\0{one.size}\0{one.digest}\0{one.mark}"
        name = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return self.spool.folder / f"{name}{PurePosixPath(one.path).suffix.lower()[:12]}"


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _too_large(size: int, most: int) -> str:
    return (
        f"has {size:,} bytes, more than the {most:,} that may be laid aside. Raise spool_gigabytes of its place in the "
        "recipe, or split the file."
    )
