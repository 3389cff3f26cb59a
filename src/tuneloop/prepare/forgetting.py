"""Erasing what came from a person or a source: who is touched, and the erasure itself.

    touched(ws, subject="customer-7")    records, versions, models and evaluations that hold it; changes nothing
    forget(ws, found, person="mei")      erases it and makes each version again without it

A record goes when every place that it came from is to be forgotten; one that also came from elsewhere stays, and loses
the origin.  For each version that is touched:

- a new version is made without the records (a new name and id, the old one as parent);
- the old one keeps its name and id, so that lineage still reads, and loses the records too; in its fates stand
  tombstones, keyed hashes that tell nothing;
- originals, excerpts and examples in ledgers and reports are erased, and so are the answers of evaluations, what
  reviewers said of the records, pages of statistics, and what runs exported.

Checkpoints of the runs that used the data are removed, with the encoded texts, samples and logs in their folders.
Models stay until a person removes them, as only a
rebuild replaces them: `Forgotten.rebuilds` names the runs that were queued.

The old blobs are named in the same transaction that makes the new versions visible, and removed after it; when the
process is killed in between, the next `forget` (or `finish`) removes them.  Not reached: the files that were imported
or uploaded, exports that were taken away, backups, the service's exchanges, and what a model has learnt;
`Touched.sources` says where to look.  A row that could not be read names nobody: by a person it is not found, by its
source it is.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from tuneloop.access.audit import acting, note
from tuneloop.errors import ConflictError, NotFoundError, StoppedError, UsageError
from tuneloop.prepare import near_index, run_files
from tuneloop.prepare.commit import SCHEME
from tuneloop.prepare.erasing import COLUMNS, REWRITTEN, Rewriting
from tuneloop.prepare.fetching.spool import remove_spools
from tuneloop.prepare.gate import pseudonym
from tuneloop.prepare.salt import salt
from tuneloop.prepare.scrubbing import scrubbed
from tuneloop.prepare.statistics import PAGES
from tuneloop.prepare.using import WORKING, User, left_by, users
from tuneloop.prepare.versions import MERGED_ALIKE
from tuneloop.records import Progress, Watcher, unwatched
from tuneloop.records.canonical import canonical
from tuneloop.runs import queue
from tuneloop.scores.verdict import forget_verdicts
from tuneloop.store import Workspace, datasets
from tuneloop.store.database import clock
from tuneloop.store.files import INPUTS
from tuneloop.store.reviews import erase_records
from tuneloop.store.tables import (
    checkpoints,
    dataset_ledgers,
    dataset_versions,
    evaluations,
    lock_kind,
    models,
    next_number,
    runs,
)
from tuneloop.store.tables import settings as kept
from tuneloop.store.triage import erase_subject
from tuneloop.store.workspace import FETCHED

PENDING = "erase"


@dataclass(frozen=True)
class Touched:
    """What holds the data of a person or source: names, oldest first.

    `records` are the ids that go; `shared` counts records that also came from elsewhere and stay; `items` counts source
    items, those included that never became records.  `beside` counts items of others that go as well: they had merged,
    as near repeats, into a record that is in the words of these.
    """

    subject: str | None
    source: str | None
    items: int
    records: tuple[str, ...]
    shared: int
    versions: tuple[str, ...]
    models: tuple[str, ...]
    evaluations: tuple[str, ...]
    runs: tuple[str, ...]
    sources: tuple[str, ...]
    beside: int = 0


@dataclass(frozen=True)
class Forgotten:
    """`versions` maps each touched version to the one made without the data; `rebuilds` models to queued runs."""

    touched: Touched
    versions: Mapping[str, str]
    rebuilds: Mapping[str, str] = field(default_factory=dict)
    checkpoints: int = 0


def touched(ws: Workspace, *, subject: str | None = None, source: str | None = None) -> Touched:
    """Everything that came from a person (as the `subject` column named them) or a source (`source-3`).

    Raises `NotFoundError` where nothing did, `UsageError` unless exactly one of both is given.
    """
    if (subject is None) == (source is None):
        raise UsageError("found none or both of a subject and a source", expected="one of them")
    names: list[str] = []
    gone: set[str] = set()
    stay: set[str] = set()
    items: set[tuple[str, int]] = set()
    seen: Seen = {}
    every = {one.name: _items(ws, one.name, subject, source, seen) for one in datasets.versions(ws)}
    records = sorted({record for found in every.values() for record in found.values() if record is not None})
    origins: Origins = {}
    for name, found in every.items():
        if not found:
            continue
        names.append(name)
        items.update(found)
        own, other = _records(ws, name, subject, source, records, origins)
        worded = _in_their_words(ws, name, other, found)
        gone |= own | worded
        stay |= other - worded
    if not items:
        what = f"the subject {subject!r}" if subject else f"the source {source!r}"
        raise NotFoundError(f"no version holds anything of {what}", do="List sources with: tuneloop data sources")
    ended = {one for name in names for one in _ended_in(ws, name, gone - stay)}
    with ws.db.read() as connection:
        trained = connection.execute(
            select(models.c.name, models.c.run).where(models.c.dataset.in_(names)).order_by(models.c.number)
        ).all()
        judged = connection.execute(
            select(evaluations.c.name).where(evaluations.c.dataset.in_(names)).order_by(evaluations.c.number)
        ).scalars()
        return Touched(
            subject,
            source,
            len(items),
            tuple(sorted(gone - stay)),
            len(stay),
            tuple(names),
            tuple(row.name for row in trained),
            tuple(judged),
            tuple(dict.fromkeys(row.run for row in trained if row.run)),
            tuple(sorted({one for one, _ in items})),
            len(ended - items),
        )


def forget(
    ws: Workspace,
    found: Touched,
    *,
    person: str,
    rebuild: bool = True,
    run: str | None = None,
    progress: Watcher = unwatched,
) -> Forgotten:
    """Erase what `touched` found.

    `progress` hears of each version before anything is erased, and may end it all with an error.  `run` is the run that
    does it: from the moment of the erasure on its result names the versions, and `finish` does what is left.  Raises
    `UsageError` while a run works on the data, and `ConflictError` when a version was made meanwhile, which may hold it
    as well.
    """
    finish(ws)
    known = {one.name for one in datasets.versions(ws)}
    secret = ws.key() or salt(ws, keep=True)
    gone = frozenset(found.records)
    subjects = [] if found.subject is None else [found.subject, pseudonym(ws, found.subject)]
    with ws.db.read() as connection:
        _users(connection, found)
    with ExitStack() as stack:
        seen: Seen = {}
        plans: list[_Plan] = []
        total = 2 * len(found.versions)
        for name in found.versions:
            progress(Progress("forget", len(plans), total, "steps"))
            plans.append(_Plan(ws, name, found, gone, secret, seen))
        rewriting = Rewriting(ws, frozenset[str]().union(*(plan.erased for plan in plans)), stack)
        for number, plan in enumerate(plans, start=len(plans)):
            progress(Progress("forget", number, total, "steps"))
            plan.rewrite(rewriting)
        progress(Progress("forget", total, total, "steps"))
        with ws.db.write(durable=True) as connection:
            lock_kind(connection, "data")
            lock_kind(connection, "run")  # no run is claimed meanwhile
            using = _users(connection, found)
            if set(connection.execute(select(dataset_versions.c.name)).scalars()) != known:
                raise ConflictError("a dataset version was made meanwhile", do="Look again at what is touched")
            made = {plan.name: plan.commit(connection, person) for plan in plans}
            _scrub(connection, found, plans)
            if subjects:
                erase_subject(connection, subjects)
            erase_records(connection, (record for plan in plans for record in plan.erased))
            erased = _checkpoints(connection, using)
            _set_pending(
                connection,
                {
                    "blobs": sorted({address for plan in plans for address in plan.before}),
                    "folders": [*_pages(connection, found), *_copies(ws, found, using), *_dry_runs(connection)],
                    "rebuild": list(found.models) if rebuild else [],
                    "versions": made,
                    "run": run,
                },
            )
            if run is not None:
                result = {"versions": made, "rebuilds": {}, "records": len(found.records)}
                connection.execute(update(runs).where(runs.c.id == run).values(result=result))
            else:  # a server wrote it down when it was asked for the run
                of = "a person" if found.source is None else found.source
                note(connection, acting(), "personal_data.forget", ", ".join(found.versions), of=of)
    return Forgotten(found, made, finish(ws, progress=progress), erased)


def finish(ws: Workspace, *, progress: Watcher = unwatched) -> dict[str, str]:
    """Do what is left to do once an erasure is visible, also where a process was killed in the middle of it: remove the
    files that it named, and queue the training of touched models.  Returns the runs by model; nothing left is no error.
    """
    with ws.db.read() as connection:
        pending = connection.execute(select(kept.c.value).where(kept.c.key == PENDING)).scalar()
        if not pending:
            return {}
        named = set(connection.execute(select(dataset_ledgers.c.address)).scalars())
    with suppress(StoppedError):  # what is erased cannot be taken back, so this goes on
        progress(Progress("erase", 0))
    for address in pending["blobs"]:
        if address not in named:
            ws.blobs.remove(address)
            near_index.remove(ws, address)
    for folder in pending["folders"]:
        place = ws.folder / folder
        if place.is_dir():
            shutil.rmtree(place, onerror=_unless_gone)
        else:
            place.unlink(missing_ok=True)
    remove_spools(ws.folder / FETCHED)
    _remove_copies(ws)
    forget_verdicts(ws.folder)
    ws.db.compact()
    with ws.db.write(durable=True) as connection:
        if not connection.execute(delete(kept).where(kept.c.key == PENDING)).rowcount:
            return {}  # another process did the same
        rebuilds = _rebuild(connection, pending.get("rebuild", ()), pending.get("versions", {}))
        if run := pending.get("run"):
            result = connection.execute(select(runs.c.result).where(runs.c.id == run)).scalar() or {}
            connection.execute(update(runs).where(runs.c.id == run).values(result={**result, "rebuilds": rebuilds}))
    return rebuilds


def _unless_gone(_: object, path: str, info: Any) -> None:
    if not isinstance(info[1], FileNotFoundError):
        raise info[1]


def hide_subject(ws: Workspace, run: str) -> None:
    """Take the person's name out of the run that forgot them, and out of the pages of the file that held it."""
    with ws.db.write(durable=True) as connection:
        spec = connection.execute(select(runs.c.spec).where(runs.c.id == run)).scalar_one()
        if not spec.get("subject"):
            return
        connection.execute(update(runs).where(runs.c.id == run).values(spec={**spec, "subject": "[forgotten]"}))
        if connection.execute(select(kept.c.value).where(kept.c.key == PENDING)).scalar() is None:
            _set_pending(connection, {"blobs": [], "folders": []})
    with suppress(ConflictError):  # somebody writes without a pause: it stays pending, and the next erasure does it
        finish(ws)


