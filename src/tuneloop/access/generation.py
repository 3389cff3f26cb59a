"""A number that grows with each change of rights in this process, so that what was read before is not trusted after.

Callers are kept in memory for a second (`callers.py`).  Whoever takes a right away calls `changed` after the commit:
in this process it is gone at once, in others within that second.
"""

from __future__ import annotations

from itertools import count

_numbers = count(1)
_latest = 0


def changed() -> None:
    global _latest
    _latest = next(_numbers)


def current() -> int:
    return _latest
