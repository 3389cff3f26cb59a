"""Model, adapter, data and workspace of the DPO benchmark, made once per folder from the user's own preference files.

    data/pairs-NAME.jsonl     the pairs as prompt, chosen, rejected (TRL), in the order in which we train on them
    workspaces/pairs-NAME     the same as a dataset version, all of it in the training split

Models and adapters are those of `assets`.  Pairs with a side of more than `LONGEST` characters are left out, so that
no program has to cut anything.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

from harness import assets
from harness.assets import Assets
from tuneloop import loop
from tuneloop.records import Record, Turn
from tuneloop.store import Workspace, datasets
from tuneloop.train import data as versions

LONGEST = 1200


def make(root: Path, files: Sequence[Path], model: str, count: int, batch: int) -> Assets:
    """The assets under `root`, made where they are not there yet; `count` pairs, `batch` of them a step."""
    name = f"pairs-{count}x{batch}"
    found = Assets(
        model=root / "models" / model,
        adapter=root / "models" / f"{model}-adapter",
        prompts=root / "data" / f"{name}.jsonl",
        alpaca=root / "data" / f"{name}.json",
        workspace=root / "workspaces" / name,
        examples=count,
    )
    if not found.prompts.is_file():
        _write(found, _prepared(found, _drawn(root, files, count)))
    if not found.model.is_dir():
        rows = [json.loads(line) for line in found.prompts.read_text(encoding="utf-8").splitlines()]
        texts = [{side: row[side][0]["content"] for side in ("chosen", "rejected")} for row in rows]
        assets.make_model(found.model, model, texts)
    if not found.adapter.is_dir():
        assets.make_adapter(found.model, found.adapter)
    return found


def _drawn(root: Path, files: Sequence[Path], count: int) -> list[Record]:
    """`count` pairs, the same number of each file, as our own import reads them."""
    draw, found = random.Random(assets.SEED), []
    for file in files:
        with Workspace.find(root / "workspaces" / f"all-{file.stem}") as ws:
            if not datasets.versions(ws):
                loop.prepare(file, workspace=ws, recipe={"steps": ["normalize"], "split": "train_only"})
            records = [item.record for item in versions.items(ws, datasets.version(ws), "train")]
        short = [one for one in records if all(_length(one, side) <= LONGEST for side in (one.chosen, one.rejected))]
        if len(short) < count // len(files):
            raise SystemExit(f"{file} has {len(short)} pairs short enough: ask for fewer, or give other data")
        found += draw.sample(short, count // len(files))
    return found


def _length(record: Record, answer: Sequence[Turn]) -> int:
    return sum(len(turn.text) for turn in (*record.messages, *answer))


def _prepared(found: Assets, records: Sequence[Record]) -> list[Record]:
    """The pairs in the order of our first epoch."""
    folder = found.prompts.parent
    folder.mkdir(parents=True, exist_ok=True)
    raw = folder / f"{found.workspace.name}-raw.jsonl"
    with raw.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(_row(record), ensure_ascii=False) + "\n" for record in records)
    loop.prepare(raw, workspace=found.workspace, recipe={"steps": ["normalize"], "split": "train_only"})
    with Workspace.find(found.workspace) as ws:
        kept = [item.record for item in versions.items(ws, datasets.version(ws), "train")]
    if len(kept) != found.examples:
        raise SystemExit(f"the workspace holds {len(kept)} pairs of {found.examples}: give other data")
    return [kept[number] for number in assets.order(len(kept))]


def _write(found: Assets, records: Sequence[Record]) -> None:
    with found.prompts.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(_row(record), ensure_ascii=False) + "\n" for record in records)


def _row(record: Record) -> dict[str, list[dict[str, object]]]:
    sides = {"prompt": record.messages, "chosen": record.chosen, "rejected": record.rejected}
    return {name: [turn.payload() for turn in turns] for name, turns in sides.items()}
