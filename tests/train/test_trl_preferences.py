"""Our preference losses and their gradients are TRL's: the same pairs, the same two models, one batch, float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tuneloop.train.objective import objectives

from .preferences import at_work, bare_model, loss_and_norm, moved, pair, pairs, ratings, texts

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROWS = pairs()[:9]


@pytest.fixture(autouse=True)
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")


def settings(kind: type[Any], folder: Path, batch: int, **more: Any) -> Any:
    return kind(
        output_dir=str(folder), per_device_train_batch_size=batch, bf16=False, use_cpu=True, report_to="none",
        gradient_checkpointing=False, learning_rate=0.0, max_steps=1, max_grad_norm=1e9, logging_steps=1, optim="sgd",
        disable_tqdm=True, **more,
    )  # fmt: skip


def causal(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def tokenizer_of(folder: Path) -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast.from_pretrained(folder)


def told(trainer: Any) -> tuple[float, float]:
    trainer.train()
    logged = trainer.state.log_history[0]
    return logged["loss"], logged["grad_norm"]


def check(ours: tuple[float, float], theirs: tuple[float, float]) -> None:
    assert ours[0] == pytest.approx(theirs[0], abs=2e-4 * max(1.0, abs(theirs[0])))
    assert ours[1] == pytest.approx(theirs[1], rel=1e-3)


@pytest.mark.parametrize(
    ("own", "other"),
    [
        ({}, {"loss_type": ["sigmoid"]}),
        ({"beta": 0.3, "loss_type": "ipo"}, {"beta": 0.3, "loss_type": ["ipo"]}),
        ({"sft_weight": 0.7}, {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.7]}),
    ],
    ids=["sigmoid", "ipo", "sft"],
)
def test_dpo(base: Path, tmp_path: Path, own: dict[str, Any], other: dict[str, Any]) -> None:
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    policy = moved(tmp_path / "policy")
    learner, batches = at_work(objectives.create({"name": "dpo", **own}), base, ROWS, tmp_path)
    learner.lm.restore(policy)
    trainer = DPOTrainer(
        causal(policy), causal(base), settings(DPOConfig, tmp_path / "trl", len(ROWS), **other),
        train_dataset=Dataset.from_list([texts(row) for row in ROWS]), processing_class=tokenizer_of(base),
    )  # fmt: skip
    check(loss_and_norm(learner, batches), told(trainer))


def test_kto(base: Path, tmp_path: Path) -> None:
    """With weights other than 1, and with z at 0 and above it."""
    from datasets import Dataset
    from trl import KTOConfig, KTOTrainer

    rows = ratings()[:9]
    policy = moved(tmp_path / "policy")
    weights = {"desirable_weight": 1.5, "undesirable_weight": 0.7}
    shifts = []
    for name, first, second in (("there", base, policy), ("back", policy, base)):
        learner, batches = at_work(objectives.create({"name": "kto", **weights}), first, rows, tmp_path / name)
        learner.lm.restore(second)
        trainer = KTOTrainer(
            causal(second), causal(first), settings(KTOConfig, tmp_path / "trl", len(rows), **weights),
            train_dataset=Dataset.from_list([texts(row) for row in rows]), processing_class=tokenizer_of(base),
        )  # fmt: skip
        check(loss_and_norm(learner, batches), told(trainer))
        found = learner.loss(batches[0])
        shifts.append(found.metrics["kl"] / found.weight)
        assert shifts[-1] == pytest.approx(trainer.state.log_history[0]["kl"], rel=1e-3)
    assert min(shifts) == 0.0 < max(shifts)


def test_reward(base: Path, tmp_path: Path) -> None:
    from datasets import Dataset
    from transformers import AutoModelForSequenceClassification
    from trl import RewardConfig, RewardTrainer

    learner, batches = at_work(objectives.create({"name": "reward", "centre": 0.05}), base, ROWS, tmp_path)
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1, dtype=torch.float32)
    model.config.pad_token_id = tokenizer_of(base).pad_token_id
    ((_, head),) = learner.named_parameters()
    with torch.no_grad():
        head.mul_(20)  # rewards far enough apart for the loss to say something
        model.score.weight.copy_(head)
    trainer = RewardTrainer(
        model, settings(RewardConfig, tmp_path / "trl", len(ROWS), center_rewards_coefficient=0.05),
        train_dataset=Dataset.from_list([texts(row) for row in ROWS]), processing_class=tokenizer_of(base),
    )  # fmt: skip
    check(loss_and_norm(learner, batches), told(trainer))


def test_orpo(tmp_path: Path) -> None:
    """TRL's cross-entropy takes in the prompt, the paper's does not: behind a prompt of one token they are the same."""
    from datasets import Dataset
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    base = bare_model(tmp_path / "base")
    rows = [pair("", row.chosen[0].text, row.rejected[0].text + str(place)) for place, row in enumerate(ROWS)]
    learner, batches = at_work(objectives.create({"name": "orpo", "odds_weight": 0.4}), base, rows, tmp_path)
    trainer = ORPOTrainer(
        causal(base), settings(ORPOConfig, tmp_path / "trl", len(rows), beta=0.4),
        train_dataset=Dataset.from_list([bare(row) for row in rows]), processing_class=tokenizer_of(base),
    )  # fmt: skip
    check(loss_and_norm(learner, batches), told(trainer))


@pytest.mark.parametrize("imitation", [0.0, 0.5])
def test_simpo(tmp_path: Path, imitation: float) -> None:
    from datasets import Dataset
    from trl.experimental.cpo import CPOConfig, CPOTrainer

    base = bare_model(tmp_path / "base")
    own = {"name": "simpo", "beta": 2.5, "gamma": 0.8, "sft_weight": imitation}
    learner, batches = at_work(objectives.create(own), base, ROWS, tmp_path)
    config = settings(
        CPOConfig, tmp_path / "trl", len(ROWS), loss_type="simpo", beta=2.5, simpo_gamma=0.8, cpo_alpha=imitation
    )
    trainer = CPOTrainer(
        causal(base), config, train_dataset=Dataset.from_list([bare(row) for row in ROWS]),
        processing_class=tokenizer_of(base),
    )  # fmt: skip
    check(loss_and_norm(learner, batches), told(trainer))


def bare(row: Any) -> dict[str, str]:
    """A pair as text, as `BARE` writes it."""
    return {
        "prompt": row.messages[0].text + "<|im_start|>",
        "chosen": row.chosen[0].text + "<|im_end|>",
        "rejected": row.rejected[0].text + "<|im_end|>",
    }


def test_the_two_models_differ(base: Path, tmp_path: Path) -> None:
    """Else every comparison above would be one of constants."""
    learner, batches = at_work(objectives.create("dpo"), base, ROWS, tmp_path)
    assert loss_and_norm(learner, batches)[0] == pytest.approx(0.6931, abs=1e-4)
    learner.lm.restore(moved(tmp_path / "policy"))
    assert abs(loss_and_norm(learner, batches)[0] - 0.6931) > 0.1
