"""The lines of a text file in bounded memory, with their numbers, whatever the length of a line."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import NamedTuple

MAX_LINE = 32 * 1024 * 1024
"""Characters; a longer line is no record that anybody wrote, and reading on would fill the memory."""


class Line(NamedTuple):
    """`text` without its line break; `cut` says that it was longer than the limit and only its beginning is here."""

    number: int
    text: str
    cut: bool = False


def lines(stream: io.TextIOWrapper, limit: int = MAX_LINE) -> Iterator[Line]:
    """All lines, numbered from 1; a carriage return at the end belongs to the line break."""
    number = 0
    while text := stream.readline(limit):
        number += 1
        if len(text) < limit or text.endswith(("\n", "\r")):
            yield Line(number, text.rstrip("\r\n"))
            continue
        while (rest := stream.readline(limit)) and not rest.endswith(("\n", "\r")):
            pass
        yield Line(number, text, cut=True)
