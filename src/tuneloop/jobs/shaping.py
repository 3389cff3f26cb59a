"""Files, jobs, events and checkpoints as the protocol writes them: the same for HTTP and `--json`."""

from __future__ import annotations

import time
from typing import Any

from tuneloop.jobs.naming import model_name
from tuneloop.jobs.recipes import numbers_of
from tuneloop.store.files import File
from tuneloop.store.jobs import Job, JobCheckpoint, JobEvent
from tuneloop.store.uploads import Part, Upload

LEGACY = ("n_epochs", "batch_size", "learning_rate_multiplier")


def shaped_upload(one: Upload, file: File | None) -> dict[str, Any]:
    """`file` is what it became, None where it is not there (yet, or no more)."""
    return {
        "id": one.id,
        "object": "upload",
        "bytes": one.bytes,
        "created_at": int(one.created),
        "filename": one.filename,
        "purpose": one.purpose,
        "status": one.status,
        "expires_at": int(one.expires),
        "file": None if file is None else shaped_file(file),
    }


def shaped_part(part: Part) -> dict[str, Any]:
    return {"id": part.id, "object": "upload.part", "created_at": int(part.created), "upload_id": part.upload}


def shaped(job: Job) -> dict[str, Any]:
    numbers = numbers_of(job)
    return {
        "object": "fine_tuning.job",
        "id": job.id,
        "model": job.model,
        "created_at": int(job.created),
        "finished_at": None if job.ended is None else int(job.ended),
        "fine_tuned_model": job.fine_tuned_model,
        "organization_id": f"org-{job.organization}",
        "result_files": list(job.result_files),
        "status": job.status,
        "training_file": job.training_file,
        "validation_file": job.validation_file,
        "hyperparameters": {key: numbers[key] for key in LEGACY},
        "trained_tokens": job.trained_tokens,
        "error": None if job.error is None else {key: job.error.get(key) for key in ("code", "message", "param")},
        "seed": job.seed,
        "estimated_finish": estimated_finish(job),
        "integrations": [],
        "metadata": None if job.tags is None else dict(job.tags),
        "method": job.method,
        "user_provided_suffix": job.suffix,
        "tuneloop": {"run": job.run, "step": max(0, job.told_step), "total_steps": job.total_steps, **_own(job)},
    }


def _own(job: Job) -> dict[str, Any]:
    return {"options": {key: value for key, value in job.options.items() if key != "grader_models"}}


def estimated_finish(job: Job) -> int | None:
    """From the pace so far; None before the first step and after the last."""
    if job.outcome is not None or job.state != "running" or not job.started or not job.total_steps or job.told_step < 1:
        return None
    now = time.time()
    return int(now + max(0.0, now - job.started) / job.told_step * (job.total_steps - job.told_step))


def shaped_event(job: Job, event: JobEvent) -> dict[str, Any]:
    return {
        "object": "fine_tuning.job.event",
        "id": job.event_id(event.number),
        "created_at": int(event.created),
        "level": event.level,
        "type": event.type,
        "message": event.message,
        "data": dict(event.data),
    }


def shaped_checkpoint(job: Job, one: JobCheckpoint) -> dict[str, Any]:
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": one.id,
        "created_at": int(one.created),
        "fine_tuned_model_checkpoint": model_name(job, one.step),
        "fine_tuning_job_id": job.id,
        "step_number": one.step,
        "metrics": {key: value for key, value in one.metrics.items() if value is not None},
        "tuneloop": {"answers": one.answers},
    }


def shaped_file(one: File) -> dict[str, Any]:
    """The file object; `tuneloop` holds what checking it found."""
    body: dict[str, Any] = {
        "id": one.id,
        "object": "file",
        "bytes": one.bytes,
        "created_at": int(one.created),
        "filename": one.filename,
        "purpose": one.purpose,
        "status": one.status,
        "expires_at": None if one.expires is None else int(one.expires),
        "status_details": one.details,
    }
    if one.validation is not None:
        body["tuneloop"] = {"validation": one.validation, **one.options}
    return body
