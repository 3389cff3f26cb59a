"""A linear layer, also for the few rows of a step of generation, where the time is that of reading the weights.

So many rows as FEW names go to linear.c where no gradient is wanted; all else, and the twin, is torch's own.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from tuneloop.models.kernels import compiled
from tuneloop.models.kernels.blocks import Blocks, linear_blocks
from tuneloop.models.quantized import Matrix, QuantizedMatrix, quantized_linear

FEW = {torch.float32: range(3, 33), torch.bfloat16: range(2, 33)}
"""Where linear.c is faster, by kind of weights: fixed, not timed at load, so that the same rows give the same bits.

Two cores with AVX-512 but no bfloat16 units; 3072 x 512, 512 x 1536 and 8192 x 512.  Float32: 1.2 times as fast at 4
rows, 1.5-2.2 at 16, but 0.7 at one or two, where torch streams the weights better.  Bfloat16: 1.0-1.7 times at 2 rows,
1.3-1.6 at 4, 1.3-1.4 at 16.
"""


def linear(x: torch.Tensor, weight: Matrix, bias: torch.Tensor | None = None) -> torch.Tensor:
    """`x weight^T + bias` for x [rows, in] and weight [out, in]; linear.c takes weights laid out by rows."""
    if isinstance(weight, Blocks):
        return linear_blocks(x, weight, bias)
    if isinstance(weight, QuantizedMatrix):
        return quantized_linear(x, weight, bias)
    if torch.is_grad_enabled() or x.dim() != 2 or len(x) not in FEW.get(x.dtype, ()):
        return F.linear(x, weight, bias)
    run = compiled.kernel("linear_few", x, weight, bias)
    if run is None:
        return F.linear(x, weight, bias)
    out = x.new_empty(len(x), len(weight))
    tensors = map(compiled.at, (x, weight, bias, out))
    run(*tensors, *compiled.longs(len(x), *weight.shape), compiled.threads(weight.numel()))
    return out
