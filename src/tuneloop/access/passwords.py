"""Passwords: what is accepted, and argon2id with RFC 9106's second recommended option (64 MiB, 3 passes, 4 lanes).

Each check takes 64 MiB, so at most `AT_ONCE` run in a process.  Any characters and spaces may be used, nothing is cut
off, and no kind of character is demanded; what is refused is what is guessed first.  Not covered: lists of passwords
that leaked elsewhere.
"""

from __future__ import annotations

import threading
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from tuneloop.errors import UsageError, Where

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 12, 256
AT_ONCE = 2
COMMON = """
123456789012 1234567890123 12345678910 123456789123 987654321098 password1234 password12345 passwordpassword
qwertyuiop12 qwertyuiop123 qwertyuiopasdf 1qaz2wsx3edc 1q2w3e4r5t6y q1w2e3r4t5y6 administrator administrator1
letmeinletmein iloveyou1234 welcome12345 changeme1234 abcdefghijkl abcd12345678 abc123456789 a1234567890b
unbelievable correcthorsebatterystaple superman1234 football1234 baseball1234 princess1234 sunshine1234
woaini1314520 woaini520520 wodemima1234 tuneloop1234
"""
_COMMON = frozenset(COMMON.split())
_gate = threading.BoundedSemaphore(AT_ONCE)


def check(password: str, name: str) -> None:
    """Refuse a password that is too short, too long, or guessed first; the value is never quoted."""
    where = Where(field="password")
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsageError(
            f"the password has {len(password)} characters", expected=f"{SHORTEST} to {LONGEST}", where=where
        )
    folded = password.casefold()
    if folded in _COMMON or len(set(folded)) < 5 or _runs(folded):
        raise UsageError("the password is among the first that are tried", where=where, do="Choose another")
    if len(name) >= 4 and name.casefold() in folded and len(folded) - len(name) < SHORTEST - 4:
        raise UsageError("the password is little more than the name", where=where, do="Choose another")


def hashed(password: str) -> str:
    with _gate:
        return _hasher().hash(_bytes(password))


def matches(password: str, kept: str | None) -> bool:
    """Whether it is the password; without one on record as much time is taken, so that names cannot be found out."""
    from argon2.exceptions import InvalidHashError, VerificationError

    stored = kept or _nobody()
    with _gate:
        try:
            return _hasher().verify(stored, _bytes(password[: LONGEST + 1])) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def outdated(kept: str) -> bool:
    """Whether a hash was made with other costs than those in use."""
    return _hasher().check_needs_rehash(kept)


def _runs(text: str) -> bool:
    """Whether the text is one run such as 123456789012 or abcdefghijkl, or a short piece repeated."""
    steps = {ord(b) - ord(a) for a, b in pairwise(text)}
    return len(steps) == 1 or any(text == (text[:size] * len(text))[: len(text)] for size in range(1, 5))


def _bytes(password: str) -> bytes:
    """Halves of surrogate pairs, which JSON may hold, count as they are."""
    return password.encode("utf-8", "surrogatepass")


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobody() -> str:
    return _hasher().hash("nobody has this password")
