"""One shape for every list under `/api`: `{"data": [...], "has_more": bool, "next": cursor | null}`.

A cursor goes back as `?after=`; it is a number or an id of the list and nothing to build oneself.  It stands for a
place in the order of all rows, not for a row: rows that leave the filter or go while somebody turns the pages make no
page come twice.  Lists that do not grow with use answer bare: members and recipes (what is installed), webhooks, and
loaded bases.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

from tuneloop.app.http.errors import HttpError
from tuneloop.store import Workspace
from tuneloop.store.tables import last_number

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=1000, description="How many entries at most.")]
After = Annotated[str | None, Query(description="The `next` of the page before.", max_length=200)]

Since = Annotated[datetime | None, Query(description="From this time on; UTC unless it says otherwise.")]
Until = Annotated[datetime | None, Query(description="Before this time.")]


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
    if not re.fullmatch("[0-9]{1,18}", after):
        raise no_cursor(after)
    return int(after)


def behind(ws: Workspace, after: str | None, kind: str) -> int | None:
    """Of a list of numbered rows, newest first: the number that those behind a cursor (`run-37`) are below.

    400 for what was never an id of this list; `kind` is the word before its numbers.
    """
    if after is None:
        return None
    found = re.fullmatch(f"{kind}-([1-9][0-9]{{0,17}})", after)
    if found is None:
        raise no_cursor(after)
    with ws.db.read() as connection:
        last = last_number(connection, kind)
    if int(found[1]) > last:
        raise no_cursor(after)
    return int(found[1])


def no_cursor(after: str) -> HttpError:
    """The answer to a cursor that no page of this list gave."""
    return HttpError(400, f"found the cursor {after!r}; expected the `next` of a page.", code="usage", param="after")


def seconds(time: datetime | None) -> float | None:
    """Since 1970; a time without a zone is UTC."""
    if time is None:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
