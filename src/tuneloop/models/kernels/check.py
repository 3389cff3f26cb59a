"""`python -m tuneloop.models.kernels.check LIBRARY`: do compiled kernels agree with their twins here?

Each operation runs forward and backward on small tensors of odd sizes, with the library and without, and a decoder of
odd sizes writes a token.  Ends with 1 and the names of what differs.  The library's tests are wider; this is for the
machine it was built on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import torch

from tuneloop.models.cache import Cache
from tuneloop.models.decoder import Decoder
from tuneloop.models.kernels import compiled
from tuneloop.models.kernels.attention import Plan, attention
from tuneloop.models.kernels.blocks import Blocks
from tuneloop.models.kernels.gate import gated
from tuneloop.models.kernels.heads import Layout, rotated_heads
from tuneloop.models.kernels.linear import linear
from tuneloop.models.kernels.nll import linear_nll
from tuneloop.models.kernels.norm import add_norm
from tuneloop.models.overlay import BARE
from tuneloop.models.shape import Rope, Shape
from tuneloop.models.stepping import Stepping

Operation = Callable[..., torch.Tensor | Sequence[torch.Tensor]]
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 5e-2}
"""Largest difference, as a share of the largest number of the twin's result."""


def operations() -> dict[str, tuple[Operation, list[tuple[int, ...]]]]:
    """Each operation with the sizes of its tensors."""
    angles = torch.linspace(0, 3, 13 * 10).view(13, 10)
    layout = Layout(3, 2, 20, 1e-6)
    targets = torch.arange(13) * 5
    plan = Plan.of([8, 5])
    return {
        "norm": (lambda x, delta, weight: add_norm(x, delta, weight, 1e-6), [(13, 37), (13, 37), (37,)]),
        "gate": (lambda x: gated(x, "silu"), [(13, 74)]),
        "heads": (
            lambda qkv, weight: rotated_heads(qkv, angles.cos(), angles.sin(), weight, layout),
            [(13, 140), (5, 20)],
        ),
        "attention": (
            lambda q, k, v: attention(q, k, v, plan, scale=0.3, window=6),
            [(13, 4, 20), (13, 2, 20), (13, 2, 20)],
        ),
        "linear": (few_rows, [(7, 37), (9, 37), (9,)]),
        "nll": (lambda x, weight: linear_nll(x, weight, targets, torch.ones(13)), [(13, 24), (67, 24)]),
    }


def few_rows(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Without gradients, plus a sum that has some, so that it is asked like the others."""
    with torch.no_grad():
        out = linear(x, weight, bias)
    return out + 0 * (x.sum() + weight.sum() + bias.sum())


def results(operation: Operation, sizes: list[tuple[int, ...]], kind: torch.dtype) -> list[torch.Tensor]:
    """What an operation gives for random tensors, and its gradients."""
    random = torch.Generator().manual_seed(0)
    inputs = [torch.randn(size, generator=random).to(kind).requires_grad_() for size in sizes]
    out = operation(*inputs)
    out = [out] if isinstance(out, torch.Tensor) else list(out)
    grads = [torch.randn(one.shape, generator=random).to(one.dtype) for one in out]
    return [one.detach() for one in out] + list(torch.autograd.grad(out, inputs, grads))


def differing(library: Path) -> list[str]:
    """The operations whose compiled form is too far from the twin."""
    found = []
    for name, (operation, sizes) in operations().items():
        for kind, tolerance in TOLERANCE.items():
            with compiled.using(None):
                expected = results(operation, sizes, kind)
            with compiled.using(library):
                given = results(operation, sizes, kind)
            for one, other in zip(given, expected, strict=True):
                # written so that NaN counts as a difference
                if not (one - other).abs().max() <= tolerance * other.abs().max():
                    found.append(f"{name} in {kind}")
                    break
    with compiled.using(None):
        twins = decoded()
    with compiled.using(library):
        made = decoded()
    for name, other in twins.items():
        if not (made[name] - other).abs().max() <= TOLERANCE[torch.float32] * other.abs().max():
            found.append(name)
    return found


@torch.inference_mode()
def decoded() -> dict[str, torch.Tensor]:
    """A linear layer in blocks of either kind, and the scores behind three sequences of random keys and values."""
    random = torch.Generator().manual_seed(0)
    x, weight = torch.randn(7, 37, generator=random), torch.randn(70, 37, generator=random)
    results = {f"blocks in {kind}": linear(x, Blocks(weight.to(kind).float())) for kind in TOLERANCE}
    shape = Shape(
        "llama", vocab=67, hidden=36, layers=2, heads=4, kv_heads=2, head_dim=20, intermediate=40, eps=1e-6,
        max_positions=64, tied=True, rope=Rope("default", 1e4, 20, 64), qkv_bias=True, head_norm=True,
        windows=(None, 6),
    )  # fmt: skip
    module = Decoder(shape, torch.float32).requires_grad_(False)
    for weight in module.parameters():
        weight.copy_(torch.randn(weight.shape, generator=random))
    module.lay_out()
    assert module.scoring is not None
    cache = Cache(shape, torch.float32, torch.device("cpu"))
    cache.open([5, 19, 11])
    for block in (one for pair in cache.blocks for one in pair):
        block.copy_(torch.randn(block.shape, generator=random))
    rows = [SimpleNamespace(overlay=BARE, last=token, seat=None, reach=64) for token in (3, 1, 66)]
    scores = Stepping(module, module.scoring, cache).scores(rows)
    if scores is None:
        ids, positions = torch.tensor([row.last for row in rows]), torch.tensor(cache.lengths)
        scores = linear(module(ids, positions, [1] * 3, attend=cache.step()), module.scoring)
    return {**results, "step": scores, "keys after a step": cache.blocks[1][0].clone()}


if __name__ == "__main__":
    wrong = differing(Path(sys.argv[1]))
    if wrong:
        sys.exit(", ".join(wrong))
