"""The examples of our own that the spam detector is fitted on.

`rows.tsv` holds rows written one by one.  The other files hold one pattern a line: `{city}` takes a value of the slot
`city` (`slots.txt`), `(a|b)` one of the two; brackets nest.  Each pattern is written out several times.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
Row = tuple[str, bool]
"""A text, and whether it is spam."""
_CHOICE = re.compile(r"\(([^()]*\|[^()]*)\)")
_SLOT = re.compile(r"\{([a-z]+)\}")


def single_rows() -> list[Row]:
    """Rows written one by one."""
    lines = (FOLDER / "rows.tsv").read_text(encoding="utf-8").splitlines()
    return [(text, mark == "1") for mark, _, text in (line.partition("\t") for line in lines)]


def patterns() -> list[Row]:
    """All patterns."""
    return [
        (line, name.startswith("spam"))
        for name in ("spam_zh", "ham_zh", "spam_en", "ham_en")
        for line in (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    ]


def written(pattern: str, draw: random.Random) -> str:
    """One text of a pattern."""
    text = pattern.replace(r"\n", "\n")
    while (found := _CHOICE.search(text)) is not None:
        text = text[: found.start()] + draw.choice(found[1].split("|")) + text[found.end() :]
    return _SLOT.sub(lambda slot: draw.choice(_slots()[slot[1]]) if slot[1] in _slots() else slot[0], text)


def texts(pattern: str, count: int) -> Iterator[str]:
    """Up to `count` different texts of a pattern, the same each time."""
    draw = random.Random(pattern)
    seen = set()
    for _ in range(count):
        text = written(pattern, draw)
        if text not in seen:
            seen.add(text)
            yield text


@cache
def _slots() -> Mapping[str, list[str]]:
    lines = (FOLDER / "slots.txt").read_text(encoding="utf-8").splitlines()
    return {name.strip(): values.strip().split("|") for name, _, values in (line.partition(" = ") for line in lines)}
