"""A token as the event that its reader gets, with its probability where the request asked for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from tuneloop.models.engine import Request, Token

ROWS = 256
"""Places whose logits are made together when a prompt is scored: all of a long one's would not fit beside a model."""


def token_event(request: Request, token: int, text: str, logits: torch.Tensor) -> Token:
    """`logits` [V] float32 are those of the token's place."""
    count = request.sampling.logprobs
    if count is None:
        return Token(token, text)
    logprobs = logits.log_softmax(-1)
    top = logprobs.topk(count) if count else None
    pairs = () if top is None else tuple(zip(top.indices.tolist(), top.values.tolist(), strict=True))
    return Token(token, text, float(logprobs[token]), pairs)


@torch.inference_mode()
def scored_prompts(
    prompts: Sequence[Sequence[int]],
    hidden: torch.Tensor,
    scores: Callable[[torch.Tensor], torch.Tensor],
    top: int,
) -> list[list[Token]]:
    """Packed prompts' tokens with their log-probabilities; `scores` turns rows of `hidden` [T, hidden] into logits."""
    told, start = [], 0
    for prompt in prompts:
        tokens = [Token(prompt[0], "")]
        for first in range(1, len(prompt), ROWS):
            wanted = prompt[first : first + ROWS]
            rows = hidden[start + first - 1 : start + first - 1 + len(wanted)]
            logprobs = scores(rows).log_softmax(-1)
            own = logprobs.gather(1, torch.tensor(wanted, device=logprobs.device)[:, None])[:, 0].tolist()
            best = logprobs.topk(top) if top else None
            for place, token in enumerate(wanted):
                pairs = (
                    () if best is None else zip(best.indices[place].tolist(), best.values[place].tolist(), strict=True)
                )
                tokens.append(Token(token, "", own[place], tuple(pairs)))
        told.append(tokens)
        start += len(prompt)
    return told


@torch.inference_mode()
def means(lengths: Sequence[int], hidden: torch.Tensor) -> torch.Tensor:
    """[n, hidden] float32 means of packed records' rows, each of length 1."""
    rows = torch.stack([record.float().mean(0) for record in torch.split(hidden, list(lengths))])
    return torch.nn.functional.normalize(rows, dim=-1)
