"""A workspace with a small dataset version, and a base model of 30,000 weights with one token per byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.tiny import byte_tokenizer

from tuneloop.models.new import NewModel, create
from tuneloop.records import DatasetVersion, Record, Turn
from tuneloop.store import Workspace, datasets

SHAPE = {"hidden": 32, "layers": 2, "heads": 2, "kv_heads": 1, "head_dim": 16, "intermediate": 64, "max_positions": 256}


def chat(question: str, answer: str, weight: float | None = None) -> Record:
    return Record("chat", messages=(Turn("user", question), Turn("assistant", answer, weight=weight)))


COLOURS = ["red", "green", "blue", "white", "black", "grey"]
THINGS = ["cup", "hat", "door", "boat", "lamp", "ball", "猫", "门"]


def facts() -> list[Record]:
    """48 questions with answers that follow a rule a small model can learn."""
    return [
        chat(f"What is {number} {thing}?", COLOURS[(number + place) % 6])
        for number in range(6)
        for place, thing in enumerate(THINGS)
    ]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model's folder, float32."""
    folder = tmp_path_factory.mktemp("base")
    create(NewModel(**SHAPE), byte_tokenizer(), "float32").save(folder)
    return folder


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "workspace") as workspace:
        yield workspace


MakeVersion = Callable[..., DatasetVersion]


@pytest.fixture
def make_version(ws: Workspace) -> MakeVersion:
    """Put records into the workspace as a dataset version: (record, split, weight, file) rows, or records alone."""

    def make(rows: Sequence[Any]) -> DatasetVersion:
        return add_version(ws, rows)

    return make


def add_version(ws: Workspace, rows: Sequence[Any]) -> DatasetVersion:
    full = [row if isinstance(row, tuple) else (row, "train", 1.0, "facts.jsonl") for row in rows]
    ledgers = {}
    for kind, made in {
        "records": [{"id": r.id, "kind": r.kind, "length": len(r.full_text), "payload": r.canonical} for r, *_ in full],
        "origins": [
            {"record": r.id, "source": "s", "file": file, "item": n, "locator": f"line {n}"}
            for n, (r, _, _, file) in enumerate(full)
        ],
        "members": sorted(
            ({"record": r.id, "split": split, "weight": weight} for r, split, weight, _ in full),
            key=lambda row: row["record"],
        ),
    }.items():
        with ws.ledgers.writer(kind) as writer:
            writer.write(made)
            ledgers[kind] = writer.commit()
    splits: dict[str, int] = {}
    kinds: dict[str, int] = {}
    for record, split, _, _ in full:
        splits[split] = splits.get(split, 0) + 1
        kinds[record.kind] = kinds.get(record.kind, 0) + 1
    identity = f"d1:{abs(hash(tuple(sorted(r.id + s for r, s, _, _ in full)))):x}"
    return datasets.add_version(ws, id=identity, splits=splits, kinds=kinds, pipeline={}, report={}, ledgers=ledgers)
