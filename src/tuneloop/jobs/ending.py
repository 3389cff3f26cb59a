"""How jobs end: the outcome, the event that tells it and the word to webhooks, in one transaction.

`fail`, `succeed` and `cancelled` are called under the lock of the job's row and change nothing that has ended before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from tuneloop.errors import InputError, TuneloopError
from tuneloop.jobs import webhooks
from tuneloop.runs.events import add_event
from tuneloop.store import Workspace
from tuneloop.store import jobs as rows
from tuneloop.store.database import clock
from tuneloop.store.jobs import Outcome
from tuneloop.store.tables import runs

CANCELLED = "Fine-tuning job cancelled"


def end(connection: Connection, identity: str, outcome: Outcome, **values: Any) -> bool:
    """Note the outcome and tell webhooks; False where the job had ended already."""
    if rows.locked(connection, identity)["outcome"] is not None:
        return False
    rows.change(connection, identity, outcome=outcome, ended=clock(connection), **values)
    webhooks.enqueue(connection, f"fine_tuning.job.{outcome}", identity)
    return True


def fail(connection: Connection, identity: str, error: Mapping[str, Any]) -> None:
    """Fail a job, and its run where no process works on it."""
    if not end(connection, identity, "failed", error=dict(error)):
        return
    data = {"error_code": error["code"], "error_param": error["param"]}
    rows.tell(connection, identity, error["message"], level="error", data=data)
    run = rows.locked(connection, identity)["run"]
    waiting = update(runs).where(runs.c.id == run, runs.c.state == "queued")
    values = {"state": "failed", "finished": clock(connection), "error": dict(error)}
    if connection.execute(waiting.values(values)).rowcount:
        add_event(connection, run, "failed", {"error": dict(error)})


def cancel(connection: Connection, identity: str) -> None:
    if end(connection, identity, "cancelled"):
        rows.tell(connection, identity, CANCELLED)


def error_of(error: BaseException) -> dict[str, Any]:
    """What went wrong in a run, by the protocol's table of codes."""
    if isinstance(error, InputError):
        message = f"The job failed due to an invalid training file. {error}"
        return {"code": "invalid_training_file", "message": message, "param": "training_file"}
    if isinstance(error, TuneloopError):
        where = error.where.field if error.where else None
        return {"code": error.code, "message": str(error), "param": where}
    return {"code": "server_error", "message": "The server had an error while it ran the job.", "param": None}


def reconcile(ws: Workspace, identity: str) -> None:
    """Bring a job in line with its run where that was ended by another way (`tuneloop runs cancel`, a crash)."""
    job = rows.job(ws, identity)
    if job.outcome is not None or job.state not in ("cancelled", "failed"):
        return
    with ws.db.write(durable=True) as connection:
        if job.state == "cancelled":
            cancel(connection, identity)
        else:
            error = connection.execute(select(runs.c.error).where(runs.c.id == job.run)).scalar() or {}
            message = str(error.get("message") or "The job's process ended without a word.")
            fail(connection, identity, {"code": "server_error", "message": message, "param": None})
