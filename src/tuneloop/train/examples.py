"""Encoded examples on disk: written in one pass, read by memory map, so that memory does not grow with the data.

A folder holds four flat files of T tokens and N examples together with `about.json`, which is written last and makes
the folder valid:

    ids       uint16 or uint32 [T]   token ids, example after example, an example's second sequence behind its first
    mask      float16 [T]            weight of the token as a target, 0: not trained
    notes     UTF-8                  the examples' notes, one after another
    index     N rows of `ROW`        see there

Bounded memory: one batch of records while writing (`BATCH`), 74 bytes an example while reading, and whatever pages of
the maps the system keeps.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tuneloop.records import Record
from tuneloop.records.record import SCHEME
from tuneloop.train.objective import Encoded, Example, Objective

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel

BATCH = 256  # records encoded at once
CASES = 20  # records named per reason for setting them aside; all are counted
ROW = np.dtype([
    ("start", "<i8"), ("length", "<i4"), ("first", "<i4"), ("targets", "<i4"), ("weight", "<f4"), ("label", "<f4"),
    ("note", "<i8"), ("note_length", "<i4"), ("group", "<u2"), ("record", "u1", 32),
])  # fmt: skip
"""First token, tokens, those of the first sequence (all of them where there is no second), targets, weight, label,
first byte of the note, its bytes, group, and the record's digest."""


class Item(NamedTuple):
    """A record on its way into training: its weight in the version and the group it counts to in a mixture."""

    record: Record
    weight: float = 1.0
    group: str = ""


@dataclass
class Counts:
    """What became of the records: nothing is set aside or cut without being counted here."""

    records: int = 0
    examples: int = 0
    tokens: int = 0
    targets: int = 0
    cut_records: int = 0
    cut_tokens: int = 0
    aside: Counter[str] = field(default_factory=Counter)
    aside_cases: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "aside": dict(self.aside)}


class Examples:
    """N encoded examples, read from a folder that `write` made."""

    def __init__(self, folder: Path) -> None:
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        counts = about["counts"]
        self.counts = Counts(**{**counts, "aside": Counter(counts["aside"])})
        self.groups: list[str] = about["groups"]
        self._ids = _map(folder / "ids", np.dtype(about["dtype"]))
        self._mask = _map(folder / "mask", np.dtype("<f2"))
        self._notes = _map(folder / "notes", np.dtype("u1"))
        self.index = np.fromfile(folder / "index", dtype=ROW)
        self.lengths: np.ndarray[Any, np.dtype[np.int32]] = np.ascontiguousarray(self.index["length"])

    def __len__(self) -> int:
        return len(self.index)

    @property
    def sizes(self) -> dict[str, int]:
        """Tokens by group, in the groups' order."""
        tokens = np.bincount(self.index["group"], weights=self.lengths, minlength=len(self.groups))
        return {name: int(size) for name, size in zip(self.groups, tokens, strict=True)}

    def ids(self, number: int) -> np.ndarray[Any, Any]:
        return self._ids[self._part(number)]

    def mask(self, number: int) -> np.ndarray[Any, Any]:
        return self._mask[self._part(number)]

    def note(self, number: int) -> str:
        start, length = int(self.index["note"][number]), int(self.index["note_length"][number])
        return bytes(self._notes[start : start + length]).decode()

    def record(self, number: int) -> str:
        """The id of the record that an example was made from."""
        return SCHEME + bytes(self.index["record"][number]).hex()

    def sequences(self, number: int) -> list[int]:
        """Tokens of each of its sequences: one or two."""
        length, first = int(self.lengths[number]), int(self.index["first"][number])
        return [length] if first == length else [first, length - first]

    def _part(self, number: int) -> slice:
        start, length = int(self.index["start"][number]), int(self.index["length"][number])
        return slice(start, start + length)


