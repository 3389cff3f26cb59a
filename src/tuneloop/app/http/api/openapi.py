"""The description of all routes, as OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from tuneloop.app.http.security import everybody

router = APIRouter(tags=["operations"])


@router.get("/openapi.json", dependencies=[everybody()])
def openapi(request: Request) -> dict[str, Any]:
    described: dict[str, Any] = request.app.openapi()
    return described
