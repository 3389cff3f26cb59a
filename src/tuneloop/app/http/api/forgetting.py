"""Forgetting a person or a source: what holds their data, and erasing it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from tuneloop.access import audit
from tuneloop.app import beginning
from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.prepare import forgetting
from tuneloop.prepare.forgetting import Touched
from tuneloop.runs import Run, queue

router = APIRouter(tags=["prepare"])


class Whom(BaseModel):
    """A person, as the data's `subject` column names them, or a source: one of both."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"subject": "customer-7"}]})
    subject: str | None = Field(None, min_length=1, max_length=512)
    source: str | None = Field(None, min_length=1, max_length=64)
    rebuild: bool = Field(True, description="Queue the training of touched models again, without the data.")


@router.get("/forgetting")
def touched(
    request: Request,
    subject: str | None = None,
    source: str | None = None,
    caller: Caller = needs("data:write"),
) -> Touched:
    """The records, versions, models and evaluations that hold the data; nothing is changed."""
    return forgetting.touched(service(request).ws, subject=subject, source=source)


@router.post("/forgetting", status_code=201)
def forget(request: Request, body: Whom, caller: Caller = needs("system:manage")) -> Run:
    """A run that erases the data and makes each version again without it; its result names the versions.

    The audit log tells who asked for it, and never which person is to be forgotten.
    """
    ws = service(request).ws
    run = beginning.forget(ws, body.subject, body.source, person=caller.name, rebuild=body.rebuild)
    about = {"of": "a person"} if body.source is None else {"of": "a source", "source": body.source}
    audit.record(ws, "personal_data.forget", run, **about)
    return queue.show(ws, run)
