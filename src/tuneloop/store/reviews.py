"""Review samples and what people said of their records: rows that are only added; a later verdict of the same person
on the same thing stands in the earlier one's place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, delete, insert, select

from tuneloop.errors import NotFoundError, nearest
from tuneloop.store.database import clock
from tuneloop.store.numbered import numbered
from tuneloop.store.quality_tables import review_items, reviews, verdicts
from tuneloop.store.tables import created_text, next_number
from tuneloop.store.workspace import Workspace

Who = Literal["person", "judge"]
_AT_ONCE = 500


@dataclass(frozen=True)
class Review:
    """A sample of a dataset version.

    `asked` holds what was asked for (count, seed, by) and what rules found; `strata` the records of the version in each
    stratum.
    """

    name: str
    scenario: str
    dataset: str
    standard: str
    asked: Mapping[str, Any]
    strata: Mapping[str, int]
    person: str
    created: str


@dataclass(frozen=True)
class ReviewItem:
    """A record of a sample; `groups` are its tags, sources, language and kind, for figures of each."""

    position: int
    record: str
    stratum: str
    groups: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Verdict:
    """`value` is 0 or 1, or 1 to 5, as the dimension's scale says."""

    record: str
    dimension: str
    value: float
    person: str
    kind: Who = "person"
    note: str = ""
    created: str = ""


def add_review(
    ws: Workspace,
    *,
    scenario: str,
    dataset: str,
    standard: str,
    asked: Mapping[str, Any],
    strata: Mapping[str, int],
    items: Sequence[ReviewItem],
    person: str,
) -> Review:
    with ws.db.write(durable=True) as connection:
        number = next_number(connection, "review")
        row = {
            "name": f"review-{number}",
            "number": number,
            "scenario": scenario,
            "dataset": dataset,
            "standard": standard,
            "asked": dict(asked),
            "strata": dict(strata),
            "person": person,
            "created": clock(connection),
        }
        connection.execute(insert(reviews).values(row))
        rows = [
            {
                "review": row["name"],
                "position": one.position,
                "record": one.record,
                "stratum": one.stratum,
                "groups": {by: list(values) for by, values in one.groups.items()},
            }
            for one in items
        ]
        connection.execute(insert(review_items), rows)
    return _review(row)


def review(ws: Workspace, name: str = "newest") -> Review:
    """A review by its name, or the newest one."""
    query = select(reviews).order_by(reviews.c.number.desc())
    with ws.db.read() as connection:
        named = query.limit(1) if name == "newest" else query.where(reviews.c.name == name)
        row = connection.execute(named).mappings().first()
        names = [] if row is not None else list(connection.execute(select(reviews.c.name)).scalars())
    if row is not None:
        return _review(row)
    hint = nearest(name, names) if names else "make one with: tuneloop quality sample"
    raise NotFoundError(f"no review is called {name!r}", do=hint[0].upper() + hint[1:])


def all_reviews(
    ws: Workspace, dataset: str | None = None, *, below: int | None = None, limit: int | None = None
) -> list[Review]:
    """All reviews, or those of one dataset version, oldest first; or the newest `limit` numbered below `below`."""
    query = select(reviews)
    if dataset is not None:
        query = query.where(reviews.c.dataset == dataset)
    with ws.db.read() as connection:
        return [_review(row) for row in numbered(connection, query, reviews.c.number, below, limit)]


def items_of(ws: Workspace, name: str, *, after: int = 0, limit: int | None = None) -> list[ReviewItem]:
    """The records of a sample by position, behind the position `after`."""
    table = review_items
    query = select(table).where(table.c.review == name, table.c.position > after).order_by(table.c.position)
    with ws.db.read() as connection:
        rows = connection.execute(query if limit is None else query.limit(limit)).mappings()
        return [ReviewItem(row["position"], row["record"], row["stratum"], row["groups"]) for row in rows]


def add_verdicts(ws: Workspace, review: Review, given: Sequence[Verdict]) -> int:
    """Note what a person or a judge said; returns how many.  All or none."""
    with ws.db.write(durable=True) as connection:
        now = clock(connection)
        for one in given:
            row = {
                "number": next_number(connection, "verdict"),
                "review": review.name,
                "standard": review.standard,
                "record": one.record,
                "dimension": one.dimension,
                "value": one.value,
                "person": one.person,
                "kind": one.kind,
                "note": one.note,
                "created": now,
            }
            connection.execute(insert(verdicts).values(row))
    return len(given)


def verdicts_on(ws: Workspace, standard: str, records: Iterable[str]) -> list[Verdict]:
    """What holds of these records by a standard: the newest verdict of each person on each dimension, oldest first.

    Verdicts of other reviews by the same standard count as well.
    """
    held: dict[tuple[str, str, str, str], Verdict] = {}
    wanted = list(records)
    columns = verdicts.c
    with ws.db.read() as connection:
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            query = select(verdicts).where(columns.standard == standard, columns.record.in_(part))
            for row in connection.execute(query.order_by(columns.number)).mappings():
                key = (row["record"], row["dimension"], row["person"], row["kind"])
                held.pop(key, None)
                held[key] = Verdict(
                    row["record"],
                    row["dimension"],
                    row["value"],
                    row["person"],
                    row["kind"],
                    row["note"],
                    created_text(row["created"]),
                )
    return list(held.values())


def erase_records(connection: Connection, records: Iterable[str]) -> int:
    """Remove what was said of records that are forgotten, and the records from samples; returns how many verdicts."""
    gone, count = sorted(set(records)), 0
    for start in range(0, len(gone), _AT_ONCE):
        part = gone[start : start + _AT_ONCE]
        count += connection.execute(delete(verdicts).where(verdicts.c.record.in_(part))).rowcount
        connection.execute(delete(review_items).where(review_items.c.record.in_(part)))
    return count


def _review(row: Mapping[Any, Any]) -> Review:
    return Review(
        name=row["name"],
        scenario=row["scenario"],
        dataset=row["dataset"],
        standard=row["standard"],
        asked=row["asked"],
        strata=row["strata"],
        person=row["person"],
        created=created_text(row["created"]),
    )
