"""Column values of a database as plain data: what JSON can hold, exactly or as text.

date, time      ISO 8601; a span as seconds in text (`PT90S`)
Decimal         a number where that is exact, else its digits as text
bytes           text where they are UTF-8, else left out and counted (`Values.left_out`)
lists, objects  item by item; everything else (UUID, addresses, ranges) as the database writes it
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from tuneloop.errors import InputError


class Values:
    """Makes rows plain; `left_out` counts, by column, the bytes that are no text."""

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()

    def row(self, names: tuple[str, ...], values: tuple[Any, ...]) -> dict[str, Any]:
        return {name: self._plain(name, value) for name, value in zip(names, values, strict=True)}

    def _plain(self, column: str, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, Decimal):
            return _number(value)
        if isinstance(value, date | time):
            return value.isoformat()
        if isinstance(value, timedelta):
            return f"PT{value.total_seconds():.6f}".rstrip("0").rstrip(".") + "S"
        if isinstance(value, bytes | bytearray | memoryview):
            return self._text(column, bytes(value))
        if isinstance(value, Mapping):
            return {str(key): self._plain(column, inner) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._plain(column, inner) for inner in value]
        return str(value)

    def _text(self, column: str, value: bytes) -> str | None:
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            text = "\0"
        if "\0" not in text:
            return text
        self.left_out[column] += 1
        return None


def _number(value: Decimal) -> int | float | str:
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value() and abs(value) < 10**30:
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else str(value)


Key = int | float | str | Decimal | datetime | date | UUID
_KINDS: Mapping[str, Any] = {
    "datetime": datetime.fromisoformat, "date": date.fromisoformat, "decimal": Decimal, "uuid": UUID,
    "text": str, "whole": int, "number": float,
}  # fmt: skip


def packed(key: Any, column: str) -> dict[str, str]:
    """A key's value with its type, to be asked with again; raises `InputError` for one that cannot order rows."""
    kinds: tuple[tuple[type, str], ...] = (
        (datetime, "datetime"), (date, "date"), (Decimal, "decimal"), (UUID, "uuid"), (str, "text"), (int, "whole"),
        (float, "number"),
    )  # fmt: skip
    for kind, name in kinds:
        if isinstance(key, kind) and not isinstance(key, bool):
            return {"type": name, "value": key.isoformat() if isinstance(key, date) else str(key)}
    found = "no value" if key is None else f"a value of the type {type(key).__name__}"
    raise InputError(
        f"the key column {column!r} holds {found}",
        expected="numbers, texts or times, each once and never empty",
        do="Name another column: --set places.sql.key=COLUMN, or leave it out",
    )


def unpacked(key: Mapping[str, str]) -> Key:
    found: Key = _KINDS[key["type"]](key["value"])
    return found
