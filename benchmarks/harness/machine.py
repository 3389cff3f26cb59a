"""What a benchmark ran on: stated with every result, as none of the figures means anything without it."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]
UNITS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16")
"""Processor flags that decide how fast matrices are multiplied."""


def describe() -> dict[str, Any]:
    """Processor, cores, memory, units, system, our commit and the libraries that compute."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "units": [unit for unit in UNITS if unit in _flags()],
        "system": platform.platform(),
        "python": platform.python_version(),
        "tuneloop": _commit(),
        "torch": version("torch"),
    }


def sentence(machine: dict[str, Any]) -> str:
    """The same in one line for a table's head."""
    units = ", ".join(machine["units"]) or "no known units"
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, {units}; "
        f"torch {machine['torch']}, Python {machine['python']}, tuneloop {machine['tuneloop']}"
    )


def _cpuinfo(key: str) -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _flags() -> set[str]:
    return set((_cpuinfo("flags") or _cpuinfo("Features")).split())


def _commit() -> str:
    found = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or version("tuneloop")
