"""The repeats of a dataset version, cluster by cluster."""

from __future__ import annotations

from fastapi import APIRouter, Request

from tuneloop.app.http.paging import After, Limit, Page, page
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.prepare.duplicates import Cluster, clusters
from tuneloop.store import datasets

router = APIRouter(tags=["prepare"])


@router.get("/versions/{name}/duplicates")
def list_duplicates(
    request: Request,
    name: str,
    after: After = None,
    limit: Limit = 50,
    reason: str | None = None,
    caller: Caller = needs("data:read"),
) -> Page[Cluster]:
    """The largest first: the record that stayed, what merged into it, how alike each is, and why it did not stay."""
    ws = service(request).ws
    found = clusters(ws, datasets.version(ws, name), reason=reason, after=after, limit=limit + 1)
    return page(found, limit, lambda one: one.cursor)
