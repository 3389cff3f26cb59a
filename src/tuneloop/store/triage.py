"""Rows from production that wait for a person: batches are kept whole and once, by their key; decisions carry a name.

waiting → taken or refused, by a person who may change their mind; duplicate and rejected rows hold no text
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from tuneloop.errors import ConflictError, NotFoundError, UsageError
from tuneloop.store.database import clock
from tuneloop.store.tables import created_text, lock_kind, next_number
from tuneloop.store.triage_tables import triage_batches, triage_rows
from tuneloop.store.workspace import Workspace

State = Literal["waiting", "taken", "refused", "duplicate", "rejected"]
Decided = Literal["waiting", "taken", "refused"]
STATES: tuple[State, ...] = get_args(State)
HELD: tuple[Decided, ...] = get_args(Decided)
"""The states of rows that have a text, between which a person moves them."""
_AT_ONCE = 500


@dataclass(frozen=True)
class NewRow:
    """One row as the gate let it through: `payload` is redacted, and None for a duplicate or rejected one."""

    state: State
    record: str | None = None
    payload: Mapping[str, Any] | None = None
    language: str = "und"
    tags: tuple[str, ...] = ()
    thumb: str | None = None
    group: str | None = None
    subject: str | None = None
    reason: str = ""
    same_as: str | None = None


@dataclass(frozen=True)
class TriageRow:
    """A row of the queue; `person` decided about it, `reason` is theirs, or why it is a duplicate or was rejected."""

    number: int
    batch: int
    position: int
    state: State
    record: str | None
    payload: Mapping[str, Any] | None
    language: str
    tags: tuple[str, ...]
    thumb: str | None
    group: str | None
    subject: str | None
    reason: str
    same_as: str | None
    person: str
    decided: str | None
    created: str


@dataclass(frozen=True)
class Batch:
    """What became of one batch as it was pushed; `again` says that this key had been pushed before."""

    number: int
    key: str
    name: str
    person: str
    counts: Mapping[str, int]
    created: str
    again: bool = False


@dataclass(frozen=True)
class Chosen:
    """Which rows are meant; what is None plays no part."""

    state: State | None = None
    tag: str | None = None
    thumb: str | None = None
    language: str | None = None
    batch: int | None = None
    numbers: Sequence[int] | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        columns = triage_rows.c
        pairs = ((columns.state, self.state), (columns.thumb, self.thumb), (columns.language, self.language))
        found: list[ColumnElement[bool]] = [column == value for column, value in pairs if value is not None]
        if self.batch is not None:
            found.append(columns.batch == self.batch)
        if self.tag is not None:
            found.append(columns.tags.contains(f"\n{self.tag}\n", autoescape=True))
        return found


def newest(ws: Workspace) -> int:
    """The number of the last batch; one that is pushed meanwhile has a higher one."""
    with ws.db.read() as connection:
        return int(connection.execute(select(func.max(triage_batches.c.number))).scalar() or 0)


def batch_of(ws: Workspace, key: str, digest: str) -> Batch | None:
    """The batch of a key; raises `ConflictError` where it held something else."""
    with ws.db.read() as connection:
        row = connection.execute(select(triage_batches).where(triage_batches.c.key == key)).mappings().first()
    return None if row is None else _same(row, digest)


def add_batch(
    ws: Workspace, *, key: str, digest: str, name: str, person: str, rows: Sequence[NewRow], after: int
) -> Batch | None:
    """Keep a batch with its rows, all in one transaction; the one that is there when the key was pushed before.

    None when another batch came behind the number `after`: its rows were not compared with.
    """
    with ws.db.write(durable=True) as connection:
        lock_kind(connection, "triage_batch")
        there = connection.execute(select(triage_batches).where(triage_batches.c.key == key)).mappings().first()
        if there is not None:
            return _same(there, digest)
        if (connection.execute(select(func.max(triage_batches.c.number))).scalar() or 0) != after:
            return None
        now = clock(connection)
        counts = Counter(row.state for row in rows)
        batch = {
            "number": next_number(connection, "triage_batch"),
            "key": key,
            "digest": digest,
            "name": name,
            "person": person,
            "counts": {state: counts.get(state, 0) for state in STATES},
            "created": now,
        }
        connection.execute(insert(triage_batches).values(batch))
        for position, row in enumerate(rows):
            values = {**row.__dict__, "tags": "".join(f"\n{tag}" for tag in row.tags) + "\n" if row.tags else ""}
            own = {"number": next_number(connection, "triage_row"), "batch": batch["number"], "position": position}
            connection.execute(insert(triage_rows).values({**values, **own, "person": "", "created": now}))
    return _batch(batch)


def rows(ws: Workspace, chosen: Chosen, *, after: int = 0, limit: int = 50) -> list[TriageRow]:
    """Rows by rising number, behind the number `after`."""
    query = select(triage_rows).where(triage_rows.c.number > after, *chosen.conditions())
    with ws.db.read() as connection:
        found = connection.execute(query.order_by(triage_rows.c.number).limit(limit)).mappings()
        return [_row(row) for row in found]


def every(ws: Workspace, chosen: Chosen, at_once: int = 1000) -> Iterator[TriageRow]:
    """All rows by rising number, a page at a time."""
    after = 0
    while page := rows(ws, chosen, after=after, limit=at_once):
        yield from page
        after = page[-1].number


def counts(ws: Workspace) -> dict[str, int]:
    """How many rows are in each state."""
    query = select(triage_rows.c.state, func.count().label("rows")).group_by(triage_rows.c.state)
    with ws.db.read() as connection:
        found = {row.state: row.rows for row in connection.execute(query)}
    return {state: int(found.get(state, 0)) for state in STATES}


def held(ws: Workspace, records: Collection[str]) -> set[str]:
    """Those of some records that the queue holds in any state but rejected."""
    wanted = sorted(records)
    found: set[str] = set()
    with ws.db.read() as connection:
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            query = select(triage_rows.c.record).where(triage_rows.c.record.in_(part), triage_rows.c.state.in_(HELD))
            found.update(connection.execute(query).scalars())
    return found


def decide(ws: Workspace, chosen: Chosen, to: Decided, *, person: str, reason: str = "") -> int:
    """Take or refuse rows, or let them wait again; returns how many were moved.

    Raises `UsageError` for a refusal without a reason, and `NotFoundError` where a number names no row with a text:
    then none is moved.
    """
    if to == "refused" and not reason.strip():
        raise UsageError("found no reason", expected="a reason for refusing", do="Say why they are refused")
    columns = triage_rows.c
    conditions = [columns.state.in_(HELD), columns.state != to, *chosen.conditions()]
    with ws.db.write(durable=True) as connection:
        values = {"state": to, "person": person, "reason": reason, "decided": clock(connection)}
        if chosen.numbers is None:
            return connection.execute(update(triage_rows).where(*conditions).values(values)).rowcount
        moved, wanted = 0, sorted(set(chosen.numbers))
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            there = select(columns.number).where(columns.number.in_(part), columns.state.in_(HELD))
            if missing := set(part) - set(connection.execute(there).scalars()):
                raise NotFoundError(
                    f"the queue holds no row {min(missing)} that can be decided about",
                    expected="numbers of rows that wait, are taken or refused",
                    do="List them with: tuneloop triage list",
                )
            moved += connection.execute(
                update(triage_rows).where(columns.number.in_(part), *conditions).values(values)
            ).rowcount
    return moved


def erase_subject(connection: Connection, subjects: Sequence[str]) -> int:
    """Remove the rows of a person who is forgotten; returns how many."""
    return connection.execute(delete(triage_rows).where(triage_rows.c.subject.in_(subjects))).rowcount


def _same(row: Mapping[Any, Any], digest: str) -> Batch:
    if row["digest"] != digest:
        raise ConflictError(
            f"the key {row['key']!r} was used for other rows",
            expected="a key of its own for each batch",
            do="Push these rows with another key",
        )
    return _batch(row, again=True)


def _batch(row: Mapping[Any, Any], *, again: bool = False) -> Batch:
    values = {name: row[name] for name in ("number", "key", "name", "person", "counts")}
    return Batch(**values, created=created_text(row["created"]), again=again)


def _row(row: Mapping[Any, Any]) -> TriageRow:
    values = {name: row[name] for name in TriageRow.__dataclass_fields__ if name not in ("tags", "decided", "created")}
    decided = None if row["decided"] is None else created_text(row["decided"])
    tags = tuple(tag for tag in row["tags"].split("\n") if tag)
    return TriageRow(**values, tags=tags, decided=decided, created=created_text(row["created"]))
