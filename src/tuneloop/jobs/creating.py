"""From a request to a job and its run, in one transaction; and the look at its files that follows.

A create whose answer got lost is sent again by the official client: the same body of the same key, marked as a retry,
gives the job that is already there; so does an explicit idempotency key.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, insert, select

from tuneloop.errors import ConflictError, InputError, NotFoundError, TuneloopError, Where
from tuneloop.jobs import bases, ending
from tuneloop.jobs.request import JobRequest, fingerprint, read_request
from tuneloop.prepare.checking import LEAST, METHOD_OF, TOO_FEW
from tuneloop.runs import queue
from tuneloop.scores.grader import models_of, read_grader
from tuneloop.store import Workspace, files
from tuneloop.store import jobs as rows
from tuneloop.store.database import clock
from tuneloop.store.files import File, new_id
from tuneloop.store.jobs import Job
from tuneloop.store.jobs_tables import jobs as table
from tuneloop.store.tables import lock_kind, next_number, settings

KIND = "tune"
REPEAT_SECONDS = 600.0
ORGANIZATION, LOCAL = "organization", "local"


class InvalidTrainingFile(InputError):
    code = "invalid_training_file"


class InvalidValidationFile(InputError):
    code = "invalid_validation_file"


class QueueFull(TuneloopError):
    code = "queue_full"


class ModelNotFound(NotFoundError):
    code = "model_not_found"


def create(
    ws: Workspace,
    body: Mapping[str, Any],
    *,
    owner: str = "",
    repeat_key: str | None = None,
    retry: bool = False,
    trusted: bool = False,
    most: int | None = None,
) -> Job:
    """The job as it stands right after it was made; the caller starts its process, or the server's supervisor does.

    `most` is how many jobs of this owner may be under way; `QueueFull` is raised beyond.  Raises `SettingError` for the
    request, `NotFoundError` for model and files, `InvalidTrainingFile` for rows that cannot be used and were not to be
    set aside, `ConflictError` where the idempotency key was used for another request.
    """
    told = fingerprint(body)
    if found := _there(ws, owner, told, repeat_key, retry):
        return found
    request = read_request(body)
    try:
        base = bases.find(ws, request.model, trusted=trusted)
        grader = _grader_models(ws, request, trusted)
    except NotFoundError as error:
        raise ModelNotFound(error.message, where=Where(field="model"), do=error.do) from None
    training = _file(ws, request.training_file, "training_file")
    validation = _file(ws, request.validation_file, "validation_file") if request.validation_file else None
    _check_rows(request, training, "training_file")
    if validation is not None:
        _check_rows(request, validation, "validation_file")
        if validation.digest == training.digest:
            raise InvalidValidationFile(
                f"{validation.filename} holds the same as the training file, and what is validated on is not trained"
                " on: nothing is left to train on",
                where=Where(field="validation_file"),
                do="Name a file with other rows, or leave validation_file out: then a tenth is kept for it",
            )
    with ws.db.write(durable=True) as connection:
        lock_kind(connection, "job")
        if identity := _known(connection, owner, told, repeat_key, retry):
            return rows.in_transaction(connection, identity)
        _check_queue(connection, owner, most)
        for one in (training, validation):  # not deleted meanwhile
            if one is not None:
                files.lock_file(connection, one.id)
        identity = _insert(ws, connection, request, base, grader, owner, told, repeat_key)
        made = rows.in_transaction(connection, identity)
    validate(ws, identity)
    return made


def _check_queue(connection: Connection, owner: str, most: int | None) -> None:
    mine = select(func.count()).select_from(table).where(table.c.owner == owner, table.c.outcome.is_(None))
    if most is not None and connection.execute(mine).scalar_one() >= most:
        raise QueueFull(f"{most} jobs are under way", expected="fewer", do="Wait until one has ended, or cancel one")


def _insert(
    ws: Workspace,
    connection: Connection,
    request: JobRequest,
    base: bases.Base,
    grader: Mapping[str, str],
    owner: str,
    told: str,
    repeat_key: str | None,
) -> str:
    identity = new_id("ftjob-")
    options = request.options.model_dump(exclude_unset=True)
    if grader:
        options["grader_models"] = dict(grader)
    spec = {
        "job": identity,
        "base": base.reference,
        "method": request.method_name,
        "training_file": request.training_file,
        "validation_file": request.validation_file,
    }
    run = queue.add(connection, KIND, spec, {"cpu": os.cpu_count() or 1})
    row = {
        "id": identity,
        "number": next_number(connection, "job"),
        "run": run,
        "owner": owner,
        "request": told,
        "repeat_key": repeat_key,
        "model": request.model,
        "base": base.name,
        "training_file": request.training_file,
        "validation_file": request.validation_file,
        "suffix": request.suffix,
        "seed": secrets.randbelow(2**31) if request.seed is None else request.seed,
        "tags": request.metadata or None,
        "method": _method(request),
        "options": options,
        "organization": _organization(connection),
        "events": 0,
        "told_step": -1,
        "result_files": [],
        "created": clock(connection),
    }
    connection.execute(insert(table).values(row))
    rows.tell(connection, identity, f"Created fine-tuning job: {identity}")
    beside = f" and validation file: {request.validation_file}" if request.validation_file else ""
    rows.tell(connection, identity, f"Validating training file: {request.training_file}{beside}")
    return identity


def _method(request: JobRequest) -> dict[str, Any]:
    numbers = request.numbers.model_dump(exclude_unset=False)
    own: dict[str, Any] = {"hyperparameters": numbers}
    if request.method and request.method.reinforcement:
        own["grader"] = request.method.reinforcement.grader
    return {"type": request.method_name, request.method_name: own}


def _organization(connection: Connection) -> str:
    found = connection.execute(select(settings.c.value).where(settings.c.key == ORGANIZATION)).scalar()
    return str(found or LOCAL)


def _grader_models(ws: Workspace, request: JobRequest, trusted: bool) -> dict[str, str]:
    """What is loaded for each model that the grader asks."""
    if request.method is None or request.method.reinforcement is None:
        return {}
    grader = read_grader(request.method.reinforcement.grader)
    return {name: bases.find(ws, name, trusted=trusted).reference for name in sorted(models_of(grader))}


def _file(ws: Workspace, identity: str, field: str) -> File:
    kind = InvalidTrainingFile if field == "training_file" else InvalidValidationFile
    try:
        found = files.file(ws, identity)
    except NotFoundError as error:
        raise kind(error.message, where=Where(field=field), do="Upload it first, with purpose fine-tune") from None
    if found.purpose != "fine-tune":
        raise kind(
            f"the file {identity} has the purpose {found.purpose!r}", expected="'fine-tune'", where=Where(field=field)
        )
    return found


def sets_aside(options: Mapping[str, Any], file: File) -> bool:
    """Whether rows that cannot be used are left out: as the job says, else as the upload said."""
    return (options.get("on_bad_rows") or file.options.get("on_bad_rows")) == "set_aside"


def _check_rows(request: JobRequest, file: File, field: str) -> None:
    """Refuse a file with rows that cannot be used; what makes a whole file unfit is told by the job's failure."""
    found = file.validation or {}
    method = request.method_name
    bad = found["examples"] - found["usable"][method]
    if not bad or _unfit(file, method, LEAST if field == "training_file" else 1) is not None:
        return
    if sets_aside(request.options.model_dump(exclude_unset=True), file):
        return
    kind = InvalidTrainingFile if field == "training_file" else InvalidValidationFile
    first = found["problems"][method][0]
    more = f" {bad - 1} more cannot be used either." if bad > 1 else ""
    raise kind(
        f"{first['message'].rstrip('.')}.{more}",
        where=Where(field=field),
        do=f"{first['fix']['en']} Or send tuneloop.on_bad_rows = set_aside to train on the other"
        f" {found['usable'][method]} rows",
    )


