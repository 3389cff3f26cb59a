"""The names of a table's columns: does its first row hold them?  For tables of any format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator


def _written(value: Any) -> Any:
    """YAML reads a bare yes or no as a boolean."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


Header = Annotated[Literal["auto", "yes", "no"], BeforeValidator(_written)]


def column_names(rows: Sequence[Sequence[str]], header: Header) -> list[str] | None:
    """The names from the first row, each different and none empty; None where that row is one like the others."""
    if not rows or header == "no":
        return None
    names = [cell.strip().lstrip("\ufeff") for cell in rows[0]]
    if header == "auto" and not _look_like_names(names, rows[1:]):
        return None
    return [name or f"column_{place}" for place, name in enumerate(_unlike(names), 1)]


def _unlike(names: list[str]) -> list[str]:
    """Names made different: the second `text` becomes `text_2`."""
    seen: Counter[str] = Counter()
    made = []
    for name in names:
        seen[name] += 1
        made.append(f"{name}_{seen[name]}" if name and seen[name] > 1 else name)
    return made


def _look_like_names(names: list[str], rows: Sequence[Sequence[str]]) -> bool:
    """Is the first row unlike the others?  Short words, no number, none of which is a value of its own column."""
    from tuneloop.prepare.shape import is_known_field

    if any(is_known_field(name) for name in names) and all(len(name) <= 40 for name in names):
        return True
    if len(set(names)) < len(names) or any(not name or len(name) > 40 or _is_number(name) for name in names):
        return False
    if any(mark in name for name in names for mark in ".。！？!?，") or not rows:
        return False
    fitting = [row for row in rows if len(row) == len(names)]
    if any(name == row[place] for row in fitting for place, name in enumerate(names)):
        return False
    numeric = [place for place in range(len(names)) if fitting and all(_is_number(row[place]) for row in fitting)]
    longer = [
        place
        for place, name in enumerate(names)
        if fitting and sum(len(row[place]) for row in fitting) > 2 * len(name) * len(fitting)
    ]
    return bool(numeric or longer)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
