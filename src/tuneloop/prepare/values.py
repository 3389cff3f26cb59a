"""Values of raw rows: read as texts, and quoted in sentences."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tuneloop.errors import InputError, Where
from tuneloop.prepare.strict_json import decode_at


def text_of(values: Mapping[str, Any], field: str) -> str:
    """A field that must be a text; numbers are written out, as tables hold them."""
    value = values.get(field)
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise InputError(f"found {shown(value)}", expected="a text", where=Where(field=field))


def optional_text(values: Mapping[str, Any], field: str) -> str | None:
    """The same for a field that may be absent or empty: None."""
    return text_of(values, field) if values.get(field) not in (None, "") else None


def text_or_none(value: Any, field: str) -> str | None:
    """A value that may only be a text; an empty one is None."""
    if value is None or isinstance(value, str):
        return value or None
    raise InputError(f"found {shown(value)}", expected="a text", where=Where(field=field))


def from_text(text: str, field: str, expected: str) -> Any:
    """The value of a JSON text inside a field, as strictly read as the rows themselves."""
    bare = text.strip()
    try:
        value, end = decode_at(bare, 0)
    except json.JSONDecodeError:
        end = -1
    except InputError as error:
        raise InputError(error.message, expected=error.expected, where=Where(field=field), do=error.do) from None
    if end != len(bare):
        raise InputError(f"found the text {shown(text)}", expected=expected, where=Where(field=field))
    return value


def shown(value: Any) -> str:
    """A value as a sentence quotes it, at most 60 characters."""
    kinds = {dict: "an object", list: "a list"}
    if isinstance(value, dict | list):
        return f"{kinds[type(value)]} of {len(value)}"
    written = "null" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return written if len(written) <= 60 else written[:57] + "…" + ('"' if isinstance(value, str) else "")


def with_input(question: str, values: Mapping[str, Any]) -> str:
    """A question and, on a new line, the `input` that it is about, as Alpaca rows divide them."""
    more = optional_text(values, "input")
    if not more or not more.strip():
        return question
    return f"{question}\n{more}" if question.strip() else more
