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
        self.changes = bool(
            sampling.logit_bias
            or sampling.constraint is not None
            or sampling.presence_penalty
            or sampling.frequency_penalty
        )
        self.following = None if sampling.constraint is None else vocabulary().follow(sampling.constraint)

    @classmethod
    def of(cls, sampling: Sampling, ends: frozenset[int], vocabulary: Callable[[], Vocabulary]) -> Shaping | None:
        """None where a request takes the scores as they are."""
        return cls(sampling, ends, vocabulary) if sampling.shapes else None

    @property
    def waits(self) -> bool:
        """Whether the answer is too short to end."""
        return self.written < self.sampling.min_tokens and bool(self.ends)

    def change(self, scores: torch.Tensor) -> None:
        """Change [V] scores in place, in every way but that of `waits`."""
        import torch

        sampling = self.sampling
        if self.counts and (sampling.presence_penalty or sampling.frequency_penalty):
            seen = torch.tensor(list(self.counts), device=scores.device)
            times = torch.tensor(list(self.counts.values()), device=scores.device, dtype=scores.dtype)
            scores[seen] -= sampling.presence_penalty + sampling.frequency_penalty * times
        if sampling.logit_bias:
            tokens, biases = zip(*sampling.logit_bias, strict=True)
            scores[torch.tensor(tokens, device=scores.device)] += torch.tensor(biases, device=scores.device)
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
    import torch

    waiting = [row for row, shaping in enumerate(shapings) if shaping is not None and shaping.waits]
    changing = [row for row, shaping in enumerate(shapings) if shaping is not None and shaping.changes]
    if not waiting and not changing:
        return logits
    scores = logits.clone()
    for row in changing:
        shaping = shapings[row]
        assert shaping is not None
        shaping.change(scores[row])
    if waiting:
        shaping = shapings[waiting[0]]
        assert shaping is not None
        ends = torch.tensor(sorted(shaping.ends), device=scores.device)
        scores[torch.tensor(waiting, device=scores.device)[:, None], ends] = float("-inf")
    return scores
