"""Whether a model version may be deployed: a named person's recorded decision.

Each version begins as a candidate; `approved` lets it take an alias, `retired` takes that back.  The newest decision
counts, and none is ever removed.  Each one stands in the audit log, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Select, func, insert, select

from tuneloop.access import audit
from tuneloop.errors import ConflictError, UsageError, nearest
from tuneloop.store import Workspace, models
from tuneloop.store.database import clock
from tuneloop.store.registry_tables import approvals as table
from tuneloop.store.tables import created_text, next_number

State = Literal["candidate", "approved", "retired"]


@dataclass(frozen=True)
class Approval:
    """`model` is a version's name; `created` an ISO text."""

    number: int
    model: str
    state: State
    person: str
    note: str
    created: str


def decide(ws: Workspace, model: str, state: State, *, person: str, note: str = "") -> Approval:
    """Record a decision.  Raises UsageError without a person or for an unknown state, ConflictError where a version
    that is to lose its approval still holds an alias."""
    from tuneloop.serve.aliases import holders

    if state not in get_args(State):
        raise UsageError(f"no approval state is called {state!r}", do=nearest(state, get_args(State)).capitalize())
    version = models.model(ws, model)
    with ws.db.write(durable=True) as connection:
        number = next_number(connection, "approval")  # also lets one decision in at a time
        if state != "approved" and (held := holders(connection).get(version.name)):
            raise ConflictError(
                f"{version.name} holds the alias {held[0]!r}",
                expected="a version without an alias",
                do="Point the alias to another version first",
            )
        row = {
            "number": number,
            "model": version.name,
            "state": state,
            "person": named(person),
            "note": note,
            "created": clock(connection),
        }
        connection.execute(insert(table).values(row))
        by = audit.acting()
        audit.note(
            connection, by, "model.decide", version.name, state=state, **audit.in_name_of(by, str(row["person"]))
        )
    return _approval(row)


def named(person: str) -> str:
    """The name of who decides; raises UsageError where there is none."""
    if not person.strip():
        raise UsageError("nobody is named", expected="the person who decides")
    return person.strip()


def states(connection: Connection, names: Iterable[str] | None = None) -> dict[str, State]:
    """The state of every version that somebody decided about, or of `names`."""
    query = _STATES if names is None else _states(_NEWEST.where(table.c.model.in_(list(names))))
    return {row.model: row.state for row in connection.execute(query)}


def _states(numbers: Select[Any]) -> Select[Any]:
    return select(table.c.model, table.c.state).where(table.c.number.in_(numbers))


_NEWEST = select(func.max(table.c.number)).group_by(table.c.model)
_STATES = _states(_NEWEST)


def state_of(ws: Workspace, model: str) -> State:
    with ws.db.read() as connection:
        return states(connection, [model]).get(model, "candidate")


def history(ws: Workspace, model: str) -> list[Approval]:
    """All decisions about a version, newest first."""
    query = select(table).where(table.c.model == model).order_by(table.c.number.desc())
    with ws.db.read() as connection:
        return [_approval(row) for row in connection.execute(query).mappings()]


def _approval(row: Mapping[Any, Any]) -> Approval:
    return Approval(
        number=row["number"],
        model=row["model"],
        state=row["state"],
        person=row["person"],
        note=row["note"],
        created=created_text(row["created"]),
    )
