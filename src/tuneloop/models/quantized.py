"""Frozen matrices stored in 4 or 8 bits, and the linear layer over them (QLoRA, arXiv 2305.14314).

    nf4          4-bit normal floats, one float32 scale for each block of 64 weights (4.5 bits a weight)
    nf4-double   the same with the scales themselves in 8 bits, one float32 for 256 of them (4.13 bits a weight);
                 matrices that are held as one share their scales' mean
    int8         8-bit whole numbers, one float32 scale for each row (8 bits a weight, and 32 a row)

NF4 is bitsandbytes', bit for bit.  `int8` is for weights only: activations stay as they are, so the treatment of
outlying activations that LLM.int8 (arXiv 2208.07339) needs has no place here.  A product makes the dense matrix, uses
it, and drops it, forward and again backward: this saves memory, not time.

Not covered: training the matrix itself, products in 4 bits, other block sizes.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F

from tuneloop.errors import UsageError
from tuneloop.models.kernels.blocks import Blocks

Kind = Literal["nf4", "nf4-double", "int8"]
BLOCK = 64
"""Weights that share a scale in NF4."""
SCALES = 256
"""Scales that share one of their own where they are stored in 8 bits."""
LARGEST, TINY = 127, 1e-38
ROWS = 1024
"""Rows of int8 that are worked on at a time: what is float32 in between then stays small, and in the cache."""
PIECE = 4096
"""Blocks of NF4 that are quantized at a time: bitsandbytes takes 20 bytes for each of their weights meanwhile."""


class QuantizedMatrix(torch.nn.Module):
    """[rows, inputs] weights as codes and constants, all of them buffers; made by `quantize`."""

    codes: torch.Tensor
    scales: torch.Tensor
    scale_scales: torch.Tensor
    scale_mean: torch.Tensor

    def __init__(self, kind: Kind, shape: torch.Size, **buffers: torch.Tensor) -> None:
        super().__init__()
        self.kind, self.shape = kind, shape
        for name, tensor in buffers.items():
            self.register_buffer(name, tensor)

    @property
    def rows(self) -> int:
        return self.shape[0]

    @property
    def bytes(self) -> int:
        """What codes and constants take together."""
        return sum(buffer.nbytes for buffer in self.buffers())

    @property
    def weights(self) -> int:
        """Weights that it stands for."""
        return self.shape.numel()

    def dense(self, dtype: torch.dtype) -> torch.Tensor:
        """[rows, inputs], made anew at each call."""
        with torch.no_grad():
            if self.kind == "int8":
                return self._dense_int8(dtype)
            scales = self._block_scales()
            wide = torch.ops.bitsandbytes.dequantize_4bit.default(
                self.codes, scales, BLOCK, "nf4", (len(scales), BLOCK), dtype
            )
            return wide.view(-1)[: self.weights].view(self.shape)  # type: ignore[no-any-return]

    def _block_scales(self) -> torch.Tensor:
        if self.kind == "nf4":
            return self.scales
        table = _scale_table(self.scales.device)
        wide = torch.ops.bitsandbytes.dequantize_blockwise.default(
            self.scales, self.scale_scales, table, SCALES, torch.float32
        )
        return wide.add_(self.scale_mean)  # type: ignore[no-any-return]

    def _dense_int8(self, dtype: torch.dtype) -> torch.Tensor:
        out = torch.empty(self.shape, dtype=dtype, device=self.codes.device)
        for start in range(0, self.rows, ROWS):
            part = slice(start, start + ROWS)
            out[part] = self.codes[part] * self.scales[part, None]
        return out

    def _apply(self, fn: Any, recurse: bool = True) -> QuantizedMatrix:
        """Move to another device, but keep the constants' float32 whatever the model is cast to."""
        moved = fn(torch.empty(0, device=self.codes.device, dtype=torch.uint8))
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = buffer.to(moved.device)
        return self


Matrix = torch.Tensor | QuantizedMatrix | Blocks
"""The weight of a linear layer, as it is held."""


def quantize(weight: torch.Tensor, kind: Kind) -> QuantizedMatrix:
    """[rows, inputs] float32, bfloat16 or float16 → its codes, on its device."""
    if kind not in get_args(Kind):
        raise UsageError(f"no quantization is called {kind!r}", expected=", ".join(get_args(Kind)))
    with torch.no_grad():
        if kind == "int8":
            return _quantize_int8(weight)
        return _quantize_nf4(weight, kind)


