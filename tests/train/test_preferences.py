"""Preference objectives: the examples they make, their formulas, and that neither packing nor stopping changes them."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tuneloop.errors import InputError, SettingError, StoppedError
from tuneloop.models import load
from tuneloop.models.heads import Head
from tuneloop.models.versions import load_version
from tuneloop.records import Record, Turn
from tuneloop.runs import queue
from tuneloop.store import Workspace
from tuneloop.train import TrainRecipe, session, train
from tuneloop.train.examples import Item, write
from tuneloop.train.fit import accumulate
from tuneloop.train.objective import objectives
from tuneloop.train.pairs import Answers
from tuneloop.train.preview import preview

from .conftest import MakeVersion
from .preferences import at_work, loss_and_norm, moved, pair, pairs, rating, ratings, tensor

NAMES = ["dpo", "kto", "orpo", "simpo", "reward"]
SPECS: dict[str, dict[str, Any]] = {
    "dpo": {"name": "dpo"},
    "ipo": {"name": "dpo", "loss_type": "ipo"},
    "dpo-sft": {"name": "dpo", "sft_weight": 0.5},
    "kto": {"name": "kto"},
    "orpo": {"name": "orpo"},
    "simpo": {"name": "simpo", "sft_weight": 0.2},
    "reward": {"name": "reward", "centre": 0.1},
}


def rows_for(name: str) -> list[Record]:
    return ratings() if name == "kto" else pairs()


def targets(learner: Any, batch: Any) -> list[str]:
    """The words that each sequence is trained on."""
    packed = batch.packed
    return [
        learner.lm.tokenizer.decode(packed.target_ids[packed.owners == place].tolist(), skip_special=False)
        for place in range(len(packed.lengths))
    ]


def test_only_the_answers_are_targets(base: Path, tmp_path: Path) -> None:
    talk = (Turn("user", "hi"), Turn("assistant", "earlier words"), Turn("user", "and?"))
    row = Record("preference", messages=talk, chosen=(Turn("assistant", "好"),), rejected=(Turn("assistant", "no"),))
    learner, [batch] = at_work(objectives.create("dpo"), base, [row], tmp_path)
    assert targets(learner, batch) == ["好<|im_end|>\n", "no<|im_end|>\n"]
    text = learner.lm.tokenizer.decode(batch.packed.ids[: batch.packed.lengths[0]].tolist(), skip_special=False)
    assert "earlier words" in text


def test_a_rated_answer_has_a_neighbours_beside_it(base: Path, tmp_path: Path) -> None:
    rows = [rating("a?", "one", True), rating("b?", "two", False), rating("c?", "three", True)]
    learner, [batch] = at_work(objectives.create("kto"), base, rows, tmp_path)
    order = batch.numbers.tolist()
    said = [words.removesuffix("<|im_end|>\n") for words in targets(learner, batch)]
    wanted = {0: ("one", "three"), 1: ("two", "one"), 2: ("three", "two")}
    assert list(zip(said[::2], said[1::2], strict=True)) == [wanted[number] for number in order]
    begins = list(itertools.accumulate([0, *batch.packed.lengths]))
    prompts = ["abc"[number] for number in order for _ in range(2)]
    for begin, end, letter in zip(begins, begins[1:], prompts, strict=False):
        text = learner.lm.tokenizer.decode(batch.packed.ids[begin:end].tolist(), skip_special=False)
        assert f"{letter}?" in text
    assert batch.labels.tolist() == [[1.0, 0.0, 1.0][number] for number in order]


def test_what_cannot_be_compared_is_set_aside(base: Path, tmp_path: Path) -> None:
    lm = load(base, "float32")
    rows = [
        pair("fine", "good", "bad"),
        pair("same", "word", "word"),
        pair("q" * 90, "good", "bad"),
        pair("q", "good", "b" * 90),
        pair("q", "a" * 90 + "b", "a" * 90 + "c"),
        Record("preference", messages=(Turn("user", "none"),), chosen=(), rejected=(Turn("assistant", "x"),)),
    ]
    made = write([Item(row) for row in rows], objectives.create("dpo"), lm, 64, tmp_path / "dpo", {})
    assert dict(made.counts.aside) == {"equal_answers": 1, "answer_cut": 2, "template": 1}
    assert (made.counts.examples, made.counts.cut_records) == (2, 1)
    made = write([Item(row) for row in rows], objectives.create("reward"), lm, 64, tmp_path / "reward", {})
    assert dict(made.counts.aside) == {"equal_answers": 1, "too_long": 3, "template": 1}
    odd = Record("rating", messages=rating("a", "b", True).messages, label="perhaps")
    wrong = [odd, rating("q" * 90, "answer", True), rating("a", "b", False)]
    made = write([Item(row) for row in wrong], objectives.create("kto"), lm, 64, tmp_path / "kto", {})
    assert dict(made.counts.aside) == {"label": 1, "answer_cut": 1}
    assert len(made) == 1


def test_a_preview_shows_both_answers_of_a_pair_and_one_of_a_rating(base: Path) -> None:
    lm = load(base, "float32")
    for name, row, wanted in (
        ("dpo", pair("q", "good", "bad"), ["good<|im_end|>\n", "bad<|im_end|>\n"]),
        ("kto", rating("q", "good", True), ["good<|im_end|>\n"]),
    ):
        shown = preview(row, objectives.create(name), lm, 64)
        assert ["".join(piece.text for piece in pieces if piece.weight) for pieces in shown.examples] == wanted


def log_sigmoid(value: float) -> float:
    return -math.log1p(math.exp(-value))


def test_the_formulas_by_hand() -> None:
    policy = Answers(tensor(-6.0), tensor(-9.0), torch.tensor([3.0]), torch.tensor([6.0]))
    reference = Answers(tensor(-8.0), tensor(-8.0), torch.tensor([3.0]), torch.tensor([6.0]))
    found = objectives.create({"name": "dpo", "beta": 0.5}).compare(policy, reference)
    assert found.losses.item() == pytest.approx(-log_sigmoid(0.5 * (2 - -1)))
    assert (found.chosen_reward.item(), found.rejected_reward.item()) == (1.0, -0.5)
    smooth = objectives.create({"name": "dpo", "beta": 0.5, "label_smoothing": 0.2}).compare(policy, reference)
    assert smooth.losses.item() == pytest.approx(-0.8 * log_sigmoid(1.5) - 0.2 * log_sigmoid(-1.5))
    squared = objectives.create({"name": "dpo", "beta": 0.5, "loss_type": "ipo"}).compare(policy, reference)
    assert squared.losses.item() == pytest.approx((2 / 3 + 1 / 6 - 1) ** 2)
    simple = objectives.create({"name": "simpo", "beta": 2, "gamma": 0.3}).compare(policy, None)
    assert simple.losses.item() == pytest.approx(-log_sigmoid(2 * (-2 + 1.5) - 0.3))

    def odds(mean: float) -> float:
        return math.exp(mean) / (1 - math.exp(mean))

    ratio = objectives.create({"name": "orpo", "odds_weight": 0.2}).compare(policy, None)
    assert ratio.losses.item() == pytest.approx(-0.2 * log_sigmoid(math.log(odds(-2) / odds(-1.5))))
    scored = objectives.create({"name": "reward", "centre": 0.01}).compare(tensor(2.0), tensor(-0.5))
    assert scored.item() == pytest.approx(-log_sigmoid(2.5) + 0.01 * 1.5**2)
    rated = objectives.create({"name": "kto", "beta": 0.5}).compare(
        tensor(1.0, 1.0), 0.4, torch.tensor([True, False]), (1.0, 2.0)
    )
    share = 1 / (1 + math.exp(-0.5 * 0.6))
    assert rated.tolist() == pytest.approx([1 - share, 2 * share])


def test_odds_stay_finite_for_a_certain_answer() -> None:
    certain, sure = tensor(0.0), tensor(-1e-9)
    ones = torch.ones(1)
    found = objectives.create("orpo").compare(Answers(certain, sure, ones, ones), None)
    found.losses.sum().backward()
    assert found.losses.isfinite().all()
    assert certain.grad is not None
    assert certain.grad.isfinite().all()


def test_good_and_bad_answers_count_alike() -> None:
    kto = objectives.load("kto")
    assert kto().weights(10, 40) == (4.0, 1.0)
    assert kto().weights(40, 10) == (1.0, 4.0)
    assert kto().weights(10, 0) == (1.0, 1.0)
    assert kto(desirable_weight=2.0).weights(10, 40) == (2.0, 0.5)
    assert kto(undesirable_weight=2.0).weights(10, 40) == (8.0, 2.0)
    assert kto(desirable_weight=3.0, undesirable_weight=2.0).weights(10, 40) == (3.0, 2.0)


@pytest.mark.parametrize("name", SPECS)
def test_micro_batches_do_not_change_a_step(base: Path, tmp_path: Path, name: str) -> None:
    """Nor does packing: micro-batches of one example each against all in one row, with unequal weights."""
    policy = moved(tmp_path / "policy")
    found = []
    for micro in (1, 150, 1 << 20):
        rows = rows_for(name)[:10]
        weights = [1.0 + (place % 3) / 2 for place in range(len(rows))]
        learner, batches = at_work(
            objectives.create(SPECS[name]), base, rows, tmp_path / str(micro), micro=micro, weights=weights
        )
        learner.lm.restore(policy)
        assert len(batches) == (10 if micro == 1 else 1 if micro > 150 else len(batches))
        found.append((*loss_and_norm(learner, batches), *sorted(accumulate(learner, batches)[3].items())))
    for other in found[:2]:
        assert other[:2] == pytest.approx(found[2][:2], rel=2e-4)
        for (label, value), (wanted, exact) in zip(other[2:], found[2][2:], strict=True):
            assert label == wanted
            assert value == pytest.approx(exact, rel=2e-3, abs=1e-4)


def test_the_shift_of_kto_is_the_steps_and_never_below_zero(base: Path, tmp_path: Path) -> None:
    policy = moved(tmp_path / "policy")
    shifts = []
    for place, (first, second) in enumerate([(base, policy), (policy, base)]):
        learner, batches = at_work(objectives.create("kto"), first, ratings()[:8], tmp_path / str(place), micro=200)
        assert len(batches) > 1
        learner.lm.restore(second)
        learner.survey(batches)
        kls = {part.metrics["kl"] / part.weight for part in map(learner.loss, batches)}
        assert max(kls) == pytest.approx(min(kls))
        shifts.append(max(kls))
    assert min(shifts) == 0.0 < max(shifts)


def test_the_reference_is_the_model_without_its_fresh_adapter(base: Path, tmp_path: Path) -> None:
    from tuneloop.models.adapters.lora import LoraAdapter

    lm = load(base, "float32")
    bare, [own] = at_work(objectives.create("dpo"), load(base, "float32"), pairs()[:4], tmp_path / "bare")
    adapter = LoraAdapter.new(lm.sites(), r=2, alpha=4.0, seed=0, base="")
    with torch.no_grad():
        for _, parameter in adapter.named_parameters():
            parameter.add_(0.5)
    lm.attach(adapter)
    learner, [batch] = at_work(objectives.create("dpo"), lm, pairs()[:4], tmp_path / "adapted")
    assert lm.adapter is adapter
    assert torch.equal(learner.references.of(batch), bare.references.of(own))  # type: ignore[attr-defined]
    assert learner.loss(batch).metrics["margin"] != 0.0


def test_references_are_kept_and_made_anew_for_another_base(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tuneloop.train import references

    counted: list[int] = []
    scored = references.log_probabilities
    monkeypatch.setattr(
        references, "log_probabilities", lambda lm, batch: counted.append(len(batch)) or scored(lm, batch)
    )
    first, [batch] = at_work(objectives.create("dpo"), base, pairs()[:6], tmp_path)
    again, _ = at_work(objectives.create("dpo"), base, pairs()[:6], tmp_path)
    assert counted == [6]
    read_back = again.references.of(again.micro_batches(0)[0])  # type: ignore[attr-defined]
    assert torch.equal(first.references.of(batch), read_back)  # type: ignore[attr-defined]
    at_work(objectives.create("dpo"), moved(tmp_path / "policy"), pairs()[:6], tmp_path)
    assert counted == [6, 6]


def version_of(make_version: MakeVersion, name: str) -> Any:
    rows = rows_for(name)
    return make_version([(r, "validation" if n % 5 == 0 else "train", 1.0, "f.jsonl") for n, r in enumerate(rows)])


def recipe(base: Path, name: str, **more: Any) -> TrainRecipe:
    given = {"tuner": "lora", "epochs": 8, "learning_rate": 5e-3, "batch": 8, **more}
    return TrainRecipe(base=str(base), objective=SPECS[name], precision="float32", seed=3, **given)


@pytest.mark.parametrize("name", SPECS)
def test_every_objective_moves_its_own_metric_on_held_out_data(
    ws: Workspace, make_version: MakeVersion, base: Path, name: str
) -> None:
    made = train(version_of(make_version, name), recipe(base, name), workspace=ws)
    figure = "validation_reward_gap" if name == "kto" else "validation_margin"
    points = [point.value for point in queue.metrics(ws, str(made.run), [figure])]
    assert points[-1] > points[0]
    assert points[-1] > 0
    if name != "kto":
        assert made.metrics["validation_accuracy"] >= 0.8


def test_a_reward_model_is_loaded_again(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    from tuneloop.scores.judge import Answered, judges

    made = train(version_of(make_version, "reward"), recipe(base, "reward"), workspace=ws)
    folder = ws.folder / made.folder
    assert json.loads((folder / "head.json").read_text())["kind"] == "reward"
    head, lm = Head.load(folder), load_version(ws, made, dtype="float32")
    judge = judges.create({"name": "reward_model", "model": made.name}).with_head(lm, head)  # type: ignore[attr-defined]
    won = 0
    for row in pairs()[::5]:
        asked = [Answered(row.messages, answer[0].text) for answer in (row.chosen, row.rejected)]
        better, worse = judge.score_all(asked)
        won += better > worse
    assert won / len(pairs()[::5]) == pytest.approx(made.metrics["validation_accuracy"])


@pytest.mark.parametrize("name", ["dpo", "kto", "reward"])
def test_a_stopped_run_goes_on_to_the_same_numbers(
    ws: Workspace, make_version: MakeVersion, base: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "PERIOD", 0.0)
    version = version_of(make_version, name)
    whole = train(version, recipe(base, name, epochs=3), workspace=ws)
    lease, stops = queue.here(ws, "train", {}), 0
    while True:
        looks = itertools.count()
        monkeypatch.setattr(lease, "should_stop", lambda looks=looks: "pause" if next(looks) == 4 else "")
        try:
            made = train(version, recipe(base, name, epochs=3), workspace=ws, lease=lease)
            break
        except StoppedError:
            stops += 1
        lease = queue.here(ws, "train", {}, run_id=lease.run)
    lease.finish()
    assert stops >= 2
    assert (made.id, made.metrics) == (whole.id, whole.metrics)

    def curve(run: str) -> list[tuple[int, str, float]]:
        return [(p.step, p.name, p.value) for p in queue.metrics(ws, run) if p.name != "tokens_per_second"]

    assert curve(lease.run) == curve(str(whole.run))


def test_one_pair_is_enough(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    for name, row in (("dpo", pair("a", "b", "c")), ("reward", pair("a", "b", "c")), ("kto", rating("a", "b", True))):
        made = train(make_version([row]), recipe(base, name, epochs=2), workspace=ws)
        assert made.metrics["steps"] == 2
        assert math.isfinite(made.metrics["loss"])


def test_nothing_to_compare_is_told(ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    with pytest.raises(InputError, match="1 × the chosen and the rejected answer are the same"):
        train(make_version([pair("a", "b", "b")]), recipe(base, "dpo"), workspace=ws)
    with pytest.raises(InputError, match="1 × longer than max_length"):
        train(make_version([pair("a", "b" * 90, "c")]), recipe(base, "reward", max_length=64), workspace=ws)
    with pytest.raises(InputError, match="1 × the answer begins beyond max_length"):
        train(make_version([rating("a" * 90, "b", True)]), recipe(base, "kto", max_length=64), workspace=ws)


def test_settings_without_effect_are_refused() -> None:
    with pytest.raises(SettingError, match="label_smoothing belongs to loss_type sigmoid"):
        objectives.create({"name": "dpo", "loss_type": "ipo", "label_smoothing": 0.1})
    with pytest.raises(SettingError, match="greater than 0"):
        objectives.create({"name": "kto", "desirable_weight": 0})
