"""From pseudonyms back to the real values, for who holds the key.

    reveal(ws, "Call [MOBILE-K7QM2XVB]", by=actor)

The values are kept nowhere by themselves.  The records that hold a pseudonym are looked up, the originals they were
made from are opened with the workspace's key, and whatever in them gives the same pseudonym (an HMAC under that key) is
its value: nothing is shown that the key does not prove.  So what `forget` erased cannot be revealed, and neither can
anything without the key or with another one.

Each look, a refused one too, is written to the audit log before a value is given out: who, when, which pseudonyms;
never the values.  It reads the payloads of all versions once and opens the originals
of the records concerned: 200 pseudonyms of a version of 6,000 records took 0.9 s on a busy machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from tuneloop.access.audit import Actor, note
from tuneloop.errors import TuneloopError, UsageError, Where
from tuneloop.prepare.batches import to_record
from tuneloop.prepare.pseudonyms import LENGTH, PATTERN, signs
from tuneloop.prepare.rewrite import rewrite
from tuneloop.records import Record
from tuneloop.store import Workspace, datasets, keys
from tuneloop.text.personal import Finder
from tuneloop.text.personal.kind import Candidate, kinds

Attempt = Callable[[list[str], list[str]], Iterator[tuple[str, str, str]]]
"""From the strings of an original and of what it became to kinds, normal forms and values that may be meant."""
AT_ONCE = 200
PER_PSEUDONYM = 20  # records that are tried; one nearly always is enough
ACTION = "personal_data.reveal"


@dataclass(frozen=True)
class Revealed:
    """What a pseudonym stands for.

    `outcome`: `unknown` when no version holds it, `erased` when one does and no original that would tell its value was
    kept.
    """

    pseudonym: str
    outcome: Literal["revealed", "unknown", "erased"]
    kind: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class Revelation:
    """The text with the values in it, and each pseudonym once, in the order of the text."""

    text: str
    pseudonyms: tuple[Revealed, ...]


def reveal(ws: Workspace, text: str, *, by: Actor) -> Revelation:
    """Put the real values in the place of the pseudonyms of `text`.

    Raises `UsageError` when there is none in it or more than 200 different ones, and when no key is here;
    `StorageError` when the key is not the one that was in use.
    """
    found = list(dict.fromkeys(match.group() for match in PATTERN.finditer(text)))
    if not 0 < len(found) <= AT_ONCE:
        raise UsageError(
            f"found {len(found) or 'no'} pseudonyms in the text", expected=f"1 to {AT_ONCE}, such as [MOBILE-K7QM2XVB]"
        )
    try:
        values = _values(ws, _key(ws), {_sign(one) for one in found})
    except TuneloopError:
        _note(ws, by, found, refused=True)
        raise
    _note(ws, by, found, revealed=sum(outcome.outcome == "revealed" for outcome in values.values()))
    told = tuple(_named(one, values[_sign(one)]) for one in found)
    put = {one.pseudonym: one.value for one in told if one.value is not None}
    return Revelation(PATTERN.sub(lambda match: put.get(match.group(), match.group()), text), told)


def _sign(pseudonym: str) -> str:
    return pseudonym[-1 - LENGTH : -1]


def _named(pseudonym: str, found: Revealed) -> Revealed:
    return Revealed(pseudonym, found.outcome, found.kind, found.value)


def _key(ws: Workspace) -> bytes:
    key = ws.key()
    if key is None:
        raise UsageError(
            "the key to originals is not here, and without it no pseudonym can be turned back",
            where=Where(file=keys.key_file()),
            do=f"Put the key file back, or point {keys.VARIABLE} to it",
        )
    return key


def _note(ws: Workspace, by: Actor, found: list[str], refused: bool = False, revealed: int = 0) -> None:
    with ws.db.write(durable=True) as connection:
        target = " ".join(found)
        note(
            connection,
            by,
            ACTION,
            target if len(target) <= 256 else f"{target[:240]}… ({len(found)})",
            "refused" if refused else "done",
            pseudonyms=len(found),
            revealed=revealed,
        )


def _values(ws: Workspace, key: bytes, wanted: set[str]) -> dict[str, Revealed]:
    """What each sign stands for."""
    holders = _holders(ws, wanted)
    values = {sign: Revealed(sign, "erased" if holders.get(sign) else "unknown") for sign in wanted}
    finals = {name: record for held in holders.values() for name, record in held}
    pairs = [(_strings(original), _strings(final)) for original, final in _originals(ws, key, finals)]
    left = set(holders)
    for attempt in (*map(_found, _finders()), _between):
        for before, after in pairs:
            here = left & {_sign(match.group()) for text in after for match in PATTERN.finditer(text)}
            for kind, normal, value in attempt(before, after) if here else ():
                if (sign := signs(key, kind, normal)) in here:
                    values[sign] = Revealed(sign, "revealed", kind, value)
                    left.discard(sign)
        if not left:
            break
    return values


def _holders(ws: Workspace, wanted: set[str]) -> dict[str, list[tuple[str, Record]]]:
    """The records that hold each sign, by id."""
    import pyarrow.compute as pc

    pattern = "-(" + "|".join(sorted(wanted)) + r")\]"
    bare = re.compile(pattern.encode())
    holders: dict[str, list[tuple[str, Record]]] = {}
    for address in _addresses(ws, "records"):
        for batch in ws.ledgers.read(address, ["id", "payload"]):
            for row in batch.filter(pc.match_substring_regex(batch.column("payload"), pattern)).to_pylist():
                record: Record | None = None
                for sign in {match.group(1).decode() for match in bare.finditer(row["payload"])}:
                    held = holders.setdefault(sign, [])
                    if len(held) < PER_PSEUDONYM:
                        record = record or to_record(row["payload"])
                        held.append((row["id"], record))
    return holders


def _originals(ws: Workspace, key: bytes, finals: dict[str, Record]) -> Iterator[tuple[Record, Record]]:
    """What the records were before any step, and what they became."""
    ledgers = _addresses(ws, "changes")
    became = dict(finals)
    wanted = list(finals)
    while wanted and ledgers:
        query = "SELECT DISTINCT * FROM changes WHERE record IN (SELECT unnest(?)) AND parent != record ORDER BY parent"
        rows = ws.ledgers.query(query, [wanted], changes=ledgers).to_pylist()
        wanted = []
        for row in rows:
            if row["before"] is not None:
                plain = keys.unseal(key, row["before"], row["parent"]) if row["sealed"] else row["before"]
                yield to_record(plain), became[row["record"]]
            if row["parent"] not in became:
                became[row["parent"]] = became[row["record"]]
                wanted.append(row["parent"])


def _addresses(ws: Workspace, kind: str) -> list[str]:
    names = [version.name for version in reversed(datasets.versions(ws))]
    return list(dict.fromkeys(address for name in names for address in datasets.addresses(ws, name, kind)))


@cache
def _finders() -> tuple[Finder, ...]:
    """As it is found by default, with all kinds, and each kind by itself however unsure: overlaps differ."""
    return (Finder(), Finder(kinds), *(Finder([name], 0.01) for name in kinds))


def _found(finder: Finder) -> Attempt:
    """What a finder finds in the original."""

    def attempt(before: list[str], _: list[str]) -> Iterator[tuple[str, str, str]]:
        for text in before:
            for span in sorted(finder.find(text), key=lambda span: span.start - span.end):  # whole names before parts
                yield span.kind, span.normal, text[span.start : span.end]

    return attempt


def _strings(record: Record) -> list[str]:
    texts: list[str] = []

    def take(text: str) -> str:
        texts.append(text)
        return text

    rewrite(record, take, numbers=True)
    return texts


def _between(before: list[str], after: list[str]) -> Iterator[tuple[str, str, str]]:
    """What stood in the place of the pseudonyms, where the text around them is as it was, as if it were of each kind.

    For values that another state of the finder found.
    """
    patterns = [
        re.compile("(.{1,16384}?)".join(map(re.escape, PATTERN.split(text))), re.DOTALL)
        for text in after
        if 0 < len(PATTERN.findall(text)) <= 8  # each more lets the search take longer by its length
    ]
    places = [found for text in before for one in patterns if (found := one.fullmatch(text))]
    for value in {value for found in places for value in found.groups()}:
        for name in kinds:
            kind = kinds.create(name)
            whole = kind.pattern.fullmatch(value) and kind.judge(Candidate(value, 0, len(value)))
            yield name, kind.normal(value) if whole else value, value
