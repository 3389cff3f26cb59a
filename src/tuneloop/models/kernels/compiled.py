"""The C kernels of this folder, compiled for this machine: which are in use, and how they are called.

`building.py` makes the library at the first call that can use it, never at import.  Where it cannot be made the torch
twins do the work and `status` says why; `TUNELOOP_KERNELS=off` asks for the twins.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch

from tuneloop.models.kernels.building import KINDS, NotMade, published
from tuneloop.wording import Words

SMALL = 16 * 1024
"""Below this many numbers a second thread costs more than it saves."""
CHUNKS = 16
"""Parts in which sums over rows are made: fixed, so that the result does not depend on the number of threads."""


class Status(NamedTuple):
    """`on`: the compiled kernels are in use."""

    on: bool
    text: Words


def status() -> Status:
    """Whether the compiled kernels are in use, and why; makes them where that has not been tried yet."""
    return _made()[1]


def kernel(name: str, *tensors: torch.Tensor | None, stepped: Sequence[torch.Tensor] = ()) -> Any:
    """The compiled function `name` for these tensors, or None: then the twin does the work.

    It takes tensors that lie in the processor's memory, of one kind (float32 or bfloat16), each in one piece; those
    that are `stepped` may be views whose last axis is in one piece.
    """
    library = _library()
    if library is None:
        return None
    held = [tensor for tensor in tensors if tensor is not None]
    if not all(tensor.is_contiguous() for tensor in held) or not all(tensor.stride(-1) == 1 for tensor in stepped):
        return None
    kind = None
    for tensor in (*held, *stepped):
        kind = kind or tensor.dtype
        if tensor.device.type != "cpu" or tensor.dtype != kind:
            return None
    return getattr(library, f"{name}_{KINDS[kind]}") if kind in KINDS else None


def at(tensor: torch.Tensor | None) -> ctypes.c_void_p:
    """A tensor's first number as an argument; None is C's null."""
    return ctypes.c_void_p(None if tensor is None else tensor.data_ptr())


def steps(tensor: torch.Tensor) -> list[Any]:
    """A view [tokens, heads, size] as three arguments: its first number, and how far tokens and heads lie apart."""
    return [at(tensor), *longs(tensor.stride(0), tensor.stride(1))]


def longs(*numbers: int) -> list[ctypes.c_long]:
    return [ctypes.c_long(number) for number in numbers]


def threads(work: int) -> ctypes.c_int:
    """How many threads should share so many numbers: torch's, which are the same ones."""
    return ctypes.c_int(1 if work < SMALL else torch.get_num_threads())


@contextmanager
def using(library: Path | None) -> Generator[None]:
    """Within the block, use this library whatever the settings say; None: the twins."""
    _forced.append(None if library is None else ctypes.CDLL(str(library)))
    try:
        yield
    finally:
        _forced.pop()


_forced: list[ctypes.CDLL | None] = []


def _library() -> ctypes.CDLL | None:
    return _forced[-1] if _forced else _made()[0]


@cache
def _made() -> tuple[ctypes.CDLL | None, Status]:
    if os.environ.get("TUNELOOP_KERNELS", "").strip().lower() == "off":
        return None, Status(False, Words("plain torch, as TUNELOOP_KERNELS=off asks", "已由 TUNELOOP_KERNELS=off 关闭"))
    try:
        library = ctypes.CDLL(str(published()))
    except NotMade as reason:
        text = reason.text
    except (OSError, subprocess.SubprocessError) as error:
        text = Words("could not be made: {error}", "未能生成：{error}").format(error=error)
    else:
        return library, Status(True, Words("compiled for this processor", "已针对本机处理器编译"))
    plain = Words("{reason}; plain torch is used, which is slower", "{reason}；改用纯 torch 计算，速度较慢")
    return None, Status(False, plain.format(reason=text))
