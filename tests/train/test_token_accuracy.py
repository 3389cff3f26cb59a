"""Token accuracy of the curves equals what transformers' full logits give, whatever the micro-batches."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from tuneloop.models.loading import load
from tuneloop.records import Record
from tuneloop.runs import queue
from tuneloop.store import Workspace
from tuneloop.train import TrainRecipe, train
from tuneloop.train.fit import accumulate
from tuneloop.train.objective import objectives

from .conftest import MakeVersion, facts
from .preferences import at_work, pairs

OBJECTIVES = ["sft", "cpt"]


def by_transformers(model: Path, rows: list[Record], objective: str) -> float:
    """The share of all targets that are the likeliest token, each record read alone."""
    from transformers import AutoModelForCausalLM

    lm = load(model, "float32")
    theirs = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    right = total = 0
    with torch.no_grad():
        for row in rows:
            (example,) = objectives.create(objective).encode(row, lm, 256).examples
            ids, mask = torch.tensor(example.ids), torch.tensor(example.mask[1:]) > 0
            said = theirs(ids[None]).logits[0, :-1].argmax(-1)
            right += int((said == ids[1:])[mask].sum())
            total += int(mask.sum())
    return right / total


def curve(ws: Workspace, run: str | None, name: str) -> list[float]:
    return [point.value for point in queue.metrics(ws, str(run), [name])]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_it_equals_that_of_all_logits(objective: str, ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    rows, held_out = facts()[6:], facts()[:6]
    version = make_version(
        [(row, "train", 1.0, "f") for row in rows] + [(row, "validation", 1.0, "f") for row in held_out]
    )
    recipe = TrainRecipe(
        base=str(base), objective=objective, tuner="full", batch=len(rows), max_steps=30, eval_every=30,
        learning_rate=1e-2, precision="float32", micro_tokens=300, replay=0.0, early_stopping=0, warmup=0,
    )  # fmt: skip
    made = train(version, recipe, workspace=ws)
    before = by_transformers(base, rows, objective)
    assert curve(ws, made.run, "token_accuracy")[0] == pytest.approx(before, abs=1e-6)
    (measured,) = curve(ws, made.run, "validation_token_accuracy")
    after = by_transformers(ws.folder / made.folder, held_out, objective)
    assert measured == pytest.approx(after, abs=1e-6)
    assert made.metrics["validation_token_accuracy"] == measured
    assert after > before + 0.2


@pytest.mark.parametrize("name", ["dpo", "orpo"])
def test_of_a_pair_it_is_that_of_the_chosen_answers(name: str, base: Path, tmp_path: Path) -> None:
    rows = pairs()[:9]
    weights = [1.0, 2.0, 0.5] * 3
    for micro in (1 << 20, 200):
        folder = tmp_path / str(micro)
        learner, batches = at_work(objectives.create(name), base, rows, folder, micro=micro, weights=weights)
        _, _, _, figures = accumulate(learner, batches)
        right = total = 0.0
        for batch in batches:
            packed = batch.packed
            likeliest = learner.lm.logits(packed.ids, packed.lengths).argmax(-1)[packed.rows]
            chosen = packed.owners % 2 == 0
            weight = batch.weights[packed.owners // 2][chosen]
            right += float(((likeliest == packed.target_ids)[chosen] * weight).sum())
            total += float(weight.sum())
        assert figures["token_accuracy"] == pytest.approx(right / total, abs=1e-5)
    assert math.isfinite(figures["loss"])
