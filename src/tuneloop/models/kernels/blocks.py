"""Weights laid out for answering: in blocks of 64 outputs, each read as one stretch, and the linear layer over them.

Activations are float32.  The weights are bfloat16 where that holds every one of them exactly, as for a checkpoint that
was saved in bfloat16: then results are those of float32 with half of the memory read.  For few rows the time is that of
reading the weights, so half of them is twice the speed; this needs no bfloat16 units in the processor.

The layout serves compiled code (blocks.c); the twin makes the dense matrix anew at each call.  No gradients.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from tuneloop.models.kernels import compiled

WIDTH = 64


class Blocks(torch.nn.Module):
    """[outputs, inputs] weights as [outputs / 64, inputs, 64], zeros behind the last output."""

    held: torch.Tensor

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.shape = weight.shape
        narrow = weight.to(torch.bfloat16)
        kept = narrow if torch.equal(narrow.to(weight.dtype), weight) else weight.float()
        outputs, inputs = weight.shape
        whole = kept.new_zeros(-(-outputs // WIDTH) * WIDTH, inputs)
        whole[:outputs] = kept
        blocks = whole.view(-1, WIDTH, inputs).transpose(1, 2)
        self.register_buffer("held", blocks.contiguous() if kept.dtype != torch.bfloat16 else _paired(blocks))

    def dense(self, dtype: torch.dtype) -> torch.Tensor:
        """[outputs, inputs], made anew at each call."""
        outputs, inputs = self.shape
        blocks = self.held
        if blocks.dtype == torch.bfloat16:
            blocks = blocks.view(-1, blocks.shape[1], 2, 16, 2).transpose(3, 4).reshape(blocks.shape)
        return blocks.transpose(1, 2).reshape(-1, inputs)[:outputs].to(dtype)


def _paired(blocks: torch.Tensor) -> torch.Tensor:
    """[…, 64] with the outputs l and l + 16 of each 32 side by side: a word that compiled code widens into two vectors
    by one shift and one mask."""
    count, inputs, width = blocks.shape
    return blocks.reshape(count, inputs, 2, 2, 16).transpose(3, 4).reshape(count, inputs, width)


def can_block(weight: torch.Tensor) -> bool:
    """Whether the layout is of use for a weight here: float32 on a processor, with compiled code."""
    return weight.dtype == torch.float32 and weight.device.type == "cpu" and compiled.status().on


def linear_blocks(x: torch.Tensor, weight: Blocks, bias: torch.Tensor | None) -> torch.Tensor:
    """`x weight^T + bias` for x [rows, inputs] in float32."""
    run = compiled.kernel("linear_blocks", weight.held)
    if run is None or x.dtype != torch.float32:
        return F.linear(x, weight.dense(x.dtype), bias)
    x, outputs = x.contiguous(), weight.shape[0]
    out = x.new_empty(len(x), len(weight.held) * WIDTH)
    tensors = map(compiled.at, (x, weight.held, bias, out))
    run(*tensors, *compiled.longs(len(x), *weight.shape), compiled.threads(weight.held.numel()))
    return out if out.shape[1] == outputs else out[:, :outputs].contiguous()
