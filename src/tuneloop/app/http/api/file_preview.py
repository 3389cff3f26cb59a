"""The first lines of an uploaded file as training would read them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from tuneloop.app.http.security import Caller, needs
from tuneloop.app.http.service import service
from tuneloop.jobs.previewing import preview
from tuneloop.models.places import STARTER
from tuneloop.store import files

router = APIRouter(tags=["files"])


@router.get("/files/{identity}/preview")
def preview_file(
    request: Request,
    identity: str,
    limit: Annotated[int, Query(ge=1, le=200, description="Lines at most.")] = 20,
    model: Annotated[str, Query(max_length=512, description="Whose template and tokenizer.")] = STARTER,
    caller: Caller = needs("files:read"),
) -> dict[str, Any]:
    """Parsed messages, the text of the model's template, tokens, and the problems of each line."""
    ws = service(request).ws
    return preview(ws, files.file(ws, identity), model=model, limit=limit)
