"""Answers of the model's own: what is kept of them, on what they depend, and that a run goes on from the middle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tuneloop.errors import TuneloopError
from tuneloop.models import load
from tuneloop.models.engine import Request, Token
from tuneloop.models.sampling import Sampling
from tuneloop.records import Record, Turn
from tuneloop.train import sample_log
from tuneloop.train.fit import accumulate
from tuneloop.train.prompts import Question, encode_question
from tuneloop.train.rollouts import seeds, write_answers
from tuneloop.train.tuners.lora import Lora

from .arena import LETTERS, Arena, arena, questions
from .conftest import chat

GRPO: dict[str, Any] = {"name": "grpo", "samples": 4, "reuse": 3, "beta": 0.1}
PPO: dict[str, Any] = {"name": "ppo", "samples": 4, "epochs": 2, "minibatches": 2, "target": 0.5}


def shaken(made: Arena) -> Arena:
    """With an adapter that changes answers."""
    torch.manual_seed(5)
    assert made.lm.adapter is not None
    with torch.no_grad():
        for name, weight in made.lm.adapter.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.2)
    return made


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_old_log_probabilities_are_those_that_were_sampled_from(base: Path, tmp_path: Path, temperature: float) -> None:
    made = shaken(arena(base, tmp_path, {**GRPO, "temperature": temperature}, tuner=Lora(rank=4, alpha=8)))
    made.learner.micro_batches(0)
    rollouts, examples = made.learner.rollouts, made.learner.scene.batches.examples
    assert rollouts is not None
    engine, place = made.lm.engine(), 0
    for row, number in enumerate(rollouts.numbers.tolist()):
        prompt = examples.ids(number).tolist()
        ids = rollouts.ids[place : place + int(rollouts.lengths[row])]
        old = rollouts.columns["old"][place : place + len(ids)]
        place += len(ids)
        with torch.no_grad():
            logits = made.lm.logits(torch.tensor([*prompt, *ids.tolist()]))[len(prompt) - 1 : -1]
        expected = (logits / temperature).log_softmax(-1).gather(1, ids[:, None]).squeeze(1)
        assert old.tolist() == pytest.approx(expected.tolist(), abs=2e-5)
        if temperature == 1.0 and row < 3:  # the engine tells those of the model, before temperature
            seed = seeds(3, 0, [number], row + 1)[row]
            sampling = Sampling(max_tokens=4, temperature=1.0, seed=seed, logprobs=0)
            told = list(engine.events(engine.submit(Request(prompt, sampling, "attached"))))
            tokens = [event for event in told if isinstance(event, Token)]
            assert [token.id for token in tokens] == ids.tolist()
            assert [token.logprob for token in tokens] == pytest.approx(old.tolist(), abs=2e-5)


def test_an_answer_depends_on_seed_round_question_and_sample_alone(base: Path) -> None:
    lm = load(base, "float32")
    prompts = [[60 + number, 61, 62] for number in range(5)]
    keys = seeds(1, 0, range(5), 2)
    sampling = Sampling(max_tokens=6, temperature=1.0)
    together = write_answers(lm, [prompt for prompt in prompts for _ in range(2)], sampling, keys)
    assert write_answers(lm, [prompts[3]], sampling, keys[7:8]) == [together[7]]
    assert together[6].ids != together[7].ids
    assert len(set(keys) | set(seeds(1, 1, range(5), 2)) | set(seeds(2, 0, range(5), 2))) == 30


@pytest.mark.parametrize(
    "objective", [GRPO, {**GRPO, "loss_type": "grpo"}, {**GRPO, "loss_type": "dr_grpo"}, PPO], ids=str
)
def test_a_step_is_the_same_however_it_is_cut(base: Path, tmp_path: Path, objective: dict[str, Any]) -> None:
    found = []
    for micro_tokens in (4096, 80):
        made = arena(base, tmp_path / str(micro_tokens), objective, micro_tokens=micro_tokens)
        made.run(1)
        batches = made.learner.micro_batches(1)
        loss, weight, tokens, told = accumulate(made.learner, batches)
        found.append((loss / weight, tokens, made.updater.norm() / weight, told))
        assert len(batches) > 2 or micro_tokens == 4096
    (loss, tokens, norm, told), (loss2, tokens2, norm2, told2) = found
    assert (loss2, norm2) == pytest.approx((loss, norm), rel=1e-3)
    assert tokens == tokens2
    assert norm > 1e-4
    assert told2 == pytest.approx(told, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("objective", [GRPO, PPO], ids=["grpo", "ppo"])
def test_a_run_goes_on_in_the_middle_of_its_rollouts(base: Path, tmp_path: Path, objective: dict[str, Any]) -> None:
    straight = arena(base, tmp_path / "straight", objective, steps=8)
    whole = straight.run()
    first = arena(base, tmp_path / "first", objective, steps=8)
    begun = first.run(5)
    first.save(tmp_path / "checkpoint")
    second = arena(base, tmp_path / "second", objective, steps=8)
    second.load(tmp_path / "checkpoint")
    rest = second.run()
    for name in ("loss", "reward", "gradient_norm", "answer_tokens"):
        assert begun[name] + rest[name] == whole[name]
    masters = straight.updater.masters()
    assert all(torch.equal(one, masters[name]) for name, one in second.updater.masters().items())


def test_questions_come_from_dialogues(base: Path) -> None:
    lm = load(base, "float32")
    turns = (Turn("system", "be kind"), Turn("user", "你好"), Turn("assistant", "hi"))
    encoded = encode_question(Record("chat", messages=turns), lm, 128, 8).examples[0]
    assert lm.tokenizer.decode(encoded.ids, skip_special=False).endswith("<|im_start|>assistant\n")
    assert not any(encoded.mask)
    read = Question.read(encoded.note)
    assert (read.messages, read.reference) == (turns[:2], "hi")
    assert Question.of(Record("chat", messages=turns[:2])) == Question(turns[:2], "")
    far = encode_question(chat("x" * 100, "y"), lm, 128, 30)
    assert (far.aside, far.examples) == ("answer_cut", ())
    assert "are more than 128" in far.why


def test_answers_are_kept_for_reading(base: Path, tmp_path: Path) -> None:
    made = arena(base, tmp_path, {"name": "grpo", "samples": 2, "show": 2, "show_every": 2}, steps=4)
    made.run()
    rows = sample_log.read(tmp_path)
    assert [row["step"] for row in rows] == [1, 1, 3, 3]
    assert rows[0]["reference"] == "yes"
    assert rows[0]["parts"] == {"pattern": rows[0]["reward"]}
    assert [data["step"] for kind, data in made.events if kind == "samples"] == [1, 3]
    sample_log.add(tmp_path, 3, [{"question": "?"}])  # a run that went on from before step 3
    assert [json.loads(line)["step"] for line in (tmp_path / sample_log.FILE).read_text().splitlines()] == [1, 1, 3]


def test_rewards_that_never_differ_are_told(base: Path, tmp_path: Path) -> None:
    blind = {"name": "pattern", "pattern": "$"}
    made = arena(base, tmp_path, {"name": "grpo", "samples": 2, "rewards": [blind]}, steps=6)
    curves = made.run()
    assert curves["same_reward"] == [1.0] * 6
    told = [data for kind, data in made.events if kind == "advice"]
    assert len(told) == 1
    assert "20 of 20 groups" in told[0]["text"]["en"]
    assert curves["gradient_norm"] == [0.0] * 6


def test_a_reward_that_fails_stops_the_run_by_name(base: Path, tmp_path: Path) -> None:
    mute = [Record("chat", messages=(Turn("user", "how many?"),))]
    made = arena(base, tmp_path, {"name": "grpo", "samples": 2, "rewards": ["number"]}, records=mute, batch=1)
    with pytest.raises(TuneloopError, match="the reward 'number' needs a reference, and the question 'how many"):
        made.run()


def test_held_out_reward_is_that_of_greedy_answers(base: Path, tmp_path: Path) -> None:
    made = arena(base, tmp_path, {"name": "grpo", "samples": 2, "rewards": [LETTERS, {"name": "length", "most": 2}]})
    source = made.learner.scene.batches
    found = made.learner.assess(source)
    prompts = [source.examples.ids(number).tolist() for number in range(len(questions()))]
    answers = made.lm.generate(prompts, max_tokens=4)
    letters = [float("a" <= answer.text[:1] <= "z") for answer in answers]
    assert found["validation_reward/pattern"] == sum(letters) / len(letters)
    assert found["validation_loss"] == -found["validation_reward"]


def test_held_out_reward_may_be_that_of_several_drawn_answers(base: Path, tmp_path: Path) -> None:
    spec = {"name": "grpo", "samples": 2, "rewards": [LETTERS], "eval_samples": 5, "temperature": 0.8}
    made = arena(base, tmp_path, spec)
    seen: list[Any] = []
    score = made.learner._score

    def watched(asked: Any, answers: Any) -> Any:
        seen.append((asked, list(answers)))
        return score(asked, answers)

    made.learner._score = watched
    source = made.learner.scene.batches
    found = made.learner.assess(source)
    (asked, answers) = seen[0]
    assert len(answers) == 5 * len(questions())
    assert asked[::5] == asked[4::5]
    assert len(set(answers)) > len(questions())  # drawn, and each by random numbers of its own
    letters = [float("a" <= answer[:1] <= "z") for answer in answers]
    assert found["validation_reward"] == pytest.approx(sum(letters) / len(letters))
    assert made.learner.assess(source) == found
    assert seen[1][1] == answers  # so that two validations differ by the weights alone
