"""Teaches a model of 30,000 weights to answer, so that there is something to steer: a second's work."""

from __future__ import annotations

from pathlib import Path

import torch
from tests.tiny import byte_tokenizer

from tuneloop.models.chat import encode_record
from tuneloop.models.language_model import LanguageModel
from tuneloop.models.new import NewModel, create
from tuneloop.models.packed import Packed

from .conftest import SHAPE, facts


def school(lm: LanguageModel, folder: Path, steps: int = 60) -> Path:
    """The folder of the model, trained on the questions and answers of `facts`."""
    rows = [encode_record(record, lm.tokenizer, lm.template).ids for record in facts()]
    optimizer = torch.optim.AdamW(lm.module.parameters(), lr=1e-2)
    for step in range(steps):
        some = [rows[(step * 16 + place) % len(rows)] for place in range(16)]
        batch = Packed.of([(ids, [1.0] * len(ids)) for ids in some])
        share = torch.full((len(batch.rows),), 1 / len(batch.rows))
        (lm.token_nll(batch, share) * share).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
    return lm.save(folder)


def tiny() -> LanguageModel:
    return create(NewModel(**SHAPE), byte_tokenizer(), "float32")
