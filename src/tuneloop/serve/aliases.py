"""Aliases: the stable names that traffic asks for, and which version answers to each.

An alias points to one version, or divides its traffic among several by shares (a canary, an A/B test).  A change is a
row; the newest one holds, and an earlier one can be taken again in one call.  Only an approved version may be pointed
to, going back included; a named person may override that with a reason, which stays in the history.  Each change stands
in the audit log, too.

Who gets which version is a hash of alias and user, so that a user keeps it over servers and restarts.  Shares fill the
line from 0 to 1 in the order of the targets: as the last one grows, users move to it and never back.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select

from tuneloop.access import audit
from tuneloop.errors import ConflictError, NotFoundError, UsageError, nearest
from tuneloop.serve.approvals import named, states
from tuneloop.store import Workspace, models
from tuneloop.store.database import clock
from tuneloop.store.registry_tables import alias_changes as table
from tuneloop.store.tables import created_text, next_number

NAME = r"[a-z0-9][a-z0-9._-]{0,63}"
TAKEN = r"(model|data|run|eval|source)-\d+"
"""Names of versions, which an alias must not look like."""


@dataclass(frozen=True)
class Target:
    """A version by name, and its share of the traffic (all shares add up to 1)."""

    model: str
    share: float = 1.0


@dataclass(frozen=True)
class AliasChange:
    """`overridden` is the reason why versions were taken that are not approved; `rolled_back_to` the change that is
    repeated.  No targets: the alias was removed."""

    number: int
    scenario: str
    alias: str
    targets: tuple[Target, ...]
    sticky: bool
    person: str
    note: str
    overridden: str | None
    rolled_back_to: int | None
    created: str


def point(
    ws: Workspace,
    alias: str,
    targets: Sequence[Target],
    *,
    person: str,
    note: str = "",
    sticky: bool = True,
    override: str | None = None,
    scenario: str = "main",
) -> AliasChange:
    """Let `alias` answer with `targets`; none removes it.

    Raises UsageError for a name or shares that cannot be, NotFoundError for an unknown version, and ConflictError for
    one that is not approved unless `override` gives the reason.
    """
    _check_name(alias)
    found = _checked(ws, targets)
    with ws.db.write(durable=True) as connection:
        number = next_number(connection, "alias")  # also lets one change in at a time
        action = "alias.set" if found else "alias.remove"
        return _change(connection, action, number, alias, found, person, note, sticky, override, scenario)


def canary(
    ws: Workspace,
    alias: str,
    model: str,
    share: float,
    *,
    person: str,
    note: str = "",
    override: str | None = None,
) -> AliasChange:
    """Give a version a share of the alias's traffic, from 0 to 1, at the end of the line; the others divide what is
    left as they did before.  Raises as `point`, and UsageError where it has all of the traffic already."""
    if not 0 < share < 1:
        raise UsageError(f"found the share {share:g}", expected="above 0 and below 1", do="For all of it: set")
    name = models.model(ws, model).name
    with ws.db.write(durable=True) as connection:
        number = next_number(connection, "alias")
        changes = _changes(connection, alias)
        if not changes or not changes[0].targets:
            raise _unknown(connection, alias)
        now = changes[0]
        others = [one for one in now.targets if one.model != name]
        if not others:
            raise UsageError(f"{alias!r} answers with {name} alone", expected="another version as its canary")
        whole = sum(one.share for one in others)
        kept = [Target(one.model, one.share * (1 - share) / whole) for one in others]
        found = (*kept, Target(name, share))
        action, sticky = "alias.canary", now.sticky
        return _change(connection, action, number, alias, found, person, note, sticky, override, now.scenario)


def roll_back(
    ws: Workspace, alias: str, *, person: str, to: int | None = None, note: str = "", override: str | None = None
) -> AliasChange:
    """Take an earlier change again: the number `to`, or the last one that pointed elsewhere than the newest.

    A removal is no state to go back to: it is passed over, and refused as `to`.  Raises as `point`, ConflictError where
    there is nothing to go back to, and NotFoundError for an unknown alias or number.
    """
    with ws.db.write(durable=True) as connection:
        number = next_number(connection, "alias")
        changes = _changes(connection, alias)
        if not changes:
            raise _unknown(connection, alias)
        if to is None:
            earlier = [change for change in changes[1:] if change.targets not in ((), changes[0].targets)]
            if not earlier:
                raise ConflictError(f"{alias!r} has pointed to nothing else", expected="an earlier change")
        else:
            earlier = [change for change in changes if change.number == to]
            if not earlier:
                numbers = ", ".join(str(change.number) for change in changes)
                raise NotFoundError(f"{alias!r} has no change {to}", do=f"Its changes are: {numbers}")
        old = earlier[0]
        if not old.targets:
            raise ConflictError(
                f"change {old.number} removed {alias!r}",
                expected="a change that let it point to a version",
                do="Remove the alias if it shall answer nothing",
            )
        action, back = "alias.roll_back", old.number
        return _change(
            connection, action, number, alias, old.targets, person, note, old.sticky, override, old.scenario, back
        )


def _change(
    connection: Connection,
    action: str,
    number: int,
    alias: str,
    targets: tuple[Target, ...],
    person: str,
    note: str,
    sticky: bool,
    override: str | None,
    scenario: str,
    back: int | None = None,
) -> AliasChange:
    approved = states(connection, [target.model for target in targets])
    refused = {one.model: approved.get(one.model, "candidate") for one in targets}
    refused = {model: state for model, state in refused.items() if state != "approved"}
    reason = (override or "").strip()
    if refused and not reason:
        model, state = next(iter(refused.items()))
        raise ConflictError(
            f"{model} is {state}",
            expected="an approved version",
            do="Approve it first, or give a reason to override this, which is recorded",
        )
    row = {
        "number": number,
        "scenario": scenario,
        "alias": alias,
        "targets": [{"model": one.model, "share": one.share} for one in targets],
        "sticky": sticky,
        "person": named(person),
        "note": note,
        "overridden": reason if refused else None,
        "rolled_back_to": back,
        "created": clock(connection),
    }
    connection.execute(insert(table).values(row))
    by = audit.acting()
    details = {"change": number, "targets": row["targets"], **audit.in_name_of(by, str(row["person"]))}
    if refused:
        details["override"] = reason
    if back is not None:
        details["back_to"] = back
    audit.note(connection, by, action, alias, **details)
    return _read(row)


def _check_name(alias: str) -> None:
    if not re.fullmatch(NAME, alias) or re.fullmatch(TAKEN, alias):
        raise UsageError(
            f"{alias!r} cannot be an alias",
            expected="1 to 64 of a-z, 0-9, '.', '_' and '-' that don't read like a version's name",
        )


def _checked(ws: Workspace, targets: Sequence[Target]) -> tuple[Target, ...]:
    if not targets:
        return ()
    if any(not 0 < one.share <= 1 for one in targets) or abs(sum(one.share for one in targets) - 1) > 1e-6:
        shares = ", ".join(f"{one.share:g}" for one in targets)
        raise UsageError(f"found the shares {shares}", expected="shares above 0 that add up to 1")
    found = tuple(Target(models.model(ws, one.model).name, one.share) for one in targets)
    names = [one.model for one in found]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"{twice[0]} stands there twice", expected="each version once")
    return found


def current(ws: Workspace, alias: str) -> AliasChange:
    """Where an alias points; raises NotFoundError where there is none of this name."""
    with ws.db.read() as connection:
        query = select(table).where(table.c.alias == alias).order_by(table.c.number.desc()).limit(1)
        row = connection.execute(query).mappings().first()
        if row is None or not row["targets"]:
            raise _unknown(connection, alias)
        return _read(row)


def everything(ws: Workspace, scenario: str | None = None) -> list[AliasChange]:
    """Each alias as it points, by name."""
    with ws.db.read() as connection:
        found = _newest(connection)
    return [one for one in found if scenario is None or one.scenario == scenario]


def history(ws: Workspace, alias: str) -> list[AliasChange]:
    """All changes of an alias, newest first."""
    with ws.db.read() as connection:
        return _changes(connection, alias)


def resolve(ws: Workspace, alias: str, user: str | None = None) -> str:
    """The version that answers: for a `user` the same one as long as its share lasts, else one drawn by the shares."""
    change = current(ws, alias)
    return share_of(change, user)


def share_of(change: AliasChange, user: str | None) -> str:
    """As `resolve`, of a change that is known."""
    if len(change.targets) == 1:
        return change.targets[0].model
    if user and change.sticky:
        digest = hashlib.sha256(f"{change.alias}\0{user}".encode()).digest()
        place = int.from_bytes(digest[:8], "big") / 2**64
    else:
        place = secrets.randbelow(2**53) / 2**53
    reached = 0.0
    for target in change.targets:
        reached += target.share
        if place < reached:
            return target.model
    return change.targets[-1].model


def deployed(ws: Workspace) -> dict[str, list[str]]:
    """The versions that hold an alias, with the aliases of each."""
    with ws.db.read() as connection:
        return holders(connection)


def holders(connection: Connection) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for change in _newest(connection):
        for target in change.targets:
            found.setdefault(target.model, []).append(change.alias)
    return found


_NEWEST = (
    select(table)
    .where(table.c.number.in_(select(func.max(table.c.number)).group_by(table.c.alias)))
    .order_by(table.c.alias)
)


def _newest(connection: Connection) -> list[AliasChange]:
    return [_read(row) for row in connection.execute(_NEWEST).mappings() if row["targets"]]


def _changes(connection: Connection, alias: str) -> list[AliasChange]:
    query = select(table).where(table.c.alias == alias).order_by(table.c.number.desc())
    return [_read(row) for row in connection.execute(query).mappings()]


def _unknown(connection: Connection, alias: str) -> NotFoundError:
    known = [change.alias for change in _newest(connection)]
    hint = nearest(alias, known) if known else "there are no aliases yet"
    return NotFoundError(f"no alias is called {alias!r}", do=hint[0].upper() + hint[1:])


def _read(row: Mapping[Any, Any]) -> AliasChange:
    return AliasChange(
        number=row["number"],
        scenario=row["scenario"],
        alias=row["alias"],
        targets=tuple(Target(one["model"], one["share"]) for one in row["targets"]),
        sticky=row["sticky"],
        person=row["person"],
        note=row["note"],
        overridden=row["overridden"],
        rolled_back_to=row["rolled_back_to"],
        created=created_text(row["created"]),
    )
