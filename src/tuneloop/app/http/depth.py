"""How deeply the JSON of a body is nested, found before anything is made of it.

Checks, redaction and grammars walk down what was sent by recursion: some thousand levels end in an error of the server,
and some hundred levels of a schema end the engine's process.  64 are more than anybody means.
"""

from __future__ import annotations

import re
from itertools import accumulate

MOST = 64
SHALLOW = 2
"""Levels that most JSON is made of."""

_ESCAPES = re.compile(rb"\\.", re.DOTALL)
_TEXTS = re.compile(rb'"[^"]*"')
_STEPS = bytes.maketrans(b"{}[]", b"\1\2\1\2")
_OTHER = bytes(one for one in range(256) if one not in b"[]{}")
_LEVEL = (0, 1, -1)


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
