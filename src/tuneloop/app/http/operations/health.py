"""`/healthz`: the process answers; `/readyz`: its database does, too."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from tuneloop.app.http.calling import quick
from tuneloop.app.http.errors import HttpError
from tuneloop.app.http.security import everybody
from tuneloop.app.http.service import service
from tuneloop.errors import TuneloopError

router = APIRouter(tags=["operations"])


@router.get("/healthz", dependencies=[everybody()])
@quick
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz", dependencies=[everybody()])
@quick
def readyz(request: Request) -> dict[str, str]:
    try:
        with service(request).ws.db.read() as connection:
            connection.execute(text("SELECT 1"))
    except (TuneloopError, SQLAlchemyError) as error:
        raise HttpError(503, f"The database does not answer ({type(error).__name__}).", code="not_ready") from error
    return {"status": "ready"}
