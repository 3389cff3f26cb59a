"""Sources and dataset versions: their records, what was left out and why, and taking it back."""

from __future__ import annotations

import re
from typing import get_args

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from tuneloop.app.http.paging import After, Limit, Page, behind, no_cursor, page
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.served_models import served_tokenizer
from tuneloop.app.http.service import service
from tuneloop.prepare import browsing, differing, versions
from tuneloop.prepare.browsing import Entry
from tuneloop.prepare.differing import Difference
from tuneloop.prepare.frozen import SharedTest, test_set
from tuneloop.prepare.passport import Edit, Result, passport
from tuneloop.prepare.statistics import Statistics, statistics
from tuneloop.prepare.statistics_page import page as page_of
from tuneloop.records import DatasetVersion, Fate, Kind, Origin
from tuneloop.records.origin import Outcome
from tuneloop.records.results import Split
from tuneloop.store import datasets, sources
from tuneloop.store.restores import Restore
from tuneloop.store.sources import Source

router = APIRouter(tags=["prepare"])
RECORD = "r1:[0-9a-f]{1,64}"
"""An id of a record."""


class RecordTraced(BaseModel):
    """A record with every place it came from, how it was edited, and what was made of it.

    `versions` hold it, oldest first, in the split that `splits` says; `models` were trained on it.
    """

    id: str
    payload: dict[str, object]
    origins: list[Origin]
    edits: list[Edit]
    versions: list[str]
    splits: dict[str, str]
    models: list[str]
    results: list[Result]


class Taking(BaseModel):
    """The items to take back, as the list of what was left out names them."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"items": [["source-1", 3]], "note": "short answers are fine"}]}
    )
    items: list[tuple[str, int]] = Field(min_length=1, max_length=1000)
    note: str = Field("", max_length=2000)


@router.get("/sources")
def list_sources(
    request: Request, after: After = None, limit: Limit = 50, caller: Caller = needs("data:read")
) -> Page[Source]:
    """Newest first."""
    ws = service(request).ws
    found = sources.sources(ws, below=behind(ws, after, "source"), limit=limit + 1)
    return page(found[::-1], limit, lambda one: one.id)


@router.get("/sources/{identity}")
def show_source(request: Request, identity: str, caller: Caller = needs("data:read")) -> Source:
    return sources.source(service(request).ws, identity)


@router.get("/versions")
def list_versions(
    request: Request,
    after: After = None,
    limit: Limit = 50,
    scenario: str | None = None,
    caller: Caller = needs("data:read"),
) -> Page[DatasetVersion]:
    """Newest first."""
    ws = service(request).ws
    found = datasets.versions(ws, scenario, below=behind(ws, after, "data"), limit=limit + 1)
    return page(found[::-1], limit, lambda one: one.name)


@router.get("/versions/{name}")
def show_version(request: Request, name: str, caller: Caller = needs("data:read")) -> DatasetVersion:
    return datasets.version(service(request).ws, name)


@router.get("/versions/{name}/records")
def list_records(
    request: Request,
    name: str,
    after: After = None,
    limit: Limit = 50,
    split: Split | None = None,
    kind: Kind | None = None,
    contains: str | None = None,
    tag: str | None = None,
    caller: Caller = needs("data:read"),
) -> Page[Entry]:
    """By rising id."""
    if after is not None and not re.fullmatch(RECORD, after):
        raise no_cursor(after)
    ws = service(request).ws
    version = datasets.version(ws, name)
    looked_for = {"split": split, "kind": kind, "contains": contains, "tag": tag}
    found = browsing.entries(ws, version, after=after, limit=limit + 1, **looked_for)
    return page(found, limit, lambda one: one.id)


@router.get("/versions/{name}/outcomes")
def list_outcomes(
    request: Request,
    name: str,
    after: After = None,
    limit: Limit = 50,
    outcome: Outcome | None = None,
    reason: str | None = None,
    source: str | None = None,
    caller: Caller = needs("data:read"),
) -> Page[Fate]:
    """What became of each source item; `outcome=dropped` lists what a step left out."""
    ws = service(request).ws
    version = datasets.version(ws, name)
    found = browsing.outcomes(
        ws, version, after=_item(after), limit=limit + 1, outcome=outcome, reason=reason, source=source
    )
    return page(found, limit, lambda one: f"{one.source}:{one.item}")


def _item(after: str | None) -> tuple[str, int] | None:
    if after is None:
        return None
    found = re.fullmatch("(source-[0-9]{1,18}):([0-9]{1,18})", after)
    if found is None:
        raise no_cursor(after)
    return found[1], int(found[2])


@router.post("/versions/{name}/restores", status_code=201)
def restore(request: Request, name: str, body: Taking, caller: Caller = needs("data:write")) -> Page[Restore]:
    """Decisions in the caller's name; the next version of the same material applies them."""
    ws = service(request).ws
    version = datasets.version(ws, name)
    found = [
        versions.restore(ws, version, source, item, person=caller.name, note=body.note) for source, item in body.items
    ]
    return page(found, len(found), lambda one: one.item)


