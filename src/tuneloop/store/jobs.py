"""Fine-tuning jobs as others see them: a row beside a run, its numbered events, its checkpoints.

The run holds the work and its state; the job what was asked, what came out, and how it ended.  `outcome` is decided
once, under the lock of the job's row, together with the event that tells it: whoever reads the last event finds the job
ended.  Times are seconds since 1970; every list is in the order of numbers, which is total.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, bindparam, func, insert, select, update

from tuneloop.errors import InputError, NotFoundError, Where
from tuneloop.store.database import clock
from tuneloop.store.files import new_id
from tuneloop.store.jobs_tables import job_checkpoints, job_events, model_names
from tuneloop.store.jobs_tables import jobs as table
from tuneloop.store.tables import checkpoints as run_checkpoints
from tuneloop.store.tables import runs
from tuneloop.store.workspace import Workspace

Level = Literal["info", "warn", "error"]
Outcome = Literal["succeeded", "failed", "cancelled"]
Status = Literal[
    "validating_files", "queued", "running", "pausing", "paused", "succeeded", "failed", "cancelled"
]  # fmt: skip


@dataclass(frozen=True)
class Job:
    """`state`, `attempt` and `started` are the run's; `tags` is the request's metadata; `told_step` the last step
    that an event told, -1 before the start."""

    id: str
    number: int
    run: str
    owner: str
    model: str
    base: str
    training_file: str
    validation_file: str | None
    suffix: str | None
    seed: int
    tags: Mapping[str, str] | None
    method: Mapping[str, Any]
    options: Mapping[str, Any]
    organization: str
    validated: float | None
    events: int
    told_step: int
    total_steps: int | None
    outcome: Outcome | None
    ended: float | None
    fine_tuned_model: str | None
    trained_tokens: int | None
    result_files: Sequence[str]
    error: Mapping[str, Any] | None
    created: float
    state: str
    attempt: int
    started: float | None

    @property
    def status(self) -> Status:
        """The words of the protocol; a run that is being cancelled counts as cancelled."""
        if self.outcome is not None:
            return self.outcome
        found: Mapping[str, Status] = {
            "queued": "validating_files" if self.validated is None else "queued",
            "cancelling": "cancelled",
        }
        return found.get(self.state, self.state)  # type: ignore[arg-type]

    @property
    def mark(self) -> str:
        """Eight characters that its events and its model carry."""
        return self.id.removeprefix("ftjob-")[:8]

    def event_id(self, number: int) -> str:
        return f"ftevent-{self.mark}-{number:06d}"


@dataclass(frozen=True)
class JobEvent:
    number: int
    created: float
    level: Level
    type: str
    message: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class JobCheckpoint:
    """`answers` says whether it can be asked by its name: from when the last step of its job is done."""

    id: str
    step: int
    metrics: Mapping[str, Any]
    created: float
    answers: bool


_COLUMNS = [table.c[name] if name in table.c else runs.c[name] for name in Job.__dataclass_fields__]
_WITH_RUN = select(*_COLUMNS).join(runs, runs.c.id == table.c.run)
"""Rows in the order of a Job's fields.  Statements that servers ask hundreds of times a second are built once: making
one takes longer than asking."""
_BY_ID = _WITH_RUN.where(table.c.id == bindparam("identity"))
_NEWEST = _WITH_RUN.order_by(table.c.number.desc()).limit(bindparam("most"))
_NEWEST_BELOW = _NEWEST.where(table.c.number < bindparam("below"))
_EVENTS = select(*(job_events.c[name] for name in JobEvent.__dataclass_fields__)).where(
    job_events.c.job == bindparam("job")
)
_LAST_EVENTS = _EVENTS.order_by(job_events.c.number.desc()).limit(bindparam("most"))
_EVENTS_BELOW = _LAST_EVENTS.where(job_events.c.number < bindparam("below"))
_EVENTS_ABOVE = (
    _EVENTS.where(job_events.c.number > bindparam("above")).order_by(job_events.c.number).limit(bindparam("most"))
)
_PULSE = (
    select(table.c.events, table.c.outcome, runs.c.state)
    .join(runs, runs.c.id == table.c.run)
    .where(table.c.id == bindparam("identity"))
)


def job(ws: Workspace, identity: str) -> Job:
    """`NotFoundError` with the protocol's sentence."""
    with ws.db.read() as connection:
        return in_transaction(connection, identity)


def in_transaction(connection: Connection, identity: str) -> Job:
    row = connection.execute(_BY_ID, {"identity": identity}).first()
    if row is None:
        raise unknown(identity)
    return Job(*row)


def job_of_run(ws: Workspace, run: str) -> Job:
    with ws.db.read() as connection:
        return Job(*connection.execute(_WITH_RUN.where(table.c.run == run)).one())


def locked(connection: Connection, identity: str) -> RowMapping:
    """The job's row, locked until the transaction ends."""
    row = connection.execute(select(table).where(table.c.id == identity).with_for_update()).mappings().first()
    if row is None:
        raise unknown(identity)
    return row


def unknown(identity: str) -> NotFoundError:
    return NotFoundError(f"Could not find fine tune: {identity}", where=Where(field="fine_tune_id"))


