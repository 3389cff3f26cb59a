"""One shape for every list under `/api`: `{"data": [...], "has_more": bool, "next": cursor | null}`.

A cursor goes back as `?after=`; it is a number or an id of the list and nothing to build oneself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

from tuneloop.app.http.errors import HttpError

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=1000, description="How many entries at most.")]
After = Annotated[str | None, Query(description="The `next` of the page before.", max_length=200)]


class Page(BaseModel, Generic[T]):
    """Entries in the order of the list; `next` is there while there are more."""

    data: list[T]
    has_more: bool
    next: str | None


def page(found: Iterable[T], limit: int, cursor: Callable[[T], object]) -> Page[T]:
    """The first `limit` of what was found; the source should give one more than that, if it has it."""
    rows = list(islice(found, limit + 1))
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(data=rows, has_more=more, next=str(cursor(rows[-1])) if more else None)


def number(after: str | None) -> int | None:
    """A cursor that is a number; 400 for one that no list gave."""
    if after is None:
        return None
    if not after.isascii() or not after.isdigit() or len(after) > 18:
        raise HttpError(400, f"found the cursor {after!r}; expected the `next` of a page.", code="usage", param="after")
    return int(after)
