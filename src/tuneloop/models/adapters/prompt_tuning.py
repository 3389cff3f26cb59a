"""Prompt tuning (arXiv 2104.08691): trained rows before each record, in PEFT's files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from tuneloop.models.soft_prompt import SoftPrompt, embeddings, starting_ids

if TYPE_CHECKING:
    from tuneloop.models.language_model import LanguageModel


@dataclass
class PromptTuning(SoftPrompt):
    """The rows begin as embeddings of tokens: random rows lie far from all of these, and learn much slower."""

    peft_type: ClassVar[str] = "PROMPT_TUNING"

    @classmethod
    def new(cls, lm: LanguageModel, tokens: int, *, text: str | None = None, seed: int = 0) -> PromptTuning:
        """Rows that begin as those of `text`, repeated or cut, or as `tokens` drawn from the vocabulary."""
        rows = embeddings(lm, starting_ids(lm, tokens, text, seed)).clone()
        return cls(torch.nn.Parameter(rows), lm.config.layers, lm.config.heads, lm.reference)