class _Plan:
    """One version written again without what is forgotten; its new blobs exist, and no row names them yet."""

    def __init__(
        self, ws: Workspace, name: str, found: Touched, gone: frozenset[str], secret: bytes, seen: Seen
    ) -> None:
        self.ws, self.name, self.found, self.gone, self.secret = ws, name, found, gone, secret
        self.items = _items(ws, name, found.subject, found.source, seen) | _ended_in(ws, name, gone)
        self.imported = _imported(ws, name, self.items)
        self.before: list[str] = []
        self.after: list[tuple[str, int, str, str | None]] = []
        self.erased = self._erased()
        self.splits: Counter[str] = Counter()
        self.identity = hashlib.sha256()
        self.kinds_gone: Mapping[str, int] = {}
        self.tags_left: set[str] = set()
        self.tags_before: set[str] = set()

    def rewrite(self, rewriting: Rewriting) -> None:
        """Write the ledgers that hold any of it again."""
        with self.ws.db.read() as connection:
            columns = dataset_ledgers.c
            query = select(dataset_ledgers).where(columns.version == self.name, columns.kind.in_(REWRITTEN))
            rows = connection.execute(query.order_by(columns.kind, columns.position)).all()
        for row in rows:
            if row.kind == "members":
                self.kinds_gone = rewriting.kinds(row.address, self.erased)
                made = rewriting.members(row.address, self.erased, self.splits, self.identity)
            elif row.kind in COLUMNS:
                made = rewriting.without(row.kind, row.address, self.erased)
            else:
                made = rewriting.of_items(row.kind, row.address, self.items, self.secret)
            if row.kind == "origins":
                self.tags_before |= rewriting.tags(row.address)
                self.tags_left |= rewriting.tags(made)
            if made != row.address:
                self.before.append(row.address)
                self.after.append((row.kind, row.position, made, row.run))

    def _erased(self) -> set[str]:
        """The records that go and everything they were before: their edits, and what was dropped of these items."""
        erased = set(self.gone)
        ledgers = datasets.addresses(self.ws, self.name, "changes")
        ended = {one for one in (*self.items.values(), *self.imported) if one is not None}
        wanted = list(erased | (ended - self._staying(ended)))
        erased.update(wanted)
        while wanted and ledgers:
            query = "SELECT DISTINCT parent FROM changes WHERE record IN (SELECT unnest(?))"
            parents = self.ws.ledgers.query(query, [wanted], changes=ledgers)["parent"].to_pylist()
            wanted = [one for one in parents if one not in erased]
            erased.update(wanted)
        return erased

    def _staying(self, records: set[str]) -> set[str]:
        """Those that the version goes on holding, as they came from elsewhere too."""
        members = datasets.addresses(self.ws, self.name, "members")
        query = "SELECT record FROM members WHERE record IN (SELECT unnest(?))"
        held = self.ws.ledgers.query(query, [sorted(records)], members=members)["record"].to_pylist()
        return set(held) - self.gone

    def commit(self, connection: Connection, person: str) -> str:
        """Make the version without the data visible and turn the old one into its tombstones; returns the new name."""
        table = dataset_versions
        old = connection.execute(select(table).where(table.c.name == self.name)).mappings().one()
        self.identity.update(canonical(dict(old["pipeline"])))
        identity = SCHEME + self.identity.hexdigest()
        same = (table.c.scenario == old["scenario"]) & (table.c.id == identity)
        name = connection.execute(select(table.c.name).where(same)).scalar()
        told = {"of": self.name, "items": len(self.items), "records": len(self.gone), "by": person}
        report = {**self._scrubbed(old["report"]), "forgotten": told}
        counts = {
            "splits": {split: self.splits.get(split, 0) for split in old["splits"]},
            "kinds": self._kinds(old["kinds"]),
        }
        if name is None:
            number = next_number(connection, "data")
            name = f"data-{number}"
            fresh = {"name": name, "number": number, "id": identity, "created": clock(connection), "parent": self.name}
            report |= {"records": sum(self.splits.values()), **counts}
            connection.execute(insert(table).values({**old, **fresh, **counts, "report": report, "run": None}))
            self._name_ledgers(connection, name)
        self._turn_old(connection, {**self._scrubbed(old["report"]), "forgotten": {**told, "successor": name}}, counts)
        return str(name)

    def _scrubbed(self, report: Mapping[str, Any]) -> dict[str, Any]:
        return scrubbed(report, left=self.tags_left, gone=self.tags_before)

    def _turn_old(self, connection: Connection, report: Mapping[str, Any], counts: Mapping[str, Any]) -> None:
        columns, table = dataset_ledgers.c, dataset_versions
        for kind, position, address, _ in self.after:
            one = (columns.version == self.name) & (columns.kind == kind) & (columns.position == position)
            connection.execute(update(dataset_ledgers).where(one).values(address=address))
        connection.execute(update(table).where(table.c.name == self.name).values(report=report, **counts))

    def _name_ledgers(self, connection: Connection, name: str) -> None:
        columns = dataset_ledgers.c
        changed = {(kind, position): address for kind, position, address, _ in self.after}
        query = select(dataset_ledgers).where(columns.version == self.name, columns.kind != "losses")
        for row in connection.execute(query).mappings().all():
            address = changed.get((row["kind"], row["position"]), row["address"])
            connection.execute(
                insert(dataset_ledgers).values({**row, "version": name, "address": address, "run": None})
            )

    def _kinds(self, before: Mapping[str, int]) -> dict[str, int]:
        left = {kind: count - self.kinds_gone.get(kind, 0) for kind, count in sorted(before.items())}
        return {kind: count for kind, count in left.items() if count}


