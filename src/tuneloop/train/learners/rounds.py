"""An objective at work that learns from its own answers: rounds of rollouts, their rewards, and what is told of them.

The learners of grpo and ppo are this one with a `prepare` (what is computed once for a round) and a `loss`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from tuneloop.models.sampling import Sampling
from tuneloop.scores import Rewards, Scored
from tuneloop.scores.constancy import Constancy, constancy
from tuneloop.train import sample_log
from tuneloop.train.batches import Batch, Batches, Numbers
from tuneloop.train.learner import Learner, Scene
from tuneloop.train.objective import Loss
from tuneloop.train.prompts import Question
from tuneloop.train.reinforcement import Reinforcement
from tuneloop.train.rollouts import Rollouts, seeds, write_answers

HELD_OUT = -1  # the round that seeds of validation count as
EARLY = 5  # rounds after which constant rewards are told


class Rounds(Learner):
    """`rollouts` are those of round `turn`; they are part of a checkpoint while later steps train on them."""

    objective: Reinforcement

    def __init__(self, objective: Reinforcement, scene: Scene) -> None:
        super().__init__(objective, scene)
        self.rewards = Rewards.of(objective.rewards, scene.workspace, device=scene.lm.device, path="objective.rewards")
        self.turn, self.step = -1, -1
        self.rollouts: Rollouts | None = None
        self.seen = Constancy()
        self.figures: dict[str, float] = {}
        turns = -(-scene.steps // objective.passes)
        self._show_every = objective.show_every or max(1, turns // 20)

    @abstractmethod
    def prepare(self, rollouts: Rollouts) -> dict[str, float]:
        """Add the columns that the loss needs; returns figures of the round for the curves."""

    def rows(self, inner: int) -> Numbers | None:
        """The answers that step `inner` of a round trains on; None: all."""
        return None

    def micro_batches(self, step: int) -> Sequence[Batch]:
        turn, inner = divmod(step, self.objective.passes)
        self.step = step
        if turn != self.turn or self.rollouts is None:
            self.rollouts = self._round(turn)
        return list(self.rollouts.batches(self.scene.batches, self.rows(inner)))

    def _round(self, turn: int) -> Rollouts:
        objective, source = self.objective, self.scene.batches
        numbers = [int(number) for number in source.numbers(turn)]
        sampling = self._sampling()
        owners = [number for number in numbers for _ in range(objective.samples)]
        keys = seeds(self.scene.recipe.seed, turn, numbers, objective.samples)
        answers = write_answers(self.lm, [source.examples.ids(number).tolist() for number in owners], sampling, keys)
        questions = [Question.read(source.examples.note(number)) for number in owners]
        scored = self._score(questions, [answer.text for answer in answers])
        rollouts = Rollouts.of(owners, answers, scored.totals)
        self.turn = turn
        found = constancy(scored.totals, self.groups(rollouts), scored.parts)
        self.seen = self.seen + found
        self.figures = {
            "reward": _mean(scored.totals),
            "answer_tokens": float(rollouts.lengths.float().mean()),
            "answers_cut": 1 - float(rollouts.whole.mean()),
            "same_reward": found.share,
            **{f"reward/{name}": _mean(values) for name, values in scored.parts.items() if len(scored.parts) > 1},
        }
        self.figures |= self.prepare(rollouts)
        self._tell(turn, questions, [answer.text for answer in answers], scored)
        return rollouts

    def _sampling(self) -> Sampling:
        objective = self.objective
        return Sampling(objective.max_tokens, objective.temperature, objective.top_p, objective.top_k)

    def groups(self, rollouts: Rollouts) -> list[int]:
        """The group of each answer: those with one reward for all teach nothing."""
        return [place // self.objective.samples for place in range(len(rollouts))]

    def _score(self, questions: Sequence[Question], answers: Sequence[str]) -> Scored:
        return self.rewards.score([one.answered(answer) for one, answer in zip(questions, answers, strict=True)])

    def _tell(self, turn: int, questions: Sequence[Question], answers: Sequence[str], scored: Scored) -> None:
        if turn + 1 == EARLY and self.seen.groups and self.seen.same == self.seen.groups:
            warning = self.seen.warning()
            self.scene.tell("advice", topic="rewards", text=None if warning is None else warning._asdict())
        if turn % self._show_every or not self.objective.show:
            return
        places = range(0, len(answers), self.objective.samples)[: self.objective.show]
        rows: list[dict[str, Any]] = [
            {
                "question": questions[place].answered("").question,
                "reference": questions[place].reference,
                "answer": answers[place],
                "reward": scored.totals[place],
                "parts": {name: values[place] for name, values in scored.parts.items()},
            }
            for place in places
        ]
        sample_log.add(self.scene.folder, self.step + 1, rows)
        self.scene.tell("samples", step=self.step + 1, rows=rows)

    def told(self, weight: float, **sums: torch.Tensor) -> dict[str, float]:
        """A batch's part of the curves: figures of the round, and means over tokens from sums over the batch's.

        `fit` divides what all batches of a step tell by the weight of the step's losses.
        """
        return {name: value * weight for name, value in self.figures.items()} | {
            name: float(value.detach()) for name, value in sums.items()
        }

    def assess(self, held_out: Batches) -> dict[str, float]:
        """One greedy answer to each held-out question, or `eval_samples` that are drawn as in training, each time with
        the same random numbers; the loss is minus their mean reward."""
        examples, several = held_out.examples, self.objective.eval_samples
        numbers = [number for number in range(len(examples)) for _ in range(several or 1)]
        sampling = self._sampling() if several else Sampling(self.objective.max_tokens)
        keys = seeds(self.scene.recipe.seed, HELD_OUT, range(len(examples)), several) if several else None
        with torch.no_grad():
            answers = write_answers(self.lm, [examples.ids(number).tolist() for number in numbers], sampling, keys)
        questions = [Question.read(examples.note(number)) for number in numbers]
        scored = self._score(questions, [answer.text for answer in answers])
        reward = float(np.average(scored.totals, weights=examples.index["weight"][numbers]))
        parts = {f"validation_reward/{name}": _mean(values) for name, values in scored.parts.items()}
        return {
            "validation_loss": -reward,
            "validation_reward": reward,
            "validation_answer_tokens": _mean([len(answer.ids) for answer in answers]),
            **(parts if len(parts) > 1 else {}),
        }

    def tensors(self) -> dict[str, torch.Tensor]:
        kept = {"seen": torch.tensor([self.seen.groups, self.seen.same, *self.seen.parts.values()])}
        if self.rollouts is not None and (self.step + 1) % self.objective.passes:
            kept |= {f"rollouts.{name}": tensor for name, tensor in self.rollouts.tensors().items()}
            kept["turn"] = torch.tensor(self.turn)
            kept |= {
                f"figures.{name}": torch.tensor(value, dtype=torch.float64) for name, value in self.figures.items()
            }
        return kept

    def load_tensors(self, tensors: Mapping[str, torch.Tensor]) -> None:
        groups, same, *parts = (int(one) for one in tensors["seen"])
        self.seen = Constancy(groups, same, dict(zip(self._names(), parts, strict=False)))
        if "turn" in tensors:
            self.turn, self.rollouts = int(tensors["turn"]), Rollouts.read(_under("rollouts.", tensors))
            self.figures = {name: float(value) for name, value in _under("figures.", tensors).items()}

    def _names(self) -> list[str]:
        return [reward.name for reward in self.rewards.rewards]

    @abstractmethod
    def loss(self, batch: Batch) -> Loss: ...


def _under(start: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(start): one for name, one in tensors.items() if name.startswith(start)}


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
