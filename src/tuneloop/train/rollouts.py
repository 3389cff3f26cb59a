"""Answers that the model in training writes to a step's questions, and what is known of each of their tokens.

    questions → n answers each, by the engine → rewards → packed batches with the answers' tokens as targets

Random numbers are a pure function of (seed, round, question, sample), so a run that goes on samples what it would have
sampled.  Everything is held in flat tensors that a checkpoint can keep:

    numbers, lengths [A]   the example that an answer belongs to, its tokens (the end token among them)
    ids [T]                the answers' tokens, one answer after another
    rewards, whole [A]     float32; whole: 1 where the model ended the answer itself
    columns [T] or [A]     what an objective adds: old log-probabilities, advantages, …
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from tuneloop.models.counting import key
from tuneloop.models.packed import NO_TARGET, Packed
from tuneloop.train.batches import Batch, Batches, Numbers, split

if TYPE_CHECKING:
    from tuneloop.models.engine import Finished
    from tuneloop.models.language_model import LanguageModel
    from tuneloop.models.sampling import Sampling

FIXED = ("numbers", "lengths", "ids", "rewards", "whole")


@dataclass
class Rollouts:
    """A answers of together T tokens; on the processor, whatever device the model is on."""

    numbers: torch.Tensor
    lengths: torch.Tensor
    ids: torch.Tensor
    rewards: torch.Tensor
    whole: torch.Tensor
    columns: dict[str, torch.Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, numbers: Sequence[int], answers: Sequence[Finished], rewards: Sequence[float]) -> Rollouts:
        return cls(
            numbers=torch.tensor(numbers, dtype=torch.int64),
            lengths=torch.tensor([len(answer.ids) for answer in answers]),
            ids=torch.tensor([token for answer in answers for token in answer.ids]),
            rewards=torch.tensor(rewards, dtype=torch.float32),
            whole=torch.tensor([float(answer.reason == "stop") for answer in answers]),
        )

    def __len__(self) -> int:
        return len(self.numbers)

    def tensors(self) -> dict[str, torch.Tensor]:
        return {**{name: getattr(self, name) for name in FIXED}, **self.columns}

    @classmethod
    def read(cls, tensors: Mapping[str, torch.Tensor]) -> Rollouts:
        """What `tensors` gave."""
        columns = {name: tensor for name, tensor in tensors.items() if name not in FIXED}
        return cls(**{name: tensors[name] for name in FIXED}, columns=columns)

    @property
    def owners(self) -> torch.Tensor:
        """[T] the answer of each token."""
        return torch.arange(len(self)).repeat_interleave(self.lengths)

    def batches(self, source: Batches, rows: Numbers | None = None) -> Iterator[Batch]:
        """Packed batches of questions and answers, of `micro_tokens` at most; `columns["rows"]` says which answers."""
        chosen = np.arange(len(self)) if rows is None else rows
        sizes = source.examples.lengths[self.numbers.numpy()] + self.lengths.numpy()
        for part in split(chosen, sizes, source.size.micro_tokens):
            yield self._pack(source, part)

    def _pack(self, source: Batches, rows: Numbers) -> Batch:
        examples, numbers = source.examples, self.numbers.numpy()[rows]
        ends = self.lengths.cumsum(0)
        ids, positions, targets, lengths = [], [], [], []
        for row, number in zip(rows.tolist(), numbers.tolist(), strict=True):
            prompt = torch.from_numpy(examples.ids(number).astype(np.int64))
            answer = self.ids[ends[row] - self.lengths[row] : ends[row]]
            lengths.append(len(prompt) + len(answer))
            ids += [prompt, answer]
            positions.append(torch.arange(lengths[-1]))
            # a token's target is the one behind it: the prompt's last token has the answer's first
            targets += [torch.full((len(prompt) - 1,), NO_TARGET), answer, torch.tensor([NO_TARGET])]
        aims = torch.cat(targets)
        own = torch.from_numpy(examples.index["weight"][numbers].astype(np.float32))
        weights = own.repeat_interleave(torch.tensor(lengths)) * (aims >= 0)
        packed = Packed(torch.cat(ids), lengths, torch.cat(positions), aims, weights).to(source.device)
        device = packed.ids.device
        columns = {"rows": torch.from_numpy(rows).to(device)}
        return Batch(examples, packed, numbers, torch.zeros(len(rows), device=device), own.to(device), columns=columns)

    def at(self, name: str, batch: Batch) -> torch.Tensor:
        """[N] a column of T tokens at the batch's targets, or one of A answers spread over its tokens."""
        rows = batch.columns["rows"].cpu()
        column, lengths = self.columns[name], self.lengths[rows]
        if len(column) == len(self) != len(self.ids):
            return column[rows].repeat_interleave(lengths).to(batch.packed.ids.device)
        starts = (self.lengths.cumsum(0) - self.lengths)[rows]
        inside = torch.arange(int(lengths.sum())) - (lengths.cumsum(0) - lengths).repeat_interleave(lengths)
        return column[starts.repeat_interleave(lengths) + inside].to(batch.packed.ids.device)

    def fill(self, names: Sequence[str], source: Batches, values: Callable[[Batch], Sequence[torch.Tensor]]) -> None:
        """Add columns of T tokens from what `values` says of each batch's targets; no gradients."""
        found = {name: torch.zeros(len(self.ids)) for name in names}
        self.columns["place"] = torch.arange(len(self.ids))
        with torch.no_grad():
            for batch in self.batches(source):
                places = self.at("place", batch).cpu()
                for name, value in zip(names, values(batch), strict=True):
                    found[name][places] = value.float().cpu()
        del self.columns["place"]
        self.columns |= found


def write_answers(
    lm: LanguageModel, prompts: Sequence[Sequence[int]], sampling: Sampling, keys: Sequence[int] | None = None
) -> list[Finished]:
    """Answers of the model as it is, adapter included, in order; `keys` are the seeds of each."""
    from tuneloop.models.engine import Request

    engine = lm.engine()
    name = "attached" if lm.adapter is not None else None
    own = [sampling if keys is None else replace(sampling, seed=keys[place]) for place in range(len(prompts))]
    handles = [
        engine.submit(Request(prompt, one, name, stream=False)) for prompt, one in zip(prompts, own, strict=True)
    ]
    return [engine.finish(handle) for handle in handles]


def seeds(seed: int, turn: int, numbers: Sequence[int], samples: int) -> list[int]:
    """The seed of each of `samples` answers to each question, an answer's neighbours beside it."""
    return [key(seed, turn, number, sample) for number in numbers for sample in range(samples)]
