"""From pseudonyms back to the real values; each look stands in the audit log."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from tuneloop.app.http.security import Caller, actor, needs
from tuneloop.app.http.service import service
from tuneloop.prepare import revealing
from tuneloop.prepare.revealing import Revelation

router = APIRouter(tags=["prepare"])


class Hidden(BaseModel):
    """A text with pseudonyms in it, at most 200 different ones."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": "Call [MOBILE-K7QM2XVB]"}]})
    text: str = Field(min_length=1, max_length=100_000)


@router.post("/revealing")
def reveal(request: Request, body: Hidden, caller: Caller = needs("system:manage")) -> Revelation:
    """The text with the real values in it, where the server holds the key that was in use; noted in the audit log."""
    return revealing.reveal(service(request).ws, body.text, by=actor(request))
