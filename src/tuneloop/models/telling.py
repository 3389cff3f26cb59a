"""A token as the event that its reader gets, with its probability where the request asked for it."""

from __future__ import annotations

import torch

from tuneloop.models.engine import Request, Token


def token_event(request: Request, token: int, text: str, logits: torch.Tensor) -> Token:
    """`logits` [V] float32 are those of the token's place."""
    count = request.sampling.logprobs
    if count is None:
        return Token(token, text)
    logprobs = logits.log_softmax(-1)
    top = logprobs.topk(count) if count else None
    pairs = () if top is None else tuple(zip(top.indices.tolist(), top.values.tolist(), strict=True))
    return Token(token, text, float(logprobs[token]), pairs)
