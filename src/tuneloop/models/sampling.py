"""How the next token is chosen: the likeliest, or drawn with temperature and a nucleus (top-p, arXiv 1904.09751)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneloop.errors import UsageError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Sampling:
    """`temperature` 0 is greedy.  `seed` None draws one.  `stop` are texts that end the answer and are not part of it.

    `top_k` 0 is off; `logprobs` is the number of most likely tokens to tell at each place (None: tell nothing).
    """

    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None

    def __post_init__(self) -> None:
        limits = {
            "max_tokens": (self.max_tokens >= 1, self.max_tokens, "1 or more"),
            "temperature": (0 <= self.temperature <= 100, self.temperature, "0 to 100"),
            "top_p": (0 < self.top_p <= 1, self.top_p, "above 0, at most 1"),
            "top_k": (self.top_k >= 0, self.top_k, "0 or more"),
            "logprobs": (self.logprobs is None or 0 <= self.logprobs <= 20, self.logprobs, "0 to 20"),
            "stop": (all(self.stop), self.stop, "texts that are not empty"),
        }
        for name, (right, found, expected) in limits.items():
            if not right:
                raise UsageError(f"found {name} = {found!r}", expected=expected)

    def generator(self) -> torch.Generator:
        """The stream of random numbers of one request: one number a token, whatever else runs beside it."""
        import torch

        generator = torch.Generator()
        if self.seed is None:
            generator.seed()
        else:
            generator.manual_seed(self.seed)
        return generator


def choose(logits: torch.Tensor, samplings: Sequence[Sampling], generators: Sequence[torch.Generator]) -> torch.Tensor:
    """[B, V] float32 → [B] chosen ids, each row by its own settings and its own random numbers."""
    import torch

    chosen = logits.argmax(-1)
    drawn = [row for row, sampling in enumerate(samplings) if sampling.temperature > 0]
    if not drawn:
        return chosen
    rows = torch.tensor(drawn, device=logits.device)
    heat = torch.tensor([samplings[row].temperature for row in drawn], device=logits.device)
    scores, order = (logits[rows] / heat[:, None]).sort(-1, descending=True)
    likely = scores.softmax(-1)
    before = likely.cumsum(-1) - likely
    top_p = torch.tensor([samplings[row].top_p for row in drawn], device=logits.device)
    outside = before >= top_p[:, None]
    rank = torch.arange(logits.shape[-1], device=logits.device)
    top_k = torch.tensor([samplings[row].top_k or logits.shape[-1] for row in drawn], device=logits.device)
    likely = likely.masked_fill(outside | (rank >= top_k[:, None]), 0.0)
    edges = likely.cumsum(-1)
    uniform = torch.stack([torch.rand((), generator=generators[row]) for row in drawn]).to(logits.device)
    place = torch.searchsorted(edges, (uniform * edges[:, -1])[:, None], right=True).clamp_(max=logits.shape[-1] - 1)
    # rounding may point past the last kept token
    place = torch.minimum(place, (likely > 0).sum(-1, keepdim=True) - 1)
    chosen[rows] = order.gather(1, place).squeeze(1)
    return chosen
