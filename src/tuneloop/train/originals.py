"""A model version opened again: in float32, and some of its data to compare answers on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from tuneloop.errors import InputError, NotFoundError
from tuneloop.models.chat import encode_record
from tuneloop.models.language_model import LanguageModel
from tuneloop.models.versions import load_version
from tuneloop.records import ModelVersion, Record, Split
from tuneloop.store import datasets
from tuneloop.store import models as model_rows
from tuneloop.store.workspace import Workspace
from tuneloop.train import data
from tuneloop.train.export import Original

POSITIONS = 1200  # tokens to compare on; 1,000 are asked for
LONGEST = 256  # tokens of one sequence
PER_SPLIT = 200  # records looked at


def original_of(ws: Workspace, version: ModelVersion) -> Original:
    model_rows.model_folder(ws, version)  # refuses a version whose files were removed

    def opened() -> LanguageModel:
        return load_version(ws, version, dtype="float32")

    return Original(version, opened, _sequences(ws, version, opened()))


def _sequences(ws: Workspace, version: ModelVersion, lm: LanguageModel) -> list[list[int]]:
    """Token ids of records, those of the test split first, until there are `POSITIONS` tokens."""
    found: list[list[int]] = []
    room = POSITIONS
    limit = min(LONGEST, lm.room)
    for record in _records(ws, version):
        ids = _ids(record, lm)[:limit]
        if len(ids) > 1:
            found.append(ids[:room])
            room -= len(ids)
        if room <= 1:
            break
    return found


def _records(ws: Workspace, version: ModelVersion) -> Iterator[Record]:
    try:
        dataset = datasets.version(ws, version.dataset or "newest")
    except NotFoundError:  # the data was removed: there is nothing to compare on, and the proof says so
        return
    splits: tuple[Split, ...] = ("test", "validation", "train")
    for split in splits:
        if dataset.splits.get(split):
            yield from (item.record for item in islice(data.items(ws, dataset, split), PER_SPLIT))


def _ids(record: Record, lm: LanguageModel) -> list[int]:
    if record.kind != "chat":
        return lm.tokenizer.encode(record.full_text, special=True)
    try:
        return encode_record(record, lm.tokenizer, lm.template).ids
    except InputError:  # a record that training set aside, too
        return []
