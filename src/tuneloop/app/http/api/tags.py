"""What each tag of a dataset version is worth."""

from __future__ import annotations

from fastapi import APIRouter, Request

from tuneloop.app.http.paging import After, Limit, Page, no_cursor, page
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.prepare.tag_values import TagValue, tag_values
from tuneloop.store import datasets

router = APIRouter(tags=["prepare"])


@router.get("/versions/{name}/tags")
def list_tags(
    request: Request, name: str, after: After = None, limit: Limit = 50, caller: Caller = needs("data:read")
) -> Page[TagValue]:
    """Amount, grades, losses on the way, use in versions and models, results; those with the most records first."""
    ws = service(request).ws
    found = tag_values(ws, datasets.version(ws, name))
    tags = [one.tag for one in found]
    if after is not None and after not in tags:
        raise no_cursor(after)
    return page(found[tags.index(after) + 1 if after is not None else 0 :], limit, lambda one: one.tag)
