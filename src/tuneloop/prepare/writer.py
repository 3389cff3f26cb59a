"""The contract of a writer: rows of plain data → one file of a format.

`rows` is asked for once, or twice (`passes`) where a format must know all columns before the first row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from tuneloop.registry import Member, Registry

Rows = Callable[[], Iterator[dict[str, Any]]]


class Writer(Member):
    """`media` is the format's media type."""

    media: ClassVar[str]
    passes: ClassVar[int] = 1

    def write(self, file: Path, rows: Rows) -> None:
        raise NotImplementedError


writers = Registry("tuneloop.prepare.writers", Writer)
