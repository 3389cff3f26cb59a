"""What the tests of preference objectives share: pairs, ratings, and an objective at work on a tiny model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from tests.tiny import byte_tokenizer

from tuneloop.models import load
from tuneloop.models.language_model import LanguageModel
from tuneloop.models.new import NewModel, create
from tuneloop.records import Record, Turn
from tuneloop.train.batches import Batch, Batches, Size
from tuneloop.train.examples import Item, write
from tuneloop.train.learner import Learner, Scene
from tuneloop.train.objective import Objective
from tuneloop.train.recipe import TrainRecipe

from .conftest import COLOURS, SHAPE, THINGS

BARE = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% else %}<|im_start|>{{ m.content }}<|im_end|>"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>{% endif %}"
)
"""A template that writes nothing around a question, and ends an answer with the end token alone."""


def pair(question: str, chosen: str, rejected: str) -> Record:
    return Record(
        "preference",
        messages=(Turn("user", question),),
        chosen=(Turn("assistant", chosen),),
        rejected=(Turn("assistant", rejected),),
    )


def rating(question: str, answer: str, good: bool) -> Record:
    return Record("rating", messages=(Turn("user", question), Turn("assistant", answer)), label=good)


def pairs() -> list[Record]:
    """Courteous answers against short ones, of different lengths, some of them Chinese."""
    return [
        pair(f"What is {thing}?", f"It is {COLOURS[place % 6]}, friend.", COLOURS[(place + number) % 6])
        if place < 6
        else pair(f"{thing}是什么颜色？", "您好，是红色的。", "红" * (1 + number))
        for number in range(1, 5)
        for place, thing in enumerate(THINGS)
    ]


def ratings() -> list[Record]:
    """Each pair as two answers with a label, each answer once: far more bad ones than good ones."""
    both = [
        rating(record.messages[0].text, answer[0].text, good)
        for record in pairs()
        for answer, good in ((record.chosen, True), (record.rejected, False))
    ]
    return list({record.id: record for record in both}.values())


def moved(folder: Path) -> Path:
    """A model of the base's shape with other and larger weights, as if it had moved far away from the reference."""
    lm = create(NewModel(**SHAPE, seed=7), byte_tokenizer(), "float32")
    with torch.no_grad():
        lm.module.embed.mul_(8)
    lm.save(folder)
    return folder


def bare_model(folder: Path) -> Path:
    create(NewModel(**SHAPE), byte_tokenizer(BARE), "float32").save(folder)
    return folder


def at_work(
    objective: Objective,
    base: Path | LanguageModel,
    rows: Sequence[Record],
    folder: Path,
    *,
    micro: int = 1 << 20,
    weights: Iterable[float] = (),
) -> tuple[Learner, list[Batch]]:
    """A learner on float32 weights, and its only step: all examples, in micro-batches of at most `micro` tokens."""
    lm = base if isinstance(base, LanguageModel) else load(base, "float32")
    given = list(weights) or [1.0] * len(rows)
    items = [Item(row, weight) for row, weight in zip(rows, given, strict=True)]
    examples = write(items, objective, lm, 256, folder / "encoded", {})
    batches = Batches(examples, Size(micro, examples=len(examples)), 0, None)
    learner = objective.start(Scene(lm, batches, None, TrainRecipe(), 1, folder, None))  # type: ignore[arg-type]
    return learner, learner.micro_batches(0)  # type: ignore[return-value]


def loss_and_norm(learner: Learner, batches: Sequence[Batch]) -> tuple[float, float]:
    """Mean loss of a step and the norm of its gradient, as the training loop sums them up."""
    parameters = [*learner.lm.module.parameters(), *(one for _, one in learner.named_parameters())]
    for parameter in parameters:
        parameter.grad = None
    learner.survey(batches)
    parts = [learner.loss(batch) for batch in batches]
    weight = sum(part.weight for part in parts)
    for part in parts:
        (part.total / weight).backward()  # type: ignore[no-untyped-call]
    squares = [float(one.grad.square().sum()) for one in parameters if one.grad is not None]
    return sum(float(part.total.detach()) for part in parts) / weight, float(np.sqrt(sum(squares)))


def texts(record: Record) -> dict[str, object]:
    """A record as TRL takes it, messages in OpenAI's form."""

    def plain(turns: Sequence[Turn]) -> list[dict[str, str]]:
        return [{"role": turn.role, "content": turn.text} for turn in turns]

    if record.kind == "rating":
        return {
            "prompt": plain(record.messages[:-1]),
            "completion": plain(record.messages[-1:]),
            "label": record.label,
        }
    return {
        "prompt": plain(record.messages),
        "chosen": plain(record.chosen),
        "rejected": plain(record.rejected),
    }


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values, requires_grad=True)
