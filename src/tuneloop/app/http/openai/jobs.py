"""`/v1/fine_tuning/jobs`: made, listed, followed, stopped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from tuneloop.app.http.calling import quick
from tuneloop.app.http.errors import HttpError, http_error, not_an_object, not_json, unsupported
from tuneloop.app.http.openai.streaming import HEADERS, stream
from tuneloop.app.http.queues import full
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.served_steps import check_steps
from tuneloop.app.http.service import service
from tuneloop.app.http.settings import Rules
from tuneloop.errors import ConflictError, NotFoundError, UsageError
from tuneloop.jobs import creating, stopping
from tuneloop.jobs.shaping import shaped, shaped_checkpoint, shaped_event
from tuneloop.store import Workspace
from tuneloop.store import jobs as rows
from tuneloop.store.jobs import Job

router = APIRouter(tags=["fine-tuning"])
MOST_BODY = 1 << 20
Limit = Annotated[int, Query(ge=1, le=1000)]

OBJECT = {"type": ["object", "null"]}
CREATE = {"requestBody": {"required": True, "content": {"application/json": {"schema": {
    "type": "object", "required": ["model", "training_file"],
    "properties": {
        "model": {"type": "string"}, "training_file": {"type": "string"},
        "validation_file": {"type": ["string", "null"]},
        "suffix": {"type": ["string", "null"], "minLength": 1, "maxLength": 64},
        "seed": {"type": ["integer", "null"], "minimum": 0, "maximum": 2147483647},
        "metadata": {**OBJECT, "additionalProperties": {"type": "string"}},
        "method": OBJECT, "hyperparameters": OBJECT, "tuneloop": OBJECT,
    },
    "examples": [{"model": "starter", "training_file": "file-abc", "suffix": "family",
                  "tuneloop": {"on_bad_rows": "set_aside"}}],
}}}}}  # fmt: skip


@router.post("/fine_tuning/jobs", openapi_extra=CREATE)
async def create_job(request: Request, caller: Caller = needs("jobs:write")) -> dict[str, Any]:
    """Make a job; a repeated request of the official client gives the job that is there."""
    return await run_in_threadpool(_create, request, await _body(request), caller)


def _create(request: Request, body: dict[str, Any], caller: Caller) -> dict[str, Any]:
    ws = service(request).ws
    most = Rules.of(service(request)).settings.jobs_at_once
    ours = body.get("tuneloop")
    recipe = ours.get("prepare") if isinstance(ours, dict) else None
    if isinstance(recipe, dict):
        _check_steps(recipe)
    retries = request.headers.get("x-stainless-retry-count", "0")
    try:
        job = creating.create(
            ws,
            body,
            owner=caller.key or caller.user,
            repeat_key=request.headers.get("idempotency-key"),
            retry=retries.isdecimal() and int(retries) > 0,
            most=most,
        )
    except creating.QueueFull:
        raise full(most, "jobs", 60) from None
    except ConflictError as error:
        raise HttpError(409, str(error), code="idempotency_conflict", param="Idempotency-Key") from None
    _begin(request)
    return shaped(job)


def _check_steps(recipe: dict[str, Any]) -> None:
    try:
        check_steps(recipe, "tuneloop.prepare")
    except UsageError as error:
        field = (error.where.field if error.where else None) or "tuneloop.prepare"
        raise http_error(error, field.replace("[", ".").replace("]", "")) from None


def _begin(request: Request) -> None:
    """Let the server's supervisor start a process now, and not at its next round."""
    if supervisor := service(request).parts.get("supervisor"):
        supervisor.wake()


async def _body(request: Request) -> dict[str, Any]:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MOST_BODY:
            raise HttpError(413, "The request is too large.", code="request_too_large")
    try:
        body = json.loads(bytes(data)) if data else None
    except (ValueError, RecursionError) as error:
        raise not_json(error) from None
    if not isinstance(body, dict):
        raise not_an_object(body)
    return body


METADATA: dict[str, Any] = {"parameters": [{
    "name": "metadata", "in": "query", "style": "deepObject", "explode": True,
    "schema": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
}]}  # fmt: skip


@router.get("/fine_tuning/jobs", openapi_extra=METADATA)
@quick
def list_jobs(
    request: Request, after: str | None = None, limit: Limit = 20, caller: Caller = needs("jobs:read")
) -> dict[str, Any]:
    """Newest first; `metadata[key]=value` filters, `metadata=null` gives those without any."""
    filters = ((re.fullmatch(r"metadata\[(.*)\]", key), value) for key, value in request.query_params.items())
    tags = {match[1]: value for match, value in filters if match}
    untagged = request.query_params.get("metadata") == "null"
    found, more = rows.jobs(service(request).ws, after=after, limit=limit, tags=tags, untagged=untagged)
    return {"object": "list", "data": [shaped(job) for job in found], "has_more": more}


