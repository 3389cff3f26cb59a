"""What a dataset version is like: amounts, lengths, languages, balance, repeats, variety, sources.

Counts are of all records.  What takes reading whole texts (tokens, near-duplicates, variety) is measured on a sample of
at most `SAMPLE` records drawn by id, which is as good as at random and the same every time.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tuneloop.config import Settings, setting
from tuneloop.prepare import advising, versions
from tuneloop.prepare.batches import to_record
from tuneloop.prepare.taught import answers, question
from tuneloop.records import Advice, DatasetVersion, Progress, Record, Watcher, unwatched
from tuneloop.store import Workspace, datasets
from tuneloop.store.sources import sources
from tuneloop.store.tags import tag_counts
from tuneloop.text import thoughts
from tuneloop.text.bare import bare

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLE = 5_000
PAGES = "pages"
"""The folder of a workspace with the pages made of versions, `data-2.html`."""
NEAR = 0.7
OPENING = 6
"""Characters of a Chinese question, or three words of another, that tell how it begins."""
_MARKS = (0, 5, 25, 50, 75, 95, 100)


@dataclass(frozen=True)
class Spectrum:
    """Numbers of some kind: their percentiles (0, 5, 25, 50, 75, 95, 100), mean, and a histogram."""

    count: int = 0
    mean: float = 0.0
    percentiles: Mapping[int, float] = field(default_factory=dict)
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()

    @classmethod
    def of(cls, values: Iterable[int]) -> Spectrum:
        import numpy as np

        numbers = np.array(list(values), dtype=np.float64)
        if not len(numbers):
            return cls()
        marks = np.percentile(numbers, _MARKS)
        edges = _edges(numbers)
        counts, _ = np.histogram(numbers, edges)
        return cls(
            len(numbers),
            round(float(numbers.mean()), 1),
            dict(zip(_MARKS, map(float, marks), strict=True)),
            tuple(float(edge) for edge in edges),
            tuple(int(count) for count in counts),
        )


@dataclass(frozen=True)
class Statistics:
    """Figures of a version; `sampled` records were read for `tokens`, `near_repeats` and what follows.

    near_repeats   share of the sample that another record of the sample is nearly equal to (Jaccard at least 0.7)
    turns          how many records of the sample have how many messages; a pair's sides do not count
    distinct       share of different character 4-grams in the sample's answers: low where all sound alike
    openings       how questions begin, the most frequent first
    balance        for classes: the rarest as a share of the most frequent; None without classes
    tags           records of each tag, the most frequent first
    too_long       share of the sample that has more tokens than the base reads; 0 where that is not known
    thinking       share of the sample's answers that hold reasoning; None without answers
    advice         what these figures say should be done, beside what the version's report says
    synthetic      share of the origins whose source is synthetic
    """

    name: str
    records: int
    splits: Mapping[str, int]
    kinds: Mapping[str, int]
    languages: Mapping[str, int]
    characters: Spectrum
    turns: Mapping[str, int]
    labels: Mapping[str, int]
    sources: Mapping[str, int]
    sampled: int
    tokenizer: str
    tokens: Spectrum
    answer_tokens: Spectrum
    near_repeats: float
    distinct: float
    openings: Mapping[str, int]
    balance: float | None
    synthetic: float
    tags: Mapping[str, int] = field(default_factory=dict)
    too_long: float = 0.0
    thinking: float | None = None
    advice: tuple[Advice, ...] = ()


class StatisticsSettings(Settings):
    """Statistics as a run is asked for them."""

    base: str = setting("starter", en="whose tokens are counted", zh="按哪个基座统计词元")


def statistics(
    ws: Workspace, version: DatasetVersion, *, tokenizer: str = "starter", progress: Watcher = unwatched
) -> Statistics:
    """Measure a version; `tokenizer` is a base model's name or folder, whose tokens are counted."""
    seen = 0

    def look() -> None:
        progress(Progress("statistics", seen, version.records, "records"))

    lengths: list[int] = []
    turns: Counter[int] = Counter()
    languages: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    drawn: list[tuple[bytes, Record]] = []
    least = _limit(version.records)
    for batch in versions.batches(ws, version):
        lengths += batch.column("length").to_pylist()
        languages.update(one or "und" for one in batch.column("lang").to_pylist())
        for payload, kind, identity in zip(
            *(batch.column(name).to_pylist() for name in ("payload", "kind", "id")), strict=True
        ):
            wanted = hashlib.blake2b(identity.encode(), digest_size=8).digest()
            if kind == "label" or wanted <= least:
                record = to_record(payload)
                if kind == "label":
                    labels[str(record.label)] += 1
                if wanted <= least:
                    drawn.append((wanted, record))
                    turns[len(record.messages)] += 1
        seen += batch.num_rows
        look()
    sample = [record for _, record in sorted(drawn, key=lambda one: one[0])[:SAMPLE]]
    whole, told = _tokens(sample, tokenizer)
    look()
    near_repeats = _near_repeats(sample)
    look()
    origins, synthetic = _sources(ws, version)
    base = advising.base_facts(tokenizer)
    found = Statistics(
        name=version.name,
        records=version.records,
        splits=dict(version.splits),
        kinds=dict(version.kinds),
        languages=dict(languages.most_common()),
        characters=Spectrum.of(lengths),
        turns={str(count): turns[count] for count in sorted(turns) if count},
        labels=dict(labels.most_common()),
        sources=origins,
        sampled=len(sample),
        tokenizer=tokenizer,
        tokens=Spectrum.of(whole),
        answer_tokens=Spectrum.of(told),
        near_repeats=near_repeats,
        distinct=_distinct(sample),
        openings=_openings(sample),
        balance=min(labels.values()) / max(labels.values()) if labels else None,
        synthetic=synthetic,
        tags=tag_counts(ws, version),
        too_long=sum(count > base.context for count in whole) / max(len(whole), 1) if base.context else 0.0,
        thinking=_thinking(sample),
    )
    return replace(found, advice=(*advising.of_statistics(found, base), *advising.of_models(ws, version)))