@router.get("/versions/{name}/statistics")
def show_statistics(
    request: Request, name: str, base: str = "starter", caller: Caller = needs("data:read")
) -> Statistics:
    """Amounts, lengths in tokens of a base, languages, balance, repeats, variety, sources.

    A large version is better measured by a run (`POST /api/runs`, stage statistics), which shows how far it is.
    """
    ws = service(request).ws
    base = served_tokenizer(ws, "base", base)
    return statistics(ws, datasets.version(ws, name), tokenizer=base)


@router.get("/versions/{name}/statistics.html", response_class=HTMLResponse)
def statistics_page(
    request: Request, name: str, base: str = "starter", caller: Caller = needs("data:read")
) -> HTMLResponse:
    """The same as a page with pictures."""
    ws = service(request).ws
    version = datasets.version(ws, name)
    base = served_tokenizer(ws, "base", base)
    return HTMLResponse(page_of(statistics(ws, version, tokenizer=base), version))


@router.get("/versions/{name}/test-set")
def show_test_set(request: Request, name: str, caller: Caller = needs("data:read")) -> SharedTest:
    """Whose test set a version has, and which versions have the same one."""
    ws = service(request).ws
    return test_set(ws, datasets.version(ws, name))


@router.get("/versions/{name}/difference/{other}")
def difference(request: Request, name: str, other: str, caller: Caller = needs("data:read")) -> dict[str, int]:
    """Records that `other` adds to `name`, lacks, shares with it, or holds in another split."""
    ws = service(request).ws
    return versions.difference(ws, datasets.version(ws, name), datasets.version(ws, other))


@router.get("/versions/{name}/differences/{other}")
def list_differences(
    request: Request,
    name: str,
    other: str,
    after: After = None,
    limit: Limit = 50,
    kind: differing.Kind | None = None,
    caller: Caller = needs("data:read"),
) -> Page[Difference]:
    """Row by row, from `name` to `other`: added, removed, edited (one source item, two records), moved."""
    ws = service(request).ws
    old, new = datasets.version(ws, name), datasets.version(ws, other)
    if after is not None and not re.fullmatch(f"{RECORD} ({'|'.join(get_args(differing.Kind))})", after):
        raise no_cursor(after)
    found = differing.differences(ws, old, new, kind=kind, after=after, limit=limit + 1)
    return page(found, limit, lambda one: one.cursor)


@router.get("/records/{identity}")
def trace(request: Request, identity: str, caller: Caller = needs("data:read")) -> RecordTraced:
    """Back to its sources and forward to what was made of it."""
    found = passport(service(request).ws, identity)
    return RecordTraced(
        id=found.record,
        payload=found.payload,
        origins=found.origins,
        edits=found.edits,
        versions=list(found.versions),
        splits=found.versions,
        models=found.models,
        results=found.results,
    )