Seen = dict[str, dict[tuple[str, int], str | None]]
"""The items to be forgotten of each ledger that was looked through: versions share ledgers."""
Origins = dict[str, list[tuple[str, str | None]]]
"""Of each ledger `origins`: the records that are looked for, with the subject or source of each origin."""


def _items(
    ws: Workspace, version: str, subject: str | None, source: str | None, seen: Seen
) -> dict[tuple[str, int], str | None]:
    """The source items to be forgotten of one version, with the record that each ended in."""
    kind = "origins" if subject is not None else "fates"
    column, value = ("subject", subject) if subject is not None else ("source", source)
    alive = "" if subject is not None else " AND reason <> 'forgotten'"  # a tombstone holds nothing any more
    query = f"SELECT DISTINCT source, item, record FROM rows WHERE {column} = ?{alive}"
    found: dict[tuple[str, int], str | None] = {}
    for address in datasets.addresses(ws, version, kind):
        if address not in seen:
            rows = ws.ledgers.query(query, [value], rows=[address]).to_pylist()
            seen[address] = {(row["source"], row["item"]): row["record"] for row in rows}
        found.update(seen[address])
    return found


def _ended_in(ws: Workspace, version: str, records: Set[str]) -> dict[tuple[str, int], str | None]:
    """The source items that ended in some records, whosever they are."""
    query = "SELECT source, item, record FROM fates WHERE record IN (SELECT unnest(?))"
    fates = datasets.addresses(ws, version, "fates")
    rows = ws.ledgers.query(query, [sorted(records)], fates=fates).to_pylist() if records and fates else []
    return {(row["source"], row["item"]): row["record"] for row in rows}