def jobs(
    ws: Workspace,
    *,
    after: str | None = None,
    limit: int = 20,
    tags: Mapping[str, str] | None = None,
    untagged: bool = False,
) -> tuple[Sequence[Job], bool]:
    """A page, newest first, and whether there are more; `tags` must all be there, `untagged` those without any."""
    query = _NEWEST if after is None else _NEWEST_BELOW
    for key, value in (tags or {}).items():
        if '"' in key or "\\" in key:
            raise InputError(f"found the key {key!r}", expected="one without quotes", where=Where(field="metadata"))
        query = query.where(table.c.tags[key].as_string() == value)
    if untagged:
        query = query.where(table.c.tags.is_(None))
    with ws.db.read() as connection:
        below = {} if after is None else {"below": _place(connection, after)}
        rows = connection.execute(query, {"most": limit + 1, **below}).all()
    return [Job(*row) for row in rows[:limit]], len(rows) > limit


def unfinished(ws: Workspace) -> list[Job]:
    """Jobs without an outcome, oldest first."""
    with ws.db.read() as connection:
        rows = connection.execute(_WITH_RUN.where(table.c.outcome.is_(None)).order_by(table.c.number))
        return [Job(*row) for row in rows]


def cancelled_at_work(ws: Workspace) -> list[Job]:
    """Cancelled jobs whose run has not been told so: a crash came between."""
    live = runs.c.state.in_(("queued", "running", "pausing", "paused"))
    with ws.db.read() as connection:
        return [Job(*row) for row in connection.execute(_WITH_RUN.where(table.c.outcome == "cancelled", live))]


def tell(
    connection: Connection,
    identity: str,
    message: str,
    *,
    level: Level = "info",
    type: str = "message",
    data: Mapping[str, Any] | None = None,
) -> int:
    """Add an event inside the caller's transaction, which holds the job's row; returns its number."""
    counted = update(table).where(table.c.id == identity).values(events=table.c.events + 1).returning(table.c.events)
    number = int(connection.execute(counted).scalar_one())
    row = {"job": identity, "number": number, "level": level, "type": type, "message": message}
    connection.execute(insert(job_events).values(**row, data=dict(data or {}), created=clock(connection)))
    return number


def change(connection: Connection, identity: str, **values: Any) -> None:
    connection.execute(update(table).where(table.c.id == identity).values(**values))


def events(
    ws: Workspace, identity: str, *, after: int | None = None, limit: int = 20
) -> tuple[Sequence[JobEvent], bool]:
    """A page of events, newest first: those numbered below `after`."""
    with ws.db.read() as connection:
        return events_in_transaction(connection, identity, after=after, limit=limit)


def events_in_transaction(
    connection: Connection, identity: str, *, after: int | None, limit: int
) -> tuple[Sequence[JobEvent], bool]:
    if after is None:
        rows = connection.execute(_LAST_EVENTS, {"job": identity, "most": limit + 1}).all()
    else:
        rows = connection.execute(_EVENTS_BELOW, {"job": identity, "most": limit + 1, "below": after}).all()
    return [JobEvent(*row) for row in rows[:limit]], len(rows) > limit


def events_since(ws: Workspace, identity: str, number: int, limit: int = 200) -> Sequence[JobEvent]:
    """Events above `number`, oldest first."""
    with ws.db.read() as connection:
        rows = connection.execute(_EVENTS_ABOVE, {"job": identity, "above": number, "most": limit})
        return [JobEvent(*row) for row in rows]


def pulse(ws: Workspace, identity: str) -> tuple[int, Outcome | None, str]:
    """The number of the newest event, the outcome, and the run's state: one row, for those who poll."""
    with ws.db.read() as connection:
        row = connection.execute(_PULSE, {"identity": identity}).one()
    return row.events, row.outcome, row.state


def add_checkpoint(connection: Connection, identity: str, step: int, metrics: Mapping[str, Any]) -> None:
    """Note a checkpoint once; a step that is done again keeps its first row."""
    there = select(func.count()).where(job_checkpoints.c.job == identity, job_checkpoints.c.step == step)
    if not connection.execute(there).scalar_one():
        row = {"job": identity, "step": step, "id": new_id("ftckpt_"), "metrics": dict(metrics)}
        connection.execute(insert(job_checkpoints).values(**row, created=clock(connection)))


def checkpoints(
    ws: Workspace, identity: str, *, after: str | None = None, limit: int = 10
) -> tuple[Sequence[JobCheckpoint], bool]:
    """A page of the checkpoints that are still there, newest first; of a job that has ended, those that answer by a
    name: the others are never asked again."""
    columns = job_checkpoints.c
    named = select(model_names.c.step).where(model_names.c.job == identity, model_names.c.step.is_not(None))
    ended = select(table.c.outcome.is_not(None)).where(table.c.id == identity)
    kept = (
        select(run_checkpoints.c.step).join(table, table.c.run == run_checkpoints.c.run).where(table.c.id == identity)
    )
    query = select(job_checkpoints).where(columns.job == identity, columns.step.in_(kept)).order_by(columns.step.desc())
    with ws.db.read() as connection:
        answering = set(connection.execute(named).scalars())
        if connection.execute(ended).scalar():
            query = query.where(columns.step.in_(answering))
        if after is not None:
            place = connection.execute(
                select(columns.step).where(columns.job == identity, columns.id == after)
            ).scalar()
            if place is None:
                raise InputError(f"found {after!r}", expected="the id of a checkpoint", where=Where(field="after"))
            query = query.where(columns.step < place)
        rows = connection.execute(query.limit(limit + 1)).mappings().all()
    found = [
        JobCheckpoint(row["id"], row["step"], row["metrics"], row["created"], row["step"] in answering)
        for row in rows[:limit]
    ]
    return found, len(rows) > limit


def _place(connection: Connection, identity: str) -> int:
    place = connection.execute(select(table.c.number).where(table.c.id == identity)).scalar()
    if place is None:
        raise InputError(f"found {identity!r}", expected="the id of a job", where=Where(field="after"))
    return int(place)
