"""What a job's model is called."""

from __future__ import annotations

from tuneloop.store.jobs import Job


def model_name(job: Job, step: int | None = None) -> str:
    """`ft:{base}:{organization}:{suffix}:{8 characters}`, with `:ckpt-step-88` for a checkpoint's."""
    name = f"ft:{job.base}:{job.organization}:{job.suffix or ''}:{job.mark}"
    return name if step is None else f"{name}:ckpt-step-{step}"
