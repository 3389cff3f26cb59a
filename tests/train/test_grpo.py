"""Group-relative policy optimization: TRL's formulas, its own loss on a model, and that the reward rises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tuneloop.errors import SettingError
from tuneloop.train import policy
from tuneloop.train.fit import accumulate
from tuneloop.train.objective import objectives
from tuneloop.train.tuners.lora import Lora

from .arena import arena

REWARDS = torch.tensor([1.0, 0.0, 0.5, 1.0, 2.0, 2.0, 2.0, 2.0])


def test_advantages_are_relative_to_the_group() -> None:
    first = [0.375, -0.625, -0.125, 0.375]
    assert policy.relative(REWARDS, 4, "none").tolist() == pytest.approx([*first, 0, 0, 0, 0])
    deviation = (sum(one * one for one in first) / 3) ** 0.5  # with n - 1, as TRL
    scaled = policy.relative(REWARDS, 4, "group")
    assert scaled.tolist() == pytest.approx([*(one / (deviation + 1e-4) for one in first), 0, 0, 0, 0])
    mean = sum(REWARDS.tolist()) / 8
    whole = (sum((one - mean) ** 2 for one in REWARDS.tolist()) / 7) ** 0.5
    assert policy.relative(REWARDS, 4, "batch")[:4].tolist() == pytest.approx([one / (whole + 1e-4) for one in first])


def test_clipping_takes_away_what_goes_too_far() -> None:
    ratio = torch.tensor([1.5, 1.5, 0.5, 0.5, 1.1], requires_grad=True)
    losses, cut = policy.clipped(ratio, torch.tensor([1.0, -1.0, 1.0, -1.0, 2.0]), 0.2, 0.3)
    assert losses.tolist() == pytest.approx([-1.3, 1.5, -0.5, 0.8, -2.2])
    assert cut.tolist() == [1, 0, 0, 1, 0]
    losses.sum().backward()  # type: ignore[no-untyped-call]
    assert ratio.grad is not None
    assert ratio.grad.tolist() == [0, 1, -1, 0, -2]


def test_divergence_is_never_negative_and_right_on_average() -> None:
    torch.manual_seed(0)
    now, reference = torch.randn(2, 5).log_softmax(-1)
    drawn = torch.multinomial(now.exp(), 200_000, replacement=True)
    found = policy.divergence(now[drawn], reference[drawn])
    exact = float((now.exp() * (now - reference)).sum())
    assert float(found.min()) >= 0
    assert float(found.mean()) == pytest.approx(exact, rel=0.03)


def reference_loss(made: Any, spec: dict[str, Any]) -> float:
    """The step's loss answer by answer, from full logits and the papers' formulas."""
    rollouts, examples, lm = made.learner.rollouts, made.learner.scene.batches.examples, made.lm
    answers, place = [], 0
    for row, number in enumerate(rollouts.numbers.tolist()):
        ids = rollouts.ids[place : place + int(rollouts.lengths[row])]
        prompt = examples.ids(number).tolist()
        logits = lm.logits(torch.tensor([*prompt, *ids.tolist()]))[len(prompt) - 1 : -1]
        now = logits.log_softmax(-1).gather(1, ids[:, None]).squeeze(1)
        old = rollouts.columns["old"][place : place + len(ids)]
        ratio = (now - old).exp()
        group = rollouts.rewards[row // 4 * 4 : row // 4 * 4 + 4]
        advantage = (rollouts.rewards[row] - group.mean()) / (group.std() + 1e-4)
        losses = -torch.min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage)
        away = rollouts.columns["reference"][place : place + len(ids)] - now
        losses = losses + spec["beta"] * (away.exp() - away - 1) * ratio
        place += len(ids)
        answers.append(losses)
    if spec["loss_type"] == "dapo":
        return float(torch.cat(answers).detach().mean())
    if spec["loss_type"] == "grpo":
        return float(torch.stack([one.detach().mean() for one in answers]).mean())
    return float(torch.cat(answers).detach().sum() / (len(answers) * 4))


@pytest.mark.parametrize("loss_type", ["dapo", "grpo", "dr_grpo"])
def test_a_step_has_the_loss_of_the_formula(base: Path, tmp_path: Path, loss_type: str) -> None:
    spec = {"name": "grpo", "samples": 4, "reuse": 3, "beta": 0.3, "loss_type": loss_type}
    made = arena(base, tmp_path, spec, rate=1e-2)
    made.run(2)  # the third step on the same answers: ratios have left 1
    batches = made.learner.micro_batches(2)
    loss, weight, _, told = accumulate(made.learner, batches)
    assert told["divergence"] > 1e-4
    assert loss / weight == pytest.approx(reference_loss(made, spec), abs=1e-5)


@pytest.mark.parametrize("kind", ["full", "fresh adapter", "trained adapter"])
def test_the_reference_is_the_model_at_the_start(base: Path, tmp_path: Path, kind: str) -> None:
    tuner = None if kind == "full" else Lora(rank=4, alpha=8)
    spec = {"name": "grpo", "samples": 4, "beta": 0.1}
    made = arena(base, tmp_path, spec, tuner=tuner, fresh=kind != "trained adapter", steps=3, rate=1e-2)
    prompt = torch.tensor([60, 61, 62, 63])
    with torch.no_grad():
        at_start = made.lm.logits(prompt)
    made.run(2)
    start = made.learner.start  # type: ignore[attr-defined]
    with torch.no_grad():
        moved = made.lm.logits(prompt)
        with start():
            assert torch.equal(made.lm.logits(prompt), at_start)
        assert torch.equal(made.lm.logits(prompt), moved)
    assert not torch.equal(moved, at_start)


def test_reward_rises_only_where_weights_move(base: Path, tmp_path: Path) -> None:
    spec = {"name": "grpo", "samples": 8, "max_tokens": 2}
    learned = arena(base, tmp_path / "learned", spec, steps=10, batch=8, rate=3e-2).run()["reward"]
    still = arena(base, tmp_path / "still", spec, steps=6, batch=8, rate=0.0).run()["reward"]
    assert max(still) < 0.3
    assert min(learned[-2:]) > 0.6


def test_settings() -> None:
    with pytest.raises(SettingError, match="rewards"):
        objectives.create("grpo")
    with pytest.raises(SettingError, match="samples"):
        objectives.create({"name": "grpo", "rewards": ["number"], "samples": 1})
    assert objectives.create({"name": "grpo", "rewards": ["number"], "reuse": 4}).passes == 4


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("loss_type", ["dapo", "grpo", "dr_grpo"])
def test_our_loss_is_that_of_trl(base: Path, tmp_path: Path, loss_type: str) -> None:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
    from trl import GRPOConfig, GRPOTrainer

    spec = {"name": "grpo", "samples": 4, "reuse": 2, "beta": 0.3, "loss_type": loss_type}
    made = arena(base, tmp_path, spec, rate=1e-2)
    made.run(1)
    loss, weight, _, _ = accumulate(made.learner, made.learner.micro_batches(1))
    rollouts, examples = made.learner.rollouts, made.learner.scene.batches.examples
    assert rollouts is not None
    made.lm.save(tmp_path / "moved")
    settings = GRPOConfig(
        output_dir=str(tmp_path / "trl"), per_device_train_batch_size=4, num_generations=4, beta=0.3,
        loss_type=loss_type, num_iterations=2, bf16=False, use_cpu=True, report_to="none",
        gradient_checkpointing=False, max_completion_length=4,
    )  # fmt: skip
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "moved", dtype=torch.float32)
    trainer = GRPOTrainer(
        model, reward_funcs=lambda completions, **_: [0.0] * len(completions), args=settings,
        train_dataset=Dataset.from_list([{"prompt": "a"}] * 4),
        processing_class=PreTrainedTokenizerFast.from_pretrained(tmp_path / "moved"),
    )  # fmt: skip
    trainer.current_gradient_accumulation_steps = 1
    trainer.args.steps_per_generation = 1
    model.train()
    longest = max(len(examples.ids(number)) for number in rollouts.numbers.tolist())
    columns: dict[str, list[Any]] = {name: [] for name in ("prompt", "seen", "answer", "own", "old", "ref")}
    parts = rollouts.lengths.tolist()
    for number, ids, old, reference in zip(
        rollouts.numbers.tolist(), rollouts.ids.split(parts), rollouts.columns["old"].split(parts),
        rollouts.columns["reference"].split(parts), strict=True,
    ):  # fmt: skip
        prompt = examples.ids(number).tolist()
        left, right = longest - len(prompt), 4 - len(ids)
        columns["prompt"].append([0] * left + prompt)
        columns["seen"].append([0] * left + [1] * len(prompt))
        columns["answer"].append(ids.tolist() + [0] * right)
        columns["own"].append([1] * len(ids) + [0] * right)
        columns["old"].append(old.tolist() + [0.0] * right)
        columns["ref"].append(reference.tolist() + [0.0] * right)
    tensors = {name: torch.tensor(rows) for name, rows in columns.items()}
    theirs = trainer._compute_loss(model, {
        "prompt_ids": tensors["prompt"], "prompt_mask": tensors["seen"], "completion_ids": tensors["answer"],
        "completion_mask": tensors["own"], "old_per_token_logps": tensors["old"],
        "ref_per_token_logps": tensors["ref"], "advantages": rollouts.columns["advantages"],
        "num_items_in_batch": tensors["own"].sum(),
    })  # fmt: skip
    assert loss / weight == pytest.approx(float(theirs), abs=2e-5)
