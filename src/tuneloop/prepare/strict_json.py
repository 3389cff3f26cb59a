"""JSON values that mean one thing: what other readers take in silence is refused with a sentence.

Refused are keys that stand twice in an object (one of both would be lost), NaN and infinities (also as 1e999),
numbers of thousands of digits, and nesting deeper than `MAX_DEPTH`.  Raw control characters inside strings are
accepted: they harm nobody, and tools write them.  Lone surrogates are refused where the record is made.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from tuneloop.errors import InputError

MAX_DEPTH = 64


def decode_at(text: str, start: int) -> tuple[Any, int]:
    """The value that begins at `start` and the place after it.

    Raises `json.JSONDecodeError` where it is not JSON (its `pos` says where), `InputError` for what is refused.
    """
    try:
        value, end = _decoder.raw_decode(text, start)
    except RecursionError:
        raise _too_deep() from None
    if _may_be_deep(text, start, end) and _depth(value) > MAX_DEPTH:
        raise _too_deep()
    return value, end


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise InputError(
                    f"the key {key!r} stands twice in one object", expected="each key once", do="Remove one of them"
                )
            seen.add(key)
    return made


def _constant(name: str) -> NoReturn:
    raise InputError(f"found {name}", expected="a finite number or null")


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise InputError(f"found the number {digits[:40]}", expected="a finite number")
    return number


def _int(digits: str) -> int:
    if len(digits) > 1000:
        raise InputError(f"found a number of {len(digits)} digits", expected="at most 1000 digits")
    return int(digits)


_decoder = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float, parse_int=_int, strict=False
)


def _may_be_deep(text: str, start: int, end: int) -> bool:
    return text.count("[", start, end) + text.count("{", start, end) > MAX_DEPTH


def _depth(value: Any) -> int:
    deepest, stack = 0, [(value, 1)]
    while stack:
        inner, depth = stack.pop()
        deepest = max(deepest, depth)
        members = inner.values() if isinstance(inner, dict) else inner
        stack += [(member, depth + 1) for member in members if isinstance(member, dict | list)]
    return deepest


def _too_deep() -> InputError:
    return InputError("is nested too deeply", expected=f"at most {MAX_DEPTH} levels")


_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"?|[\[\]{}]', re.DOTALL)
UNKNOWN = -1


def end_of_broken(text: str, start: int) -> int | None:
    """Where a broken value that begins at `start` seems to end: after the bracket that closes its first one.

    None when `text` ends before; `UNKNOWN` when a line ends inside a string, as brackets can't be told from text then.
    """
    depth = 0
    for token in _TOKEN.finditer(text, start):
        sign = token.group()
        if sign[0] == '"':
            if len(sign) == 1 or sign[-1] != '"':
                return UNKNOWN if token.end() < len(text) else None
        elif sign in "[{":
            depth += 1
        else:
            depth -= 1
            if depth <= 0:
                return token.end()
    return None


def why(error: json.JSONDecodeError) -> str:
    """The reason as the end of a sentence: `is not JSON: expecting ',' delimiter at character 17`."""
    said = error.msg.removesuffix(" at")  # `Unterminated string starting at`
    return f"is not JSON: {said[0].lower()}{said[1:]} at character {error.pos + 1}"