@router.get("/fine_tuning/jobs/{identity}")
@quick
def retrieve_job(request: Request, identity: str, caller: Caller = needs("jobs:read")) -> dict[str, Any]:
    return shaped(_job(service(request).ws, identity))


@router.post("/fine_tuning/jobs/{identity}/cancel")
def cancel_job(request: Request, identity: str, caller: Caller = needs("jobs:write")) -> dict[str, Any]:
    return _stopped(request, identity, stopping.cancel)


@router.post("/fine_tuning/jobs/{identity}/pause")
def pause_job(request: Request, identity: str, caller: Caller = needs("jobs:write")) -> dict[str, Any]:
    return _stopped(request, identity, stopping.pause)


@router.post("/fine_tuning/jobs/{identity}/resume")
def resume_job(request: Request, identity: str, caller: Caller = needs("jobs:write")) -> dict[str, Any]:
    answer = _stopped(request, identity, stopping.resume)
    _begin(request)
    return answer


def _stopped(request: Request, identity: str, do: Any) -> dict[str, Any]:
    try:
        with _known():
            return shaped(do(service(request).ws, identity))
    except stopping.JobEnded as error:
        raise HttpError(400, error.message, code=error.code) from None
    except ConflictError as error:
        raise http_error(error) from None


@router.get("/fine_tuning/jobs/{identity}/events", response_model=None)
@quick
def list_events(
    request: Request,
    identity: str,
    after: str | None = None,
    limit: Limit = 20,
    stream_asked: Annotated[bool, Query(alias="stream")] = False,
    caller: Caller = needs("jobs:read"),
) -> dict[str, Any] | StreamingResponse:
    """Newest first; with `stream=true` as they happen, oldest first, behind `after` or the header Last-Event-ID."""
    ws = service(request).ws
    if stream_asked:
        job = _job(ws, identity)
        since = request.headers.get("last-event-id") or after
        number = _number(job, since) if since else 0
        return StreamingResponse(
            stream(ws, job, number, service(request).parts.get("stopping")),
            headers=HEADERS,
            media_type="text/event-stream; charset=utf-8",
        )
    with _known(), ws.db.read() as connection:
        job = rows.in_transaction(connection, identity)
        below = _number(job, after) if after else None
        found, more = rows.events_in_transaction(connection, identity, after=below, limit=limit)
    return {"object": "list", "data": [shaped_event(job, event) for event in found], "has_more": more}


def _number(job: Job, event: str) -> int:
    """The number of an event of this job, by its id."""
    start, _, number = event.rpartition("-")
    mine = start == f"ftevent-{job.mark}" and number.isascii() and number.isdecimal() and len(number) < 12
    if not mine or not 1 <= int(number) <= job.events:
        raise HttpError(400, f"{event!r} is no event of this job.", param="after", code="invalid_value")
    return int(number)


@router.get("/fine_tuning/jobs/{identity}/checkpoints")
@quick
def list_checkpoints(
    request: Request, identity: str, after: str | None = None, limit: Limit = 10, caller: Caller = needs("jobs:read")
) -> dict[str, Any]:
    """Newest first."""
    ws = service(request).ws
    job = _job(ws, identity)
    found, more = rows.checkpoints(ws, identity, after=after, limit=limit)
    return {
        "object": "list",
        "data": [shaped_checkpoint(job, one) for one in found],
        "first_id": found[0].id if found else None,
        "last_id": found[-1].id if found else None,
        "has_more": more,
    }


PERMISSIONS: dict[str, Any] = {
    "parameters": [{"name": name, "in": "query", "schema": {}} for name in ("after", "limit", "order", "project_id")]
}
"""What the official client may send."""


@router.get("/fine_tuning/checkpoints/{checkpoint:path}/permissions", openapi_extra=PERMISSIONS)
def list_permissions(checkpoint: str, caller: Caller = needs("jobs:read")) -> None:
    raise unsupported("permissions", "There is one organization here, and all of it may use every checkpoint.")


@router.post("/fine_tuning/checkpoints/{checkpoint:path}/permissions")
def add_permission(checkpoint: str, caller: Caller = needs("jobs:write")) -> None:
    raise unsupported("permissions", "There is one organization here, and all of it may use every checkpoint.")


@router.delete("/fine_tuning/checkpoints/{checkpoint:path}/permissions/{permission}")
def delete_permission(checkpoint: str, permission: str, caller: Caller = needs("jobs:write")) -> None:
    raise unsupported("permissions", "There is one organization here, and all of it may use every checkpoint.")


def _job(ws: Workspace, identity: str) -> Job:
    with _known():
        return rows.job(ws, identity)


@contextmanager
def _known() -> Iterator[None]:
    """Turns a job that is not there into the protocol's answer."""
    try:
        yield
    except NotFoundError as error:
        raise HttpError(404, error.message, param="fine_tune_id", code="fine_tune_not_found") from None
