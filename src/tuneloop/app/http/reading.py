"""What no body of JSON may hold, found before anything is made of it.

- More than 64 levels: checks, redaction and grammars walk down what was sent by recursion.  A thousand levels end in an
  error of the server, some hundred of a schema end the engine's process.
- Half characters (`\\ud800` alone) and bytes that are no UTF-8: Python's parser takes them, and then neither a database
  nor an answer can hold them.
"""

from __future__ import annotations

import re
from itertools import accumulate

MOST = 64
SHALLOW = 2
"""Levels that most JSON is made of."""

_ESCAPES = re.compile(rb"\\.", re.DOTALL)
_TEXTS = re.compile(rb'"[^"]*"')
_HALVES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_STEPS = bytes.maketrans(b"{}[]", b"\1\2\1\2")
_OTHER = bytes(one for one in range(256) if one not in b"[]{}")
_LEVEL = (0, 1, -1)


def unreadable(body: bytes) -> str:
    """Why a body cannot be taken; empty where it can, or is no JSON, which its parser tells."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return f"is not UTF-8 at byte {error.start}"
    if b"\0" in body:
        return "holds a NUL character"  # also JSON in UTF-16 and UTF-32
    if _HALF.search(body) and any(found["half"] for found in _HALVES.finditer(body)):
        return "holds half a character (a lone surrogate)"
    return f"is nested too deeply; expected at most {MOST} levels" if too_deep(body) else ""


def too_deep(body: bytes) -> bool:
    """Whether brackets stand within each other more than `MOST` deep; what is no JSON is left to the parser.

    Texts and all else but brackets go in C, then the innermost pairs; what is left is counted.
    """
    if body.count(b"[") + body.count(b"{") <= MOST:
        return False
    bare = _TEXTS.sub(b"", _ESCAPES.sub(b"", body)).translate(_STEPS, _OTHER)
    for _ in range(SHALLOW):
        bare = bare.replace(b"\1\2", b"")
    return max(accumulate(map(_LEVEL.__getitem__, bare)), default=0) + SHALLOW > MOST
