"""Conditions of a search among exchanges and feedback: by time, by tag, by what people said."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Table, Text, and_, cast, exists, func, not_, select

from tuneloop.store.registry_tables import exchanges, feedback

Answer = Literal["any", "none", "up", "down", "pick", "correction"]
"""What people said of an exchange: a thumb that holds, a pick, a correction, anything, nothing."""

SLACK = 3600.0
"""Seconds by which the time of a row may be before that of one with a lower number: times are those of the beginning of
a transaction, numbers are taken within it."""


def in_time(
    connection: Connection, table: Table, since: float | None, until: float | None
) -> list[ColumnElement[bool]]:
    """From `since` on and before `until`, in seconds since 1970.

    Times have no index, but rise with the numbers: where a time stands among them is found by halving, in some twenty
    reads of one row, and only that stretch is read.
    """
    number, created = table.c.number, table.c.created
    found: list[ColumnElement[bool]] = []
    if since is not None:
        found += [created >= since, number >= _first(connection, table, since - SLACK)]
    if until is not None:
        found += [created < until, number < _first(connection, table, until + SLACK)]
    return found


def _first(connection: Connection, table: Table, time: float) -> int:
    """The number behind which all rows are of this time or later; rows may be missing between others."""
    number, created = table.c.number, table.c.created
    low, high = 1, int(connection.execute(select(func.max(number))).scalar() or 0) + 1
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(select(number, created).where(number >= middle).order_by(number).limit(1)).first()
        if row is None or row.created >= time:
            high = middle
        else:
            low = row.number + 1
    return low


def tagged(connection: Connection, tag: str) -> ColumnElement[bool]:
    """That an exchange has a tag: `team` with any value, or `team=billing`."""
    name, equals, value = tag.partition("=")
    each: Any = func.json_each if connection.dialect.name == "sqlite" else func.json_each_text
    pairs = each(exchanges.c.tags).table_valued("key", "value")
    wanted = pairs.c.key == name
    return exists().select_from(pairs).where(and_(wanted, cast(pairs.c.value, Text) == value) if equals else wanted)


def said(answer: Answer) -> ColumnElement[bool]:
    """That people said this of an exchange; of the thumbs of one person the newest holds."""
    about = feedback.alias("about")
    condition = about.c.exchange == exchanges.c.id
    if answer in ("up", "down"):
        newer = feedback.alias("newer")
        again = exists().where(
            newer.c.exchange == about.c.exchange,
            newer.c.person == about.c.person,
            newer.c.kind == "thumb",
            newer.c.number > about.c.number,
        )
        condition = and_(condition, about.c.kind == "thumb", cast(about.c.value, Text) == f'"{answer}"', not_(again))
    elif answer in ("pick", "correction"):
        condition = and_(condition, about.c.kind == answer)
    found = exists().where(condition)
    return not_(found) if answer == "none" else found
