"""How much one key or session may have under way: whoever asks for more is told to come again, before others wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from fastapi import Request

from tuneloop.app.http.errors import HttpError
from tuneloop.app.http.security import Caller
from tuneloop.app.http.service import service
from tuneloop.app.http.settings import Rules


def full(most: int, what: str, seconds: int) -> HttpError:
    """429; `what` is what there are `most` of already, `seconds` when it is worth asking again."""
    message = f"{most} {what} are under way for this key already. Wait until one has ended."
    return HttpError(429, message, code="queue_full", headers={"retry-after": str(seconds)})


@contextmanager
def one_more(request: Request, caller: Caller) -> Generator[None]:
    """An answer of this caller is under way; raises HttpError where that is one too many."""
    held = service(request)
    most = Rules.of(held).settings.answers_at_once
    counts: Counter[str] = held.parts.setdefault("under_way", Counter())
    name = name_of(caller)
    if counts[name] >= most:
        raise full(most, "answers", 1)
    counts[name] += 1
    try:
        yield
    finally:
        counts[name] -= 1
        if not counts[name]:
            del counts[name]


def name_of(caller: Caller) -> str:
    return caller.key or caller.session or caller.user
