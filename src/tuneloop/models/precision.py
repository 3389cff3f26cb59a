"""Which number format this machine is faster with: bfloat16 or float32.

CPUs differ: those with bf16 units multiply matrices 2 to 5 times faster in bfloat16, those without 3 to 4 times slower.
So it is measured once per processor, on one core and in that thread's own time, so that a busy machine gives the same
answer, and kept in the user's cache folder.
"""

from __future__ import annotations

import json
import platform
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch

from tuneloop.wording import Words

MARGIN = 1.2
"""bfloat16 has 8 bits of precision: it must be faster by this factor to be chosen."""


class Precision(NamedTuple):
    dtype: torch.dtype
    why: Words


@cache
def choose(device: str = "cpu") -> Precision:
    """The format for training and generation on a device, and why."""
    if device.startswith("cuda"):
        if torch.cuda.is_bf16_supported():
            return Precision(torch.bfloat16, Words("This GPU computes in bfloat16.", "此 GPU 支持 bfloat16 计算。"))
        return Precision(torch.float32, Words("This GPU has no bfloat16 units.", "此 GPU 没有 bfloat16 运算单元。"))
    bf16, fp32 = _rates()
    numbers = {"bf16": f"{bf16:.0f}", "fp32": f"{fp32:.0f}"}
    if bf16 > fp32 * MARGIN:
        why = Words(
            "bfloat16: a core of this processor multiplies matrices at {bf16} GFLOP/s in it, at {fp32} in float32.",
            "采用 bfloat16：此处理器单核做矩阵乘法时 bfloat16 为 {bf16} GFLOP/s，float32 为 {fp32} GFLOP/s。",
        )
        return Precision(torch.bfloat16, why.format(**numbers))
    why = Words(
        "float32: a core of this processor multiplies matrices at {fp32} GFLOP/s in it, at {bf16} in bfloat16.",
        "采用 float32：此处理器单核做矩阵乘法时 float32 为 {fp32} GFLOP/s，bfloat16 为 {bf16} GFLOP/s。",
    )
    return Precision(torch.float32, why.format(**numbers))


def _rates() -> tuple[float, float]:
    """GFLOP/s in bfloat16 and float32, from the cache or measured now."""
    file = _cache_file()
    key = f"{_processor()} · one core · torch {torch.__version__}"
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        return float(known[key][0]), float(known[key][1])
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        known = {}
    rates = (measure(torch.bfloat16), measure(torch.float32))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({key: rates}, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError:  # a read-only home only costs the measurement again
        return rates
    return rates


def measure(dtype: torch.dtype, size: int = 384, seconds: float = 0.03) -> float:
    """GFLOP/s of a square matrix product on one core: the best of several in about `seconds` of its time."""
    a, b = (torch.randn(size, size).to(dtype) for _ in range(2))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # two threads beside another process wait for each other: 5 times off was seen
    try:
        a @ b
        best, end = float("inf"), time.thread_time() + seconds
        while (start := time.thread_time()) < end or best == float("inf"):
            a @ b
            best = min(best, time.thread_time() - start)
    finally:
        torch.set_num_threads(threads)
    return 2 * size**3 / best / 1e9


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        return platform.processor() or platform.machine()
    return platform.processor() or platform.machine()


def _cache_file() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("tuneloop")) / "precision.json"