def _in_their_words(ws: Workspace, version: str, shared: Set[str], items: Mapping[tuple[str, int], Any]) -> set[str]:
    """Of the records that others' items ended in too: those that no item of another says in the same words."""
    query = "SELECT source, item, record, outcome, reason FROM fates WHERE record IN (SELECT unnest(?))"
    fates = datasets.addresses(ws, version, "fates")
    rows = ws.ledgers.query(query, [sorted(shared)], fates=fates).to_pylist() if shared and fates else []
    said = {
        row["record"]
        for row in rows
        if (row["source"], row["item"]) not in items and (row["outcome"] == "kept" or row["reason"] in MERGED_ALIKE)
    }
    return {row["record"] for row in rows} - said


def _imported(ws: Workspace, version: str, items: Mapping[tuple[str, int], Any]) -> set[str]:
    """The records that the items were when they were read: what merged is known by no other name."""
    ledgers = ws.ledgers.with_column(datasets.addresses(ws, version, "fates"), "imported")
    if not ledgers:
        return set()
    query = """
        SELECT DISTINCT f.imported FROM fates f
        SEMI JOIN (SELECT unnest(?) AS source, unnest(?) AS item) i ON i.source = f.source AND i.item = f.item
        WHERE f.imported IS NOT NULL
    """
    wanted = [[source for source, _ in items], [item for _, item in items]]
    return set(ws.ledgers.query(query, wanted, fates=ledgers)["imported"].to_pylist())


