"""What a request changes in the scores of its next token, before one is chosen.

    presence, frequency     minus the penalty where a token stands in the answer, and once more for each time it does
    logit_bias              plus a number for each token that is named
    min_tokens              end tokens cannot come before
    constraint              only tokens that the form of the answer allows

Penalties count the answer and not the prompt, as OpenAI states them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tuneloop.models.sampling import Sampling

if TYPE_CHECKING:
    import torch

    from tuneloop.models.constraint import Vocabulary


class Shaping:
    def __init__(self, sampling: Sampling, ends: frozenset[int], vocabulary: Callable[[], Vocabulary]) -> None:
        self.sampling, self.ends = sampling, ends
        self.counts: Counter[int] = Counter()
        self.written = 0
        self.following = None if sampling.constraint is None else vocabulary().follow(sampling.constraint)

    @classmethod
    def of(cls, sampling: Sampling, ends: frozenset[int], vocabulary: Callable[[], Vocabulary]) -> Shaping | None:
        """None where a request takes the scores as they are."""
        return cls(sampling, ends, vocabulary) if sampling.shapes else None

    def change(self, scores: torch.Tensor) -> None:
        """Change [V] scores in place."""
        import torch

        sampling = self.sampling
        if self.counts and (sampling.presence_penalty or sampling.frequency_penalty):
            seen = torch.tensor(list(self.counts), device=scores.device)
            times = torch.tensor(list(self.counts.values()), device=scores.device, dtype=scores.dtype)
            scores[seen] -= sampling.presence_penalty + sampling.frequency_penalty * times
        if sampling.logit_bias:
            tokens, biases = zip(*sampling.logit_bias, strict=True)
            scores[torch.tensor(tokens, device=scores.device)] += torch.tensor(biases, device=scores.device)
        if self.written < sampling.min_tokens and self.ends:
            scores[torch.tensor(sorted(self.ends), device=scores.device)] = float("-inf")
        if self.following is not None:
            allowed = torch.from_numpy(self.following.allowed()).to(scores.device)
            scores[~allowed] = float("-inf")

    def take(self, token: int) -> bool:
        """The token that was chosen; True where the form of the answer lets nothing follow."""
        self.written += 1
        if self.sampling.presence_penalty or self.sampling.frequency_penalty:
            self.counts[token] += 1
        if self.following is None:
            return False
        self.following.take(token)
        return self.following.whole


def shaped(logits: torch.Tensor, shapings: Sequence[Shaping | None]) -> torch.Tensor:
    """[B, V] the scores that tokens are chosen by: the logits themselves where no row changes them."""
    if not any(shapings):
        return logits
    scores = logits.clone()
    for row, shaping in zip(scores, shapings, strict=True):
        if shaping is not None:
            shaping.change(row)
    return scores
