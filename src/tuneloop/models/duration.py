"""How long training takes, roughly: the matrix products of a token over a measured rate.

    tokens_per_second = rate · SHARE / flops_per_token

Counted are the linear layers, the vocabulary at the targets, and attention at half of the longest record; forward,
input gradients, and weight gradients where weights move.  `SHARE` is what training reaches of a rate measured on large
square products: 0.7 on processors (71 % with LoRA at 27 M parameters in float32), 0.45 on graphics cards.

Not covered: loading, validation, rollouts, waiting for data.
"""

from __future__ import annotations

from collections.abc import Mapping

from tuneloop.models.memory import Work
from tuneloop.models.shape import Shape
from tuneloop.models.tunings import Tuning, layer_matrices

SHARE: Mapping[str, float] = {"cpu": 0.7, "cuda": 0.45}


def flops_per_token(shape: Shape, tuning: Tuning, work: Work) -> float:
    """Of one token in training, a reference model's forward pass included."""
    layer = 2.0 * layer_matrices(shape)
    attention = 2.0 * work.longest / 2 * shape.q_rows * 2  # scores, and the sum of values
    low = 2.0 * tuning.added_matrices
    vocabulary = 2.0 * shape.vocab * shape.hidden * work.targets
    forward = shape.layers * (layer + attention) + low + vocabulary
    reached = shape.layers - tuning.lowest
    backward = reached * (layer + 2 * attention) + 2 * low + vocabulary
    backward += 2.0 * tuning.own_matrices + (vocabulary if tuning.vocabulary else 0)
    again = reached * (layer + attention) + low if work.checkpointing else 0.0
    compared = forward if work.reference != "none" else 0.0
    return forward + backward + again + compared


def tokens_per_second(shape: Shape, tuning: Tuning, work: Work, gflops: float) -> float:
    """`gflops`: billions of operations a second of this machine in `work.dtype`, all its cores (`machine_rate`)."""
    return gflops * 1e9 * SHARE[work.device] / flops_per_token(shape, tuning, work)


def machine_rate(dtype: str, device: str = "cpu") -> float:
    """GFLOP/s of this machine, measured now in a fraction of a second."""
    import torch

    from tuneloop.models import precision

    kind = getattr(torch, dtype)
    if device == "cpu":
        return precision.measure(kind) * torch.get_num_threads()
    size, times = 4096, 10
    a, b = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    a @ b
    begin.record()
    for _ in range(times):
        a @ b
    end.record()
    torch.cuda.synchronize()
    return float(2 * size**3 * times / (begin.elapsed_time(end) / 1000) / 1e9)
