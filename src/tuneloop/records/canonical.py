"""Canonical JSON, the bytes that identities are made of (RFC 8785, with integers of any size kept exact).

Keys are ordered by their UTF-16 code units, there is no white space, strings are escaped as little as JSON allows, and
floats are written as ECMAScript does.  NaN, infinities and lone surrogates have no canonical form and are refused.
Differs from RFC 8785 in one point: integers beyond 2^53 keep all digits, where the RFC would round them to a double.
"""

from __future__ import annotations

import json
import math
from typing import Any

from tuneloop.errors import InputError


def canonical(value: Any) -> bytes:
    """The canonical bytes of plain JSON data (dict with string keys, list, tuple, str, int, float, bool, None).

    Raises `InputError` for NaN, infinities, lone surrogates and anything that is not JSON.
    """
    try:
        return _encoded(_write(value))
    except RecursionError:
        raise InputError("is nested too deeply", expected="at most about 900 levels") from None


def canonical_texts(value: Any) -> bytes:
    """The same bytes for data without numbers and with ASCII keys, which the C encoder writes in less time."""
    return _encoded(_texts(value))


_texts = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        found = error.object[error.start : error.start + 1]
        raise InputError(f"found the lone surrogate {found!r}", expected="text that UTF-8 can hold") from None


_quote = json.encoder.encode_basestring  # the C version where there is one; escapes control characters only


def _write(value: Any) -> str:
    if isinstance(value, str):
        return _quote(value)
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dict):
        keys = sorted(value, key=_code_units) if any(not key.isascii() for key in _checked(value)) else sorted(value)
        return "{" + ",".join([f"{_quote(key)}:{_write(value[key])}" for key in keys]) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join([_write(item) for item in value]) + "]"
    raise InputError(f"found a {type(value).__name__}", expected="JSON data")


def _checked(mapping: dict[Any, Any]) -> list[str]:
    for key in mapping:
        if not isinstance(key, str):
            raise InputError(f"found the key {key!r}", expected="a string")
    return list(mapping)


def _code_units(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _number(value: float) -> str:
    """ECMAScript's Number::toString (ECMA-262, 6.1.6.1.20): shortest digits, exponent from 1e21 and below 1e-6."""
    if not math.isfinite(value):
        raise InputError(f"found {value}", expected="a finite number")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    digits, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = digits.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent or 0)  # value = 0.DIGITS x 10^point
    significant = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(significant)
    significant = significant.rstrip("0")
    count = len(significant)
    if count <= point <= 21:
        text = significant + "0" * (point - count)
    elif 0 < point <= 21:
        text = f"{significant[:point]}.{significant[point:]}"
    elif -6 < point <= 0:
        text = "0." + "0" * -point + significant
    else:
        head = significant[0] + (f".{significant[1:]}" if count > 1 else "")
        text = f"{head}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + text
