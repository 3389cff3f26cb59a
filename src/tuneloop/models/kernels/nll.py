"""Negative log-likelihood of targets from hidden rows, without the matrix of all logits.

Rows go through the vocabulary in chunks.  Because the gradient of a row's loss with respect to its logits is known as
soon as they are (`softmax - onehot`), it is turned into the gradient of the hidden row in the same chunk, and the
logits are dropped; the backward pass only multiplies each row by the gradient that comes from above.  (The idea is
that of Liger's fused linear cross entropy, arXiv 2410.10989; here per row, and for any weights.)

The gradient of the vocabulary matrix needs the weight of each row.  Given as `promise`, the gradient is made in the
forward pass as well, for a loss that is `c · sum(promise · nll)` with any number c; a loss of another form, or no
promise, costs a second pass over the logits in the backward.

`_plain_rows` is the twin of nll.c, which has no soft cap.
"""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import c_int
from typing import Any

import torch
import torch.nn.functional as F

from tuneloop.models.kernels import compiled

CHUNK = 8 * 1024 * 1024
"""Logits held at a time, as a count of numbers: 32 MB in float32."""


def linear_nll(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    targets: torch.Tensor,
    promise: torch.Tensor | None = None,
    cap: float | None = None,
    hits: torch.Tensor | None = None,
) -> torch.Tensor:
    """[N, C] hidden rows, [V, C] vocabulary matrix, [N] targets → [N] float32 nats.

    `cap` soft-caps the logits.  `promise` [N] are the weights that the loss will give to the rows.  `hits` [N] bool is
    filled with whether a row's target is the likeliest token; one as likely as another is a hit.
    """
    if not torch.is_grad_enabled() or not (hidden.requires_grad or weight.requires_grad):
        pieces = [
            _rows(F.linear(hidden[rows], weight), targets[rows], cap, _part(hits, rows), slopes=False)[0]
            for rows in _chunks(hidden, weight)
        ]
        return torch.cat(pieces) if pieces else hidden.new_zeros(0, dtype=torch.float32)
    return _LinearNll.apply(hidden, weight, targets, promise, cap, hits)  # type: ignore[no-any-return, no-untyped-call]


def _part(hits: torch.Tensor | None, rows: slice) -> torch.Tensor | None:
    return None if hits is None else hits[rows]


def _chunks(hidden: torch.Tensor, weight: torch.Tensor) -> Iterator[slice]:
    step = max(32, CHUNK // len(weight))
    # equal chunks: a short last one would run at a fraction of the speed
    count = -(-len(hidden) // step)
    for index in range(count):
        yield slice(index * len(hidden) // count, (index + 1) * len(hidden) // count)


def _rows(
    logits: torch.Tensor, targets: torch.Tensor, cap: float | None, hits: torch.Tensor | None = None, *, slopes: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Nats [n] and, where wanted, the gradient of each row's nats for its logits [n, V], made in the logits' place."""
    run = compiled.kernel("nll_rows", logits) if cap is None else None
    if run is None:
        return _plain_rows(logits, targets, cap, hits, slopes=slopes)
    targets = targets.contiguous()
    if len(targets) and not (int(targets.min()) >= 0 and int(targets.max()) < logits.shape[1]):
        raise IndexError(f"a target lies outside of the vocabulary of {logits.shape[1]}")
    nats = torch.empty(len(logits))
    tensors = map(compiled.at, (logits, targets, nats, hits))
    run(*tensors, *compiled.longs(*logits.shape), c_int(slopes), compiled.threads(logits.numel()))
    return nats, logits


def _plain_rows(
    logits: torch.Tensor, targets: torch.Tensor, cap: float | None, hits: torch.Tensor | None = None, *, slopes: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    wide = logits.float()
    if cap is not None:
        wide = wide.div_(cap).tanh_().mul_(cap)
    aimed = wide.gather(1, targets[:, None])
    through = 1 - (wide / cap).square() if cap is not None and slopes else None
    most = wide.amax(-1, keepdim=True)
    if hits is not None:
        torch.ge(aimed, most, out=hits[:, None])
    shares = wide.sub_(most).exp_()
    total = shares.sum(-1, keepdim=True)
    nats = total.log().add_(most).sub_(aimed).squeeze(1)
    if slopes:
        shares.div_(total).scatter_add_(1, targets[:, None], torch.full_like(aimed, -1.0))
        if through is not None:
            shares.mul_(through)
    return nats, shares.to(logits.dtype)


class _LinearNll(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        weight: torch.Tensor,
        targets: torch.Tensor,
        promise: torch.Tensor | None,
        cap: float | None,
        hits: torch.Tensor | None,
    ) -> torch.Tensor:
        nats = torch.empty(len(hidden), dtype=torch.float32, device=hidden.device)
        dh = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        dw = None
        if ctx.needs_input_grad[1] and promise is not None:
            dw = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device)
        for rows in _chunks(hidden, weight):
            nats[rows], slopes = _rows(
                F.linear(hidden[rows], weight), targets[rows], cap, _part(hits, rows), slopes=True
            )
            if dh is not None:
                torch.mm(slopes, weight, out=dh[rows])
            if dw is not None and promise is not None:
                _accumulate(dw, slopes, hidden[rows], promise[rows])
            del slopes  # or the next chunk's logits are made beside these
        ctx.save_for_backward(hidden, weight, targets, promise, dh, dw)
        ctx.cap = cap
        return nats

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        hidden, weight, targets, promise, dh, dw = ctx.saved_tensors
        if dh is not None:
            dh = (dh * grad[:, None]).to(hidden.dtype)
        if ctx.needs_input_grad[1]:
            factor = None if dw is None else _common_factor(grad, promise)
            if factor is None:
                dw = _weight_gradient(hidden, weight, targets, grad, ctx.cap)
            elif factor != 1:  # at 1, the usual case, no second matrix of this size is made
                dw = dw * factor
            dw = dw.to(weight.dtype)
        return dh, dw, None, None, None, None


def _accumulate(into: torch.Tensor, slopes: torch.Tensor, rows: torch.Tensor, weights: torch.Tensor) -> None:
    """Add slopes^T · weights · rows: the weights go to the rows, which are narrower than the slopes."""
    rows = (rows * weights[:, None]).to(rows.dtype)
    if rows.dtype == into.dtype:
        into.addmm_(slopes.t(), rows)
    else:
        into.add_(slopes.t() @ rows)


def _common_factor(grad: torch.Tensor, promise: torch.Tensor) -> torch.Tensor | None:
    """The number c with `grad == c · promise`, or None where the promise was not kept."""
    largest = promise.abs().argmax() if len(promise) else None
    if largest is None or promise[largest] == 0:
        return None
    factor = grad[largest] / promise[largest]
    kept = torch.allclose(grad, promise * factor, rtol=1e-5, atol=float(factor.abs() * promise[largest].abs()) * 1e-6)
    return factor if kept else None


def _weight_gradient(
    hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, grad: torch.Tensor, cap: float | None
) -> torch.Tensor:
    dw = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device)
    for rows in _chunks(hidden, weight):
        _, slopes = _rows(F.linear(hidden[rows], weight), targets[rows], cap, slopes=True)
        _accumulate(dw, slopes, hidden[rows], grad[rows])
        del slopes
    return dw