def _unfit(file: File, method: str, least: int) -> dict[str, Any] | None:
    """The job's error where a file as a whole cannot serve."""
    found = file.validation or {}
    param = "training_file" if least > 1 else "validation_file"
    if found["examples"] < least:
        message = TOO_FEW.format(count=found["examples"], least=least)
        return {"code": "invalid_n_examples", "message": message, "param": param}
    if found["usable"][method]:
        return None
    made_for = METHOD_OF[found["format"]]
    if found["format"] != "unknown" and made_for != method:
        names = {"chat": "fine-tune-chat", "completion": "fine-tune-completions"}
        name = names.get(found["format"], f"fine-tune-{found['format']}")
        return {
            "code": "invalid_file_format",
            "message": f"Input file {file.id} is in the {name} format, but the specified fine-tuning job is not using"
            f" {made_for!r} as the training method (provided method={method}).",
            "param": param,
        }
    first = found["problems"][method][0]["message"]
    message = f"The job failed due to an invalid training file. {first}"
    return {"code": f"invalid_{param}", "message": message, "param": param}


def validate(ws: Workspace, identity: str) -> None:
    """Look at a new job's files: it moves to the queue, or fails.  Once is enough, whoever does it."""
    job = rows.job(ws, identity)
    if job.validated is not None or job.outcome is not None:
        return
    method = job.method["type"]
    training = files.file(ws, job.training_file, expired=True)
    error = _unfit(training, method, LEAST)
    if error is None and job.validation_file:
        error = _unfit(files.file(ws, job.validation_file, expired=True), method, 1)
    with ws.db.write(durable=True) as connection:
        row = rows.locked(connection, identity)
        if row["validated"] is not None or row["outcome"] is not None:
            return
        if error is not None:
            ending.fail(connection, identity, error)
            return
        bad = (training.validation or {})["examples"] - (training.validation or {})["usable"][method]
        if bad:
            first = (training.validation or {})["problems"][method][0]
            rows.tell(
                connection,
                identity,
                f"Rows of the training file that cannot be used and are set aside: {bad}. {first['message']}",
                level="warn",
                data={"tuneloop": {"set_aside": bad, "first": first}},
            )
        rows.tell(connection, identity, "Files validated, moving job to queued state")
        rows.change(connection, identity, validated=clock(connection))


def _there(ws: Workspace, owner: str, told: str, repeat_key: str | None, retry: bool) -> Job | None:
    """A first look without a lock, so that a repeated request does not depend on files that are gone since."""
    with ws.db.read() as connection:
        identity = _known(connection, owner, told, repeat_key, retry)
        return rows.in_transaction(connection, identity) if identity else None


def _known(connection: Connection, owner: str, told: str, repeat_key: str | None, retry: bool) -> str | None:
    """The job that this request made before."""
    columns = table.c
    recent = (columns.owner == owner) & (columns.created > clock(connection) - REPEAT_SECONDS)
    newest = columns.number.desc()
    if repeat_key is not None:
        query = select(columns.id, columns.request).where(columns.owner == owner, columns.repeat_key == repeat_key)
        row = connection.execute(query.order_by(newest).limit(1)).first()
        if row is not None and row.request != told:
            raise ConflictError(
                f"the Idempotency-Key {repeat_key!r} was used for another request",
                expected="one key for each request",
                where=Where(field="Idempotency-Key"),
            )
        return str(row.id) if row else None
    if not retry:
        return None
    query = select(columns.id).where(recent, columns.request == told).order_by(newest).limit(1)
    return connection.execute(query).scalar()