def _limit(records: int) -> bytes:
    """The digests up to this one are about a fifth more than the sample."""
    most = 2**64 - 1
    return min(most, most * SAMPLE * 6 // (5 * max(records, 1))).to_bytes(8, "big")


def _tokens(sample: list[Record], name: str) -> tuple[list[int], list[int]]:
    """Tokens of each record's texts, and of each answer; without the template's own tokens."""
    from tuneloop.models.places import find
    from tuneloop.models.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(find(name))
    whole = [len(tokenizer.encode(record.full_text)) for record in sample]
    return whole, [len(tokenizer.encode(turn.text)) for record in sample for turn in answers(record)]


def _thinking(sample: list[Record]) -> float | None:
    told = [bool(turn.reasoning or thoughts.split(turn.text).thought) for one in sample for turn in answers(one)]
    return sum(told) / len(told) if told else None


def _near_repeats(sample: list[Record]) -> float:
    import numpy as np

    from tuneloop.text.clusters import near_pairs, without_boilerplate
    from tuneloop.text.similarity import Sketches

    if len(sample) < 2:
        return 0.0
    sketches = without_boilerplate(Sketches.of([record.full_text for record in sample]))
    pairs = near_pairs(sketches, NEAR, 0.9)
    return float(len(np.unique(pairs)) / len(sample))


def _distinct(sample: list[Record]) -> float:
    """Distinct-4 (Li et al. 2016) on characters, as Chinese has no spaces between words."""
    seen: set[str] = set()
    total = 0
    for record in sample:
        told = [turn.text for turn in answers(record)] if record.text is None else [record.text]
        for text in told:
            solid = "".join(text.split())[:1000]
            grams = [solid[start : start + 4] for start in range(max(len(solid) - 3, 0))]
            total += len(grams)
            seen.update(grams)
    return round(len(seen) / total, 4) if total else 1.0


def _openings(sample: list[Record]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for record in sample:
        asked = [turn.text for turn in question(record) if turn.role == "user"]
        if asked and asked[-1].strip():
            words = asked[-1].split()
            spaced = asked[-1].isascii()
            found[" ".join(words[:3]).casefold() if spaced else bare(asked[-1])[:OPENING]] += 1
    return dict(found.most_common(12))


def _sources(ws: Workspace, version: DatasetVersion) -> tuple[dict[str, int], float]:
    """Records by the name of their source, and the share of those that are synthetic."""
    addresses = datasets.addresses(ws, version.name, "origins")
    if not addresses:
        return {}, 0.0
    query = """
        SELECT source, count(DISTINCT o.record) AS count FROM origins o SEMI JOIN members m ON m.record = o.record
        GROUP BY source ORDER BY count DESC, source
    """
    rows = ws.ledgers.query(query, origins=addresses, members=datasets.addresses(ws, version.name, "members"))
    known = {one.id: one for one in sources(ws)}
    counts: Counter[str] = Counter()
    synthetic = 0
    for row in rows.to_pylist():
        source = known.get(row["source"])
        counts[source.name if source else row["source"]] += row["count"]
        synthetic += row["count"] if source is not None and source.kind == "synthetic" else 0
    return dict(counts.most_common()), synthetic / counts.total() if counts else 0.0


def _edges(numbers: NDArray[np.float64]) -> NDArray[Any]:
    """Even classes up to the 99th percentile, and one for what is beyond: a few long records hide nothing."""
    import numpy as np

    low, high = float(numbers.min()), float(np.percentile(numbers, 99))
    top = float(numbers.max())
    steps = min(24, max(int(high - low), 1))
    edges = np.unique(np.round(np.linspace(low, high, steps + 1)))
    if len(edges) < 2:
        edges = np.array([low, low + 1])
    if top > edges[-1]:
        edges = np.append(edges, top)
    return edges
