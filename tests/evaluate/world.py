"""A base model of 80,000 weights, dataset versions, and model versions that know a few facts by heart."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from tests.tiny import byte_tokenizer

from tuneloop.models import load
from tuneloop.models.adapters.lora import LoraAdapter
from tuneloop.models.chat import encode_record
from tuneloop.models.new import NewModel, create
from tuneloop.models.packed import Packed
from tuneloop.records import DatasetVersion, ModelVersion, Record, Split, Turn
from tuneloop.store import Workspace, datasets
from tuneloop.store.models import add_model
from tuneloop.store.models import models as models_of

SHAPE = NewModel(hidden=64, layers=2, heads=2, kv_heads=2, head_dim=32, intermediate=96, max_positions=160)


def chat(question: str, answer: str) -> Record:
    return Record("chat", messages=(Turn("user", question), Turn("assistant", answer)))


def make_base(folder: Path) -> Path:
    lm = create(SHAPE, byte_tokenizer(), "float32")
    with torch.no_grad():  # fresh embeddings are so small that an adapter under them could never be sure of a token
        lm.module.vocabulary.mul_(15)
    return lm.save(folder)


FACTS = [
    chat("小猫叫什么？", "年糕"),
    chat("谁喂它？", "奶奶"),
    chat("What is the dog called?", "Biscuit"),
    chat("Where is the key?", "under the pot"),
]


def add_version(ws: Workspace, records: Sequence[tuple[Record, Split]]) -> DatasetVersion:
    """Put records into the workspace as a dataset version."""
    rows = {
        "records": [{"id": r.id, "kind": r.kind, "length": 1, "payload": r.canonical} for r, _ in records],
        "members": [{"record": r.id, "split": split, "weight": 1.0} for r, split in records],
    }
    rows["members"].sort(key=lambda row: str(row["record"]))
    ledgers = {}
    for kind, made in rows.items():
        with ws.ledgers.writer(kind) as writer:
            writer.write(made)
            ledgers[kind] = writer.commit()
    splits = {split: sum(own == split for _, own in records) for split in ("train", "validation", "test")}
    kinds = {kind: sum(record.kind == kind for record, _ in records) for kind in {record.kind for record, _ in records}}
    identity = f"d1:{len(datasets.versions(ws))}"
    return datasets.add_version(ws, id=identity, splits=splits, kinds=kinds, pipeline={}, report={}, ledgers=ledgers)


def learn(folder: Path, base: Path, form: str, facts: Sequence[Record] = FACTS) -> Path:
    """Train on the facts with plain Adam until they are known by heart; writes an adapter or full weights."""
    lm = load(base, dtype="float32")
    adapter = LoraAdapter.new(lm.sites(), r=8, alpha=16)
    if form == "adapter":
        lm.freeze()
        lm.attach(adapter)
    parameters = adapter.parameters() if form == "adapter" else list(lm.module.parameters())
    batch = Packed.of([encode_record(record, lm.tokenizer, lm.template) for record in facts])
    adam = torch.optim.Adam(parameters, lr=0.01)
    for _ in range(600):
        loss = lm.token_nll(batch).mean()
        if float(loss.detach()) < 0.05:
            break
        loss.backward()
        adam.step()
        adam.zero_grad()
    else:
        raise AssertionError(f"the tiny model did not learn its facts: {float(loss.detach())}")
    return adapter.save(folder) if form == "adapter" else lm.save(folder)


def add_tuned(
    ws: Workspace, base: Path, learned: Path, version: DatasetVersion, run: str | None = None
) -> ModelVersion:
    """Put what was learned into the workspace as a model version of `version`."""
    folder = ws.path("models") / f"made-{len(models_of(ws)) + 1}"
    shutil.copytree(learned, folder)
    adapter = (folder / "adapter_config.json").is_file()
    return add_model(
        ws,
        base=str(base),
        form="adapter" if adapter else "full",
        folder=folder,
        objective="sft",
        tuner="lora" if adapter else "full",
        recipe={},
        dataset=version.name,
        run=run,
    )
