"""Packing changes nothing but speed: loss and gradients are those of examples one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tuneloop.models import load
from tuneloop.models.language_model import LanguageModel
from tuneloop.records import Record
from tuneloop.train.assembly import weights_of
from tuneloop.train.batches import Batches, Size, pack, split
from tuneloop.train.examples import Examples, Item, write
from tuneloop.train.fit import accumulate
from tuneloop.train.learner import Learner, Scene
from tuneloop.train.objective import objectives
from tuneloop.train.objectives.sft import SupervisedFineTuning
from tuneloop.train.optimizers.adamw import AdamW
from tuneloop.train.recipe import TrainRecipe
from tuneloop.train.tuners.full import Full

from .conftest import chat, facts


@pytest.fixture
def lm(base: Path) -> LanguageModel:
    return load(base, "float32")


@pytest.fixture
def examples(lm: LanguageModel, tmp_path: Path) -> Examples:
    rows = [Item(record, 1.0 + (number % 3) / 2) for number, record in enumerate(facts())]
    rows += [Item(Record("text", text="A text of its own. " * 5))]
    return write(rows, SupervisedFineTuning(), lm, 256, tmp_path / "encoded", {})


def learner_of(lm: LanguageModel, batches: Batches) -> Learner:
    scene = Scene(lm, batches, None, TrainRecipe(), 1, Path(), None)  # type: ignore[arg-type]
    return Learner(SupervisedFineTuning(), scene)


def gradients(lm: LanguageModel, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    lm.module.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return {name: one.grad.clone() for name, one in lm.module.named_parameters() if one.grad is not None}


def test_packed_equals_one_by_one(lm: LanguageModel, examples: Examples) -> None:
    objective = SupervisedFineTuning()
    numbers = np.arange(12)
    packed = objective.loss(lm, pack(examples, numbers))
    alone = [objective.loss(lm, pack(examples, numbers[n : n + 1])) for n in range(12)]
    assert packed.weight == pytest.approx(sum(one.weight for one in alone))
    total = torch.stack([one.total for one in alone]).sum()
    assert packed.total.item() == pytest.approx(total.item(), rel=1e-5)
    together, apart = gradients(lm, packed.total), gradients(lm, total)
    assert together.keys() == apart.keys() == dict(lm.module.named_parameters()).keys()
    for name, gradient in together.items():
        torch.testing.assert_close(gradient, apart[name], rtol=1e-4, atol=1e-5)


def test_small_steps_add_up_to_the_big_batch(base: Path, examples: Examples) -> None:
    """Micro-batches of 60 tokens and one of all tokens give the same gradient sum, weight and loss."""
    found = []
    for micro in (60, 100_000):
        lm = load(base, "float32")
        weights = weights_of(lm, Full(), list(lm.module.named_parameters()))
        updater = AdamW().build(weights, 1e-3, 0.0)
        batches = Batches(examples, Size(micro, examples=16), seed=3, quotas=None)
        parts = list(batches.of(0))
        loss, weight, tokens, _ = accumulate(learner_of(lm, batches), parts)
        found.append((loss, weight, tokens, updater.norm()))
        assert len(parts) > 5 if micro == 60 else len(parts) == 1
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_targets_are_the_masked_tokens_and_never_reach_over(lm: LanguageModel, examples: Examples) -> None:
    batch = pack(examples, np.array([0, 1, 2])).packed
    begin = 0
    for number, length in enumerate(batch.lengths):
        ids, targets = batch.ids[begin : begin + length], batch.targets[begin : begin + length]
        assert targets[-1] == -1
        assert batch.positions[begin : begin + length].tolist() == list(range(length))
        answer = [int(token) for token in targets if token >= 0]
        assert lm.tokenizer.decode(answer, skip_special=False).startswith(facts()[number].messages[1].text)
        for place, target in enumerate(targets[:-1].tolist()):
            assert target in (-1, int(ids[place + 1]))
        begin += length
    weights = [1.0 + (number % 3) / 2 for number in range(3)]
    wanted = [
        weight for weight, n in zip(weights, [0, 1, 2], strict=True) for _ in range(int(examples.index["targets"][n]))
    ]
    assert batch.target_weights.tolist() == wanted


def test_steps_cover_an_epoch_once_and_are_alike(examples: Examples) -> None:
    for size in (Size(500, examples=10), Size(500, tokens=400)):
        batches = Batches(examples, size, seed=1, quotas=None)
        steps = [batches.numbers(step) for step in range(batches.steps_per_epoch)]
        assert sorted(np.concatenate(steps)) == list(range(len(examples)))
        tokens = [int(examples.lengths[step].sum()) for step in steps]
        assert max(tokens) < 1.6 * min(tokens)
        fresh = Batches(examples, size, seed=1, quotas=None)
        late = batches.steps_per_epoch + 1
        assert (fresh.numbers(late) == batches.numbers(late)).all()  # no need to have walked there


def test_micro_batches_keep_to_their_budget() -> None:
    lengths = np.random.default_rng(0).integers(2, 90, 200)
    parts = split(np.arange(200), lengths, 256)
    assert sorted(np.concatenate(parts)) == list(range(200))
    assert all(lengths[part].sum() <= 256 for part in parts)
    assert [len(part) for part in split(np.arange(3), np.array([900, 10, 5]), 256)] == [1, 2]
    widths = [int(np.ptp(lengths[part])) for part in parts]
    assert np.mean(widths) < 10  # alike inside a part


def test_what_does_not_fit_is_counted(lm: LanguageModel, tmp_path: Path) -> None:
    rows = [
        chat("short", "answer"),
        chat("q", "a long answer " * 30),
        chat("a long question " * 30, "answer"),
        chat("no weight", "answer", weight=0.0),
        Record("preference", messages=chat("a", "b").messages[:1], chosen=(), rejected=()),
        Record("text", text="word " * 100),
    ]
    items = [*(Item(row) for row in rows), Item(chat("weight", "zero"), 0.0)]
    kept = write(items, SupervisedFineTuning(), lm, 64, tmp_path / "encoded", {})
    assert kept.counts.records == 7
    assert dict(kept.counts.aside) == {"answer_cut": 1, "no_target": 2, "kind": 1}
    assert kept.counts.cut_records == 1
    assert kept.counts.cut_tokens > 300
    assert kept.counts.examples == len(kept) == 2 + 8  # 501 tokens of text in pieces of 64
    assert kept.lengths.max() == 64
    assert kept.counts.aside_cases["answer_cut"][0]["record"] == rows[2].id


def test_encoding_is_read_back_and_made_anew_when_it_is_of_something_else(lm: LanguageModel, tmp_path: Path) -> None:
    objective = objectives.create("cpt")
    place = tmp_path / "encoded"
    first = write([Item(Record("text", text="one two"))], objective, lm, 64, place, {"version": "a"})
    again = write([], objective, lm, 64, place, {"version": "a"})
    assert again.ids(0).tolist() == first.ids(0).tolist()
    assert again.counts == first.counts
    other = write([Item(Record("text", text="three"))], objective, lm, 64, place, {"version": "b"})
    assert len(other.ids(0)) == 6
