"""The gate that rows from production pass before anything of them is kept.

    gate(ws, rows, key="2026-11-22/03", person="mei")       one batch, whole or not at all
    gate_file(ws, path, person="mei")                       a file, 1,000 rows a batch

1. Each row is read as a conversation (`production_logs`), or rejected with a sentence.
2. Personal data is taken out of every text of it, in memory; users and conversations become keyed hashes.  What a row
   was before is written nowhere: not beside it, not into a message or an excerpt, not for a batch that fails.
3. A row that says the same or nearly the same as one of the batch, of the queue or of any version is a duplicate.
4. The rest waits for a person to take or refuse it (`store.triage`); `tuneloop prepare triage:` makes a version of
   what was taken.

Each row ends as exactly one of waiting, duplicate and rejected, and a person moves it to taken or refused.  The rows of
a batch become visible in one transaction: a process that is killed leaves all or nothing, and pushing the same key
again adds nothing.  What the finder of personal data does not know stays in the text: a person looks before taking.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from tuneloop.errors import InputError, UsageError
from tuneloop.prepare import near_index
from tuneloop.prepare.container import Skipped
from tuneloop.prepare.folding import folded
from tuneloop.prepare.importer import Rejection, Row, importers, recognize
from tuneloop.prepare.production_logs import talk_of
from tuneloop.prepare.rewrite import rewrite
from tuneloop.prepare.salt import salt
from tuneloop.prepare.source_file import disk_file
from tuneloop.records import Progress, Record, Watcher, unwatched
from tuneloop.store import Workspace, datasets, triage
from tuneloop.store.triage import STATES, Batch, Chosen, NewRow
from tuneloop.text import language
from tuneloop.text.personal.hiding import hide, hide_all

PART = 1000
EXCERPT = 200
KEY = 256


@dataclass(frozen=True)
class Passed:
    """What became of a file: `counts` of the batches that it made, `again` of rows that had been pushed before."""

    name: str
    items: int
    counts: Mapping[str, int]
    again: int = 0
    batches: tuple[int, ...] = field(default=())


def gate(
    ws: Workspace,
    rows: Iterable[Mapping[str, Any] | Rejection],
    *,
    key: str,
    person: str,
    name: str = "",
    tags: Sequence[str] = (),
) -> Batch:
    """Let one batch through; raises `UsageError` for a key that is none, `ConflictError` for one of other rows."""
    given = list(rows)
    if not key.strip() or len(key) > KEY:
        raise UsageError(f"found a key of {len(key)} characters", expected=f"1 to {KEY}")
    secret = salt(ws, keep=True)
    digest = _digest(secret, given)
    if (there := triage.batch_of(ws, key, digest)) is not None:
        return there
    read = [_read(one, secret, tuple(tags)) for one in given]
    while True:
        after = triage.newest(ws)
        made = triage.add_batch(
            ws,
            key=key,
            digest=digest,
            name=hide(name),
            person=person,
            rows=_compared(ws, read),
            after=after,
        )
        if made is not None:
            return made


def gate_file(
    ws: Workspace, path: Path, *, person: str, tags: Sequence[str] = (), progress: Watcher = unwatched
) -> Passed:
    """Let a file through, in batches; pushed again after it broke off, it goes on where it was.

    JSONL, JSON, CSV and whatever else the importers read.  Raises `InputError` for a file that no importer reads.
    """
    file = disk_file(path, path.name)
    found = recognize(file)
    importer = importers.create(found.importer.name)
    items = (one for one in importer.items(file, found.encoding) if not isinstance(one, Skipped))
    counts: Counter[str] = Counter()
    total, again, batches = 0, 0, []
    secret = salt(ws, keep=True)
    for number, part in enumerate(_parts(items)):
        key = f"file:{_digest(secret, part)}:{number}"
        batch = gate(ws, part, key=key, person=person, name=path.name, tags=tags)
        total += len(part)
        again += len(part) if batch.again else 0
        counts.update(batch.counts)
        batches.append(batch.number)
        progress(Progress("gate", total, None, "rows"))
    return Passed(path.name, total, {state: counts.get(state, 0) for state in STATES}, again, tuple(batches))


def pseudonym(ws: Workspace, user: str) -> str:
    """What the queue calls a user: the same for the same user of this workspace."""
    return _pseudonym(salt(ws, keep=True), "user", user)


def _parts(items: Iterator[Row | Rejection]) -> Iterator[list[Mapping[str, Any] | Rejection]]:
    while part := [one if isinstance(one, Rejection) else one.data for one in islice(items, PART)]:
        yield part


@dataclass(frozen=True)
class _Read:
    """A row after the redaction: a record, or the row that it is rejected as."""

    row: NewRow
    record: Record | None = None


def _read(given: Mapping[str, Any] | Rejection, secret: bytes, tags: tuple[str, ...]) -> _Read:
    if isinstance(given, Rejection):
        return _rejected(f"{given.locator}: {given.message}")
    try:
        talk = talk_of(given)
        record = _redacted(talk.record)
        identity, payload = record.id, record.payload()  # refuses lone surrogates, NaN and deep nesting
    except InputError as error:
        return _rejected(str(error))
    names = tuple(dict.fromkeys((*tags, *(hide(tag) for tag in talk.tags))))
    row = NewRow(
        "waiting",
        identity,
        payload,
        language.detect(record.full_text),
        names,
        talk.thumb,
        None if talk.group is None else _pseudonym(secret, "group", talk.group),
        None if talk.subject is None else _pseudonym(secret, "user", talk.subject),
    )
    return _Read(row, record)


def _rejected(message: str) -> _Read:
    return _Read(NewRow("rejected", reason=hide(message)[:2000]))


def _redacted(record: Record) -> Record:
    """Without personal data in texts, tool calls and tools, and without the names of those who speak."""
    texts: list[str] = []

    def take(text: str) -> str:
        texts.append(text)
        return text

    rewrite(record, take, numbers=True)
    for tool in record.tools:
        _inside(tool, take)
    without = dict(zip(texts, hide_all(texts), strict=True))  # a name said in one turn stands in others too
    hidden = rewrite(record, lambda text: without[text], numbers=True)
    turns = tuple(replace(turn, name=None) if turn.role == "user" else turn for turn in hidden.messages)
    tools = tuple(_inside(tool, lambda text: without[text]) for tool in hidden.tools)
    return folded(replace(hidden, messages=turns, tools=tools))


def _inside(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {name: _inside(one, change) for name, one in value.items()}
    return [_inside(one, change) for one in value] if isinstance(value, list | tuple) else value


def _compared(ws: Workspace, read: Sequence[_Read]) -> list[NewRow]:
    """The rows, those marked that say the same as another."""
    rows = [one.row for one in read]
    first: dict[str, int] = {}
    for place, row in enumerate(rows):
        if row.record is not None and first.setdefault(row.record, place) != place:
            rows[place] = _duplicate(row, "the same row stands earlier in the batch", row.record)
    known = _waiting(rows)
    queued = triage.held(ws, [str(rows[place].record) for place in known])
    kept = _in_versions(ws, [str(rows[place].record) for place in known])
    for place in known:
        record = str(rows[place].record)
        if record in kept or record in queued:
            where = "a version holds it" if record in kept else "the queue holds it"
            rows[place] = _duplicate(rows[place], where, record)
    for place, other in _near(ws, read, _waiting(rows)).items():
        rows[place] = _duplicate(rows[place], other[0], other[1])
    return rows


def _near(ws: Workspace, read: Sequence[_Read], places: Sequence[int]) -> dict[int, tuple[str, str]]:
    """By place: where a row stands that says nearly the same, and its record."""
    records = [record for place in places if (record := read[place].record) is not None]
    if not records:
        return {}
    found = {
        places[one]: ("a version holds nearly the same", record)
        for one, record in near_index.near_records(ws, records).items()
    }
    left = [place for place in places if place not in found]
    mine = [record for place in left if (record := read[place].record) is not None]
    queue = [
        Record.from_payload(dict(row.payload))
        for state in triage.HELD
        for row in triage.every(ws, Chosen(state=state))
        if row.payload is not None
    ]
    gone: set[int] = set()
    for one, other in sorted(near_index.near_in(mine, queue).items()):
        own = other - len(queue)
        if own in gone:
            continue  # near to what is itself a duplicate: it stays, so that a chain of small steps loses nothing
        gone.add(one)
        twin = queue[other] if own < 0 else mine[own]
        where = "the queue holds nearly the same" if own < 0 else "nearly the same row stands earlier in the batch"
        found[left[one]] = (where, twin.id)
    return found


def _waiting(rows: Sequence[NewRow]) -> list[int]:
    return [place for place, row in enumerate(rows) if row.state == "waiting"]


def _duplicate(row: NewRow, reason: str, same_as: str) -> NewRow:
    return replace(row, state="duplicate", payload=None, reason=reason, same_as=same_as)


def _in_versions(ws: Workspace, records: Sequence[str]) -> set[str]:
    """Those that the ledgers of any version hold."""
    ledgers = datasets.all_addresses(ws, "records")
    if not ledgers or not records:
        return set()
    query = "SELECT DISTINCT id FROM records WHERE id IN (SELECT unnest(?))"
    return set(ws.ledgers.query(query, [list(records)], records=ledgers)["id"].to_pylist())


def _digest(secret: bytes, rows: Sequence[Mapping[str, Any] | Rejection]) -> str:
    """Of the rows as they came, keyed: whoever guesses a row cannot check the guess."""
    plain = [[one.locator, one.message] if isinstance(one, Rejection) else one for one in rows]
    told = json.dumps(plain, ensure_ascii=True, sort_keys=True, default=str)
    return hmac.new(secret, told.encode(), hashlib.sha256).hexdigest()


def _pseudonym(secret: bytes, kind: str, value: str) -> str:
    told = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
    return f"{kind}-" + hmac.new(secret, told, hashlib.sha256).hexdigest()[:16]
