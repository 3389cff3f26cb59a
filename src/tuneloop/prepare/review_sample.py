"""Review samples: records of a version drawn by strata, for people to judge by a quality standard.

Every stratum (a tag, source, language or kind, or what several of them make together) gives at least `LEAST` records,
the rest goes by size.  A record with several tags stands in the stratum of its rarest.  Within a stratum records are
taken in the order of a hash of (seed, id): the same ones come again, and a larger sample holds a smaller one's.  Strata
too many for the sample are put together, the smallest first.  The order of the sample mixes the strata in proportion,
so that a review which ends half-way has seen all of them.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

from tuneloop.config import Settings, setting
from tuneloop.errors import UsageError
from tuneloop.prepare import versions
from tuneloop.prepare.batches import to_record
from tuneloop.records import DatasetVersion, Progress, Watcher, unwatched
from tuneloop.scores.rules import RULES
from tuneloop.scores.standard import Standard
from tuneloop.scores.standing import read_kept, standard_for
from tuneloop.store import Workspace, datasets
from tuneloop.store.reviews import Review, ReviewItem, add_review
from tuneloop.store.sources import sources
from tuneloop.store.tags import tags_of

By = Literal["tag", "source", "language", "kind"]
BYS: tuple[By, ...] = get_args(By)
LEAST = 3
UNTAGGED, REST = "-", "…"
JOINED = " · "


class SampleSettings(Settings):
    """A sample as a run is asked for it."""

    count: int = setting(200, ge=1, en="records to draw", zh="抽取的记录数")
    seed: int = setting(0, ge=0, en="seed of the draw", zh="抽样的随机种子")
    by: tuple[By, ...] = setting(
        (), en="strata: tag, source, language, kind; left out: the first that differs", zh="按什么分层；不填则自动选择"
    )


def draw_review(
    ws: Workspace,
    version: DatasetVersion,
    *,
    count: int = 200,
    seed: int = 0,
    by: Sequence[By] = (),
    person: str,
    progress: Watcher = unwatched,
) -> Review:
    """Draw a sample for the standard of the version's scenario, and check all records by its rules.

    `by` empty: tags where there are any, else sources where there are several, else languages.  Raises `UsageError` for
    a version without records and for a count under 1.
    """
    if count < 1 or not version.records:
        found = f"a sample of {count}" if count < 1 else f"{version.name} holds no records"
        raise UsageError(found, expected="at least one record to judge")
    kept = standard_for(ws, version.scenario, version.kinds, person=person)
    standard = read_kept(kept)
    groups = groups_of(ws, version)
    ruled = _ruled(ws, version, standard, groups, progress)
    chosen = tuple(by) or (_usual(groups.values()),)
    strata = _strata(groups, chosen, count)
    taken = _allot({name: len(records) for name, records in strata.items()}, min(count, version.records))
    items = [
        ReviewItem(position, record, stratum, groups[record])
        for position, (record, stratum) in enumerate(_mixed(strata, taken, seed), start=1)
    ]
    return add_review(
        ws,
        scenario=version.scenario,
        dataset=version.name,
        standard=kept.name,
        asked={"count": count, "seed": seed, "by": list(chosen), "records": version.records, "rules": ruled},
        strata={name: len(records) for name, records in strata.items()},
        items=items,
        person=person,
    )


def chosen_strata(names: Sequence[str]) -> tuple[By, ...]:
    """What a person wrote, checked; raises `UsageError`."""
    for name in names:
        if name not in BYS:
            raise UsageError(f"found {name!r}", expected=" or ".join(BYS), do="Say for example --by source")
    return tuple(one for one in BYS if one in names)


def groups_of(ws: Workspace, version: DatasetVersion) -> dict[str, dict[str, tuple[str, ...]]]:
    """The tags, sources (by name), language and kind of each record of a version; equal ones are one object."""
    ledgers = {kind: datasets.addresses(ws, version.name, kind) for kind in ("members", "records", "origins")}
    query = """
        SELECT DISTINCT ON (m.record) m.record, r.kind, r.lang FROM members m JOIN records r ON r.id = m.record
        ORDER BY m.record
    """
    about = ws.ledgers.query(query, members=ledgers["members"], records=ledgers["records"]).to_pylist()
    named = {one.id: one.name for one in sources(ws)}
    origins: dict[str, tuple[str, ...]] = {}
    if ledgers["origins"]:
        query = "SELECT record, list_sort(list(DISTINCT source)) AS ids FROM origins GROUP BY record"
        for row in ws.ledgers.query(query, origins=ledgers["origins"]).to_pylist():
            origins[row["record"]] = tuple(named.get(one, one) for one in row["ids"])
    tags = tags_of(ws, version)
    alike: dict[tuple[Any, ...], dict[str, tuple[str, ...]]] = {}
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for row in about:
        record = row["record"]
        key = (tags.get(record, ()), origins.get(record, ()), (row["lang"] or "und",), (row["kind"],))
        found[record] = alike.setdefault(key, dict(zip(BYS, key, strict=True)))
    return found


def _usual(groups: Any) -> By:
    """Tags, sources or languages: the first that tells records apart."""
    seen: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for one in groups:
        for by, values in one.items():
            seen[by].add(values)
    if seen["tag"] - {()}:
        return "tag"
    return "source" if len(seen["source"]) > 1 else "language" if len(seen["language"]) > 1 else "kind"


def _strata(groups: Mapping[str, Mapping[str, tuple[str, ...]]], by: Sequence[str], count: int) -> dict[str, list[str]]:
    """Records by stratum; the smallest strata are put together until each can give `LEAST`."""
    often: dict[str, Counter[str]] = {one: Counter() for one in by}
    for one in groups.values():
        for name, seen in often.items():
            seen.update(one[name])
    found: dict[str, list[str]] = defaultdict(list)
    for record, one in groups.items():
        rarest = [min(one[name], key=lambda value: (often[name][value], value), default=UNTAGGED) for name in by]
        found[JOINED.join(rarest)].append(record)
    ordered = sorted(found, key=lambda name: (-len(found[name]), name))
    most = max(1, count // LEAST)
    if len(ordered) > most:
        rest = [record for name in ordered[most - 1 :] for record in found[name]]
        return {**{name: found[name] for name in ordered[: most - 1]}, REST: rest}
    return {name: found[name] for name in ordered}


def _allot(sizes: Mapping[str, int], count: int) -> dict[str, int]:
    """How many of each stratum: at least `LEAST` (or all of it), else in proportion, largest remainders first."""
    taken = {name: min(size, LEAST, max(1, count // len(sizes))) for name, size in sizes.items()}
    total = sum(sizes.values())
    while (left := count - sum(taken.values())) > 0:
        name = max(
            sizes, key=lambda one: (count * sizes[one] / total - taken[one]) if taken[one] < sizes[one] else -1e18
        )
        short = count * sizes[name] / total - taken[name]
        taken[name] += max(1, min(left, int(short), sizes[name] - taken[name]))
    return taken


def _mixed(strata: Mapping[str, Sequence[str]], taken: Mapping[str, int], seed: int) -> Iterator[tuple[str, str]]:
    places: list[tuple[float, str, str, str]] = []
    for name, records in strata.items():
        hashed = sorted((hashlib.blake2b(f"{seed}:{one}".encode(), digest_size=16).hexdigest(), one) for one in records)
        for rank, (digest, record) in enumerate(hashed[: taken[name]]):
            places.append(((rank + 0.5) / taken[name], digest, record, name))
    for _, _, record, name in sorted(places):
        yield record, name


def _ruled(
    ws: Workspace,
    version: DatasetVersion,
    standard: Standard,
    groups: Mapping[str, Mapping[str, tuple[str, ...]]],
    progress: Watcher,
) -> dict[str, Any]:
    """What rules find in all records: faults by dimension, in all and by group, as [faults, records]."""
    found: dict[str, Any] = {}
    if not standard.ruled:
        return found
    rules = {name: RULES[str(one.rule)] for name, one in standard.ruled.items()}
    faults: dict[str, Counter[tuple[str, str]]] = {name: Counter() for name in rules}
    reasons: dict[str, Counter[tuple[str, str]]] = {name: Counter() for name in rules}
    wholes: Counter[tuple[str, str]] = Counter()
    seen = 0
    for batch in versions.batches(ws, version):
        ids, payloads = batch.column("id").to_pylist(), batch.column("payload").to_pylist()
        for identity, payload in zip(ids, payloads, strict=True):
            record = to_record(payload)
            keys = [("", ""), *((by, value) for by, values in groups[identity].items() for value in values)]
            wholes.update(keys)
            for name, rule in rules.items():
                if fault := rule(record):
                    faults[name].update(keys)
                    reasons[name][fault] += 1
        seen += batch.num_rows
        progress(Progress("check", seen, version.records, "records"))
    for name in rules:
        by: dict[str, dict[str, list[int]]] = {}
        for (kind, value), whole in sorted(wholes.items()):
            by.setdefault(kind, {})[value] = [faults[name][kind, value], whole]
        told = [{"en": fault[0], "zh": fault[1], "count": count} for fault, count in reasons[name].most_common()]
        found[name] = {"all": by.pop("")[""], "groups": by, "reasons": told}
    return found
