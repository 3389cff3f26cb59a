"""What a server does for jobs beside answering; called every few seconds, by several servers at once if need be."""

from __future__ import annotations

from tuneloop.jobs import creating, ending, stopping, webhooks
from tuneloop.store import Workspace, files, uploads
from tuneloop.store import jobs as rows


def keep_up(ws: Workspace) -> None:
    """Finish what a crash left between two steps, bring jobs in line with their runs, tell webhooks."""
    for job in rows.unfinished(ws):
        if job.validated is None:
            creating.validate(ws, job.id)
        ending.reconcile(ws, job.id)
    for job in rows.cancelled_at_work(ws):
        stopping.follow_cancelled(ws, job)
    webhooks.deliver_due(ws)


def remove_expired(ws: Workspace) -> list[str]:
    """Files and uploads whose time is over; once a minute is enough."""
    uploads.remove_ended(ws)
    return files.delete_expired(ws)
