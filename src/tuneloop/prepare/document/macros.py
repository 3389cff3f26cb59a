"""Programs inside of documents: named in the report, and never run."""

from __future__ import annotations

from collections.abc import Iterator

from tuneloop.prepare.container import Skipped
from tuneloop.prepare.document.package import Package
from tuneloop.wording import Words

MACROS = Words("macros, which are never run", "宏，不会执行")


def macros(package: Package) -> Iterator[Skipped]:
    if any(name.endswith("vbaProject.bin") for name in package.names):
        yield Skipped("macros", MACROS)
