"""`/healthz`: the process answers; `/readyz`: its database does, too, and it is not about to stop."""

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
    held = service(request)
    stopping = held.parts.get("stopping")
    if stopping is not None and stopping.is_set():
        raise _not_ready("The server is stopping.")
    try:
        with held.ws.db.read() as connection:
            connection.execute(text("SELECT 1"))
    except (TuneloopError, SQLAlchemyError) as error:
        raise _not_ready(f"The database does not answer ({type(error).__name__}).") from error
    return {"status": "ready"}


def _not_ready(why: str) -> HttpError:
    return HttpError(503, why, code="not_ready", headers={"retry-after": "1"})