def _records(
    ws: Workspace, version: str, subject: str | None, source: str | None, records: Sequence[str], origins: Origins
) -> tuple[set[str], set[str]]:
    """Of the records, the members that came from nowhere else, and those that did."""
    column, value = ("subject", subject) if subject is not None else ("source", source)
    came: dict[str, set[str | None]] = {}
    for address in datasets.addresses(ws, version, "origins"):
        if address not in origins:
            query = f"SELECT DISTINCT record, {column} AS whose FROM origins WHERE record IN (SELECT unnest(?))"
            rows = ws.ledgers.query(query, [list(records)], origins=[address]).to_pylist()
            origins[address] = [(row["record"], row["whose"]) for row in rows]
        for record, whose in origins[address]:
            came.setdefault(record, set()).add(whose)
    touched = [record for record, whose in came.items() if value in whose]
    query = "SELECT record FROM members WHERE record IN (SELECT unnest(?))"
    members = datasets.addresses(ws, version, "members")
    held = set(ws.ledgers.query(query, [touched], members=members)["record"].to_pylist()) if touched else set()
    alone = {record for record in held if came[record] == {value}}
    return alone, held - alone


def _remove_copies(ws: Workspace) -> None:
    """Copies of uploaded files that runs which were killed have left; those of runs that go on are in use."""
    with ws.db.read() as connection:
        live = set(connection.execute(select(runs.c.id).where(runs.c.state.in_(WORKING))).scalars())
    for folder in (ws.folder / "runs").glob(f"*/{INPUTS}"):
        if folder.parent.name not in live:
            shutil.rmtree(folder)


