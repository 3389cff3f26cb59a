"""What the data is like, as far as choosing asks: amounts, kinds, lengths, languages, and whether answers think."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from tuneloop.records import SPLITS, DatasetVersion, Kind, Record, Split
from tuneloop.store import datasets
from tuneloop.store.sample import draw
from tuneloop.store.workspace import Workspace
from tuneloop.text import language

LOOKED_AT = 200
"""Records that are read for what no column says: thoughts, images, languages where none were noted."""
DENSE, SPARSE = 0.7, 0.28
"""Tokens per character: about 1.4 Chinese characters a token, 3.6 letters.  Tokenizers of the catalogue's families
lie within a quarter of it; training measures its own."""
DENSE_LANGUAGES = ("zh", "ja", "ko")
NOTED = 0.05
"""Share of the records from which on a language must be known by the base."""
THOUGHTS = ("<think>", "<thought>")


@dataclass(frozen=True)
class Seen:
    """`rows` of all splits by `kinds`; `tokens` in all and of the `longest` record (99 of 100 are shorter), estimated;
    `languages` by records; `thinking`: share of the looked-at answers with thoughts; `images` whether any has one."""

    name: str | None = None
    rows: int = 0
    kinds: Mapping[Kind, int] = field(default_factory=dict)
    tokens: int = 0
    longest: int = 0
    languages: Mapping[str, int] = field(default_factory=dict)
    thinking: float = 0.0
    images: bool = False
    classes: int = 0

    @property
    def main_languages(self) -> tuple[str, ...]:
        total = sum(self.languages.values())
        known = [(count, code) for code, count in self.languages.items() if code != language.UNDETERMINED]
        return tuple(code for count, code in sorted(known, reverse=True) if count >= NOTED * total)

    @property
    def kind(self) -> Kind | None:
        """The kind that most records are of."""
        if not self.kinds:
            return None
        most: Kind = max(self.kinds, key=self.kinds.__getitem__)
        return most


def look(ws: Workspace, version: DatasetVersion, seed: int) -> Seen:
    """The version's facts: its columns for all records, and a sample read whole."""
    kinds: dict[Kind, int] = {kind: version.kinds[kind] for kind in get_args(Kind) if version.kinds.get(kind)}
    tokens, longest, languages = _columns(ws, version)
    sample = list(draw(ws, version, best_split(version, "train"), LOOKED_AT, seed)) if version.records else []
    if not languages:
        languages = Counter(language.detect(record.full_text) for record in sample)
    answers = [turn for record in sample for turn in record.turns() if turn.role == "assistant"]
    thinking = sum(bool(turn.reasoning) or turn.text.lstrip().startswith(THOUGHTS) for turn in answers)
    return Seen(
        name=version.name,
        rows=version.records,
        kinds=kinds,
        tokens=tokens,
        longest=longest,
        languages=dict(languages),
        thinking=thinking / len(answers) if answers else 0.0,
        images=any(_has_image(record) for record in sample),
        classes=len({record.label for record in sample if record.kind == "label"}),
    )


def best_split(version: DatasetVersion, first: Split) -> Split:
    """`first` where it holds records, else the one that holds most."""
    return first if version.splits.get(first) else max(SPLITS, key=lambda split: version.splits.get(split, 0))


def _columns(ws: Workspace, version: DatasetVersion) -> tuple[int, int, Counter[str]]:
    dense = ", ".join(f"'{code}'" for code in DENSE_LANGUAGES)
    table = ws.ledgers.query(
        f"""
        SELECT lang, count(*) AS rows, sum(tokens) AS tokens, quantile_cont(tokens, 0.99) AS longest FROM (
            SELECT DISTINCT ON (id) lang,
                length * CASE WHEN lang IS NULL OR lang IN ({dense}) THEN {DENSE} ELSE {SPARSE} END AS tokens
            FROM records WHERE id IN (SELECT record FROM members)
        ) GROUP BY lang
        """,
        records=datasets.addresses(ws, version.name, "records"),
        members=datasets.addresses(ws, version.name, "members"),
    ).to_pylist()
    languages = Counter({row["lang"]: row["rows"] for row in table if row["lang"]})
    tokens = sum(row["tokens"] or 0 for row in table)
    return round(tokens), round(max((row["longest"] or 0 for row in table), default=0)), languages


def _has_image(record: Record) -> bool:
    return any(
        part.type == "image" for turn in record.turns() if not isinstance(turn.content, str) for part in turn.content
    )