def quantized_linear(x: torch.Tensor, matrix: QuantizedMatrix, bias: torch.Tensor | None = None) -> torch.Tensor:
    """x [T, inputs] → [T, rows]; gradients go to x and the bias."""
    return _QuantizedLinear.apply(x, matrix, bias)  # type: ignore[no-any-return, no-untyped-call]


def dense(weight: Matrix, dtype: torch.dtype) -> torch.Tensor:
    """[rows, inputs] of any kind; those that are held in another way are made dense anew."""
    return weight if isinstance(weight, torch.Tensor) else weight.dense(dtype)


class QuantizedLinear(torch.nn.Module):
    """Stands in for a transformers model's linear layer."""

    def __init__(self, matrix: QuantizedMatrix, bias: torch.nn.Parameter | None) -> None:
        super().__init__()
        self.matrix, self.bias = matrix, bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return quantized_linear(x.reshape(-1, x.shape[-1]), self.matrix, self.bias).view(*x.shape[:-1], -1)


class _QuantizedLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, matrix: QuantizedMatrix, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.matrix = matrix
        return F.linear(x, matrix.dense(x.dtype), bias)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        dx = grad @ ctx.matrix.dense(grad.dtype) if ctx.needs_input_grad[0] else None
        return dx, None, grad.sum(0) if ctx.needs_input_grad[2] else None


def _quantize_int8(weight: torch.Tensor) -> QuantizedMatrix:
    codes = torch.empty(weight.shape, dtype=torch.int8, device=weight.device)
    scales = torch.empty(len(weight), dtype=torch.float32, device=weight.device)
    for start in range(0, len(weight), ROWS):
        part = slice(start, start + ROWS)
        wide = weight[part].float()
        scales[part] = wide.abs().amax(1) / LARGEST
        # a row of zeros has no scale, and needs none
        codes[part] = (wide / scales[part, None].clamp(min=TINY)).round_()
    return QuantizedMatrix("int8", weight.shape, codes=codes, scales=scales)


def _quantize_nf4(weight: torch.Tensor, kind: Kind) -> QuantizedMatrix:
    functional = _bitsandbytes().functional
    flat = weight.detach().reshape(-1)
    if short := -len(flat) % BLOCK:
        flat = F.pad(flat, (0, short))
    codes = torch.empty(len(flat) // 2, 1, dtype=torch.uint8, device=flat.device)
    scales = torch.empty(len(flat) // BLOCK, dtype=torch.float32, device=flat.device)
    step = PIECE * BLOCK
    for start in range(0, len(flat), step):
        some = torch.ops.bitsandbytes.quantize_4bit.default(flat[start : start + step], BLOCK, "nf4", torch.uint8)
        codes[start // 2 : (start + step) // 2], scales[start // BLOCK : (start + step) // BLOCK] = some
    if kind == "nf4":
        return QuantizedMatrix(kind, weight.shape, codes=codes, scales=scales)
    mean = scales.mean()
    small, own = functional.quantize_blockwise(scales - mean, blocksize=SCALES)
    return QuantizedMatrix(kind, weight.shape, codes=codes, scales=small, scale_scales=own.absmax, scale_mean=mean)


@cache
def _scale_table(device: torch.device) -> torch.Tensor:
    """The 256 values that 8-bit scales stand for."""
    made: torch.Tensor = _bitsandbytes().functional.create_dynamic_map()
    return made.to(device)


@cache
def _bitsandbytes() -> Any:
    with _alone():
        import bitsandbytes
    return bitsandbytes


@contextmanager
def _alone() -> Generator[None]:
    """Import bitsandbytes without two things that come with it.

    With bfloat16 units it asks the package `kernels`, where that is installed, to download one from the hub.  And it
    marks functions for torch's compiler, which is then loaded with the import and at the first call: 5 to 10 s on two
    cores, for nothing that is called from here.
    """
    missing = object()
    kernels, logger = sys.modules.get("kernels", missing), logging.getLogger("bitsandbytes.backends.cpu.ops")
    with _importing:
        marks = {name: getattr(torch, name) for name in ("compile", "_disable_dynamo")}
        sys.modules["kernels"] = None  # type: ignore[assignment]
        logger.disabled = True  # it warns that there is no such kernel
        try:
            for name in marks:
                setattr(torch, name, _unmarked)
            yield
        finally:
            for name, mark in marks.items():
                setattr(torch, name, mark)
            logger.disabled = False
            del sys.modules["kernels"]
            if kernels is not missing:
                sys.modules["kernels"] = kernels  # type: ignore[assignment]


_importing = threading.Lock()


def _unmarked(function: Any = None, **_: Any) -> Any:
    return _unmarked if function is None else function