def _users(connection: Connection, found: Touched) -> list[User]:
    """The runs that used the data; raises `UsageError` where one works on it."""
    using = users(connection, found.versions)
    for one in using:
        if one.working:
            raise UsageError(
                f"{one.run} works on {one.of}, which holds what is to be forgotten",
                do=f"Cancel it first: tuneloop runs cancel {one.run}",
            )
    return using


def _scrub(connection: Connection, found: Touched, plans: Sequence[_Plan]) -> None:
    """Texts and tags that reports of runs show."""
    left = set[str]().union(*(plan.tags_left for plan in plans))
    before = set[str]().union(*(plan.tags_before for plan in plans))
    table = dataset_versions
    made = connection.execute(select(table.c.run).where(table.c.name.in_(found.versions))).scalars()
    for run in [one for one in made if one]:
        result = connection.execute(select(runs.c.result).where(runs.c.id == run)).scalar()
        if isinstance(result, dict) and isinstance(result.get("report"), dict):
            clean = {**result, "report": scrubbed(result["report"], left=left, gone=before)}
            connection.execute(update(runs).where(runs.c.id == run).values(result=clean))


def _pages(connection: Connection, found: Touched) -> list[str]:
    """Erase the answers of touched evaluations; the files of their pages."""
    chosen = evaluations.c.name.in_(found.evaluations)
    pages = [one for one in connection.execute(select(evaluations.c.page).where(chosen)).scalars() if one]
    connection.execute(update(evaluations).where(chosen).values(answers=[], page=None))
    return pages


def _copies(ws: Workspace, found: Touched, using: Sequence[User]) -> list[str]:
    """What was made of touched versions: encoded texts and samples, exported files, statistics and their pages."""
    pages = [f"{PAGES}/{name}.html" for name in found.versions]
    exports = [f"{run_files.FOLDER}/{one.run}" for one in using if one.kind in run_files.MAKERS]
    return [*pages, *exports, *(left for one in using for left in left_by(ws, one.run))]


def _dry_runs(connection: Connection) -> list[str]:
    """Reports of dry runs quote what was read, of which no ledger tells whose it is: all of them go."""
    made = connection.execute(select(runs.c.id).where(runs.c.kind == "prepare")).scalars()
    return [f"{run_files.FOLDER}/{run}" for run in made]


def _checkpoints(connection: Connection, using: Sequence[User]) -> int:
    """Their files lie in the runs' folders, which go."""
    chosen = checkpoints.c.run.in_([one.run for one in using])
    count = len(connection.execute(select(checkpoints.c.run).where(chosen)).all())
    connection.execute(delete(checkpoints).where(chosen))
    return count


def _set_pending(connection: Connection, pending: Mapping[str, Any]) -> None:
    connection.execute(delete(kept).where(kept.c.key == PENDING))
    connection.execute(insert(kept).values(key=PENDING, value=dict(pending)))


def _rebuild(connection: Connection, names: Sequence[str], made: Mapping[str, str]) -> dict[str, str]:
    """Queue the training of each touched model again, on the version without the data."""
    queued: dict[str, str] = {}
    for name in names:
        query = select(runs.c.kind, runs.c.spec, runs.c.needs, runs.c.scenario).join(models, models.c.run == runs.c.id)
        row = connection.execute(query.where(models.c.name == name)).first()
        if row is not None and row.kind == "train" and row.spec.get("data") in made:
            spec = {**row.spec, "data": made[row.spec["data"]]}
            queued[name] = queue.add(connection, "train", spec, row.needs, row.scenario)
    return queued