def _map(path: Path, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    # numpy cannot map an empty file
    return np.memmap(path, dtype=dtype, mode="r") if path.stat().st_size else np.empty(0, dtype)


def write(
    items: Iterable[Item],
    objective: Objective,
    lm: LanguageModel,
    limit: int,
    folder: Path,
    about: Mapping[str, Any],
    told: Callable[[int], None] | None = None,
) -> Examples:
    """Encode `items` into `folder`, or read it back if it holds the same thing already.

    `about` names all that the result depends on (version, split, tokenizer, objective, limit).  `told` hears after
    each batch how many items are done; what it raises ends the work, and the folder is not valid then.
    """
    if (folder / "about.json").is_file():
        if json.loads((folder / "about.json").read_text(encoding="utf-8"))["of"] == dict(about):
            return Examples(folder)
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    dtype = np.dtype("<u2" if lm.config.vocab <= 1 << 16 else "<u4")
    with (
        (folder / "ids").open("wb") as ids,
        (folder / "mask").open("wb") as mask,
        (folder / "notes").open("wb") as notes,
        (folder / "index").open("wb") as index,
    ):
        writer = _Writer(ids, mask, notes, index, dtype)
        for batch in _batches(items):
            usable = [item for item in batch if item.record.kind in objective.needs.kinds]
            encoded = iter(objective.encode_many([item.record for item in usable], lm, limit))
            for item in batch:
                known = item.record.kind in objective.needs.kinds
                writer.add(item, next(encoded) if known else Encoded(aside="kind"))
            if told is not None:
                told(writer.counts.records)
    text = {"of": dict(about), "dtype": dtype.str, "groups": list(writer.groups), "counts": writer.counts.as_dict()}
    temporary = folder / "about.json.new"
    temporary.write_text(json.dumps(text, ensure_ascii=False), encoding="utf-8")
    temporary.replace(folder / "about.json")
    return Examples(folder)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    source = iter(items)
    while batch := list(islice(source, BATCH)):
        yield batch


class _Writer:
    def __init__(
        self, ids: IO[bytes], mask: IO[bytes], notes: IO[bytes], index: IO[bytes], dtype: np.dtype[Any]
    ) -> None:
        self.ids, self.mask, self.notes, self.index, self.dtype = ids, mask, notes, index, dtype
        self.groups: dict[str, int] = {}
        self.counts = Counts()

    def add(self, item: Item, encoded: Encoded) -> None:
        counts = self.counts
        counts.records += 1
        aside = encoded.aside or ("no_target" if item.weight <= 0 else "")
        if aside:
            counts.aside[aside] += 1
            cases = counts.aside_cases.setdefault(aside, [])
            if len(cases) < CASES:
                cases.append({"record": item.record.id, "why": encoded.why})
            return
        counts.cut_records += encoded.cut > 0
        counts.cut_tokens += encoded.cut
        group = self.groups.setdefault(item.group, len(self.groups))
        digest = bytes.fromhex(item.record.id.removeprefix(SCHEME))
        for example in encoded.examples:
            self._write(example, item.weight, group, digest)

    def _write(self, example: Example, weight: float, group: int, digest: bytes) -> None:
        counts, place = self.counts, self.counts.tokens
        targets = 0
        for ids, mask in [(example.ids, example.mask), *([example.other] if example.other else [])]:
            # The first token of a sequence has nothing before it to be predicted from.
            weights = np.asarray(mask, dtype="<f2")
            weights[0] = 0
            targets += int(np.count_nonzero(weights))
            self.ids.write(np.asarray(ids, dtype=self.dtype).tobytes())
            self.mask.write(weights.tobytes())
            counts.tokens += len(weights)
        note = example.note.encode()
        row = (
            place, counts.tokens - place, len(example.ids), targets, weight, example.label, self.notes.tell(),
            len(note), group, np.frombuffer(digest, dtype="u1"),
        )  # fmt: skip
        self.notes.write(note)
        self.index.write(np.array([row], dtype=ROW).tobytes())
        counts.examples += 1
        counts.targets += targets
