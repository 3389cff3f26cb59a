"""Which process is meant: a number alone is reused, so it goes with the machine, the boot and the start time.

A process is called dead only when that is certain (same machine and boot, and no process of that number and start
time); in doubt the lease's clock decides.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any


def identity(pid: int | None = None) -> dict[str, Any]:
    """`host`, `pid` and `started` of a process of this machine, as plain data."""
    pid = os.getpid() if pid is None else pid
    return {"host": host(), "pid": pid, "started": _started(pid)}


@cache
def host() -> str:
    """The machine's name, with its boot and process namespace where the system tells them (Linux)."""
    parts = [platform.node()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    except OSError:
        pass  # not Linux: the name and the start time must do
    return "/".join(parts)


def dead(owner: Mapping[str, Any] | None) -> bool:
    """Whether the process is certainly gone."""
    if not owner or owner.get("host") != host() or not owner.get("started"):
        return False
    return bool(_started(int(owner["pid"])) != owner["started"])


def alive(owner: Mapping[str, Any] | None) -> bool:
    """Whether the process certainly runs on this machine: only then may it be signalled."""
    if not owner or owner.get("host") != host() or not owner.get("started"):
        return False
    return bool(_started(int(owner["pid"])) == owner["started"])


def _started(pid: int) -> str | None:
    """A text that a later process of the same number would not share; None where the process is not there."""
    if os.name == "nt":
        return _started_windows(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _started_ps(pid)
    except ProcessLookupError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before may hold anything; field 3 is the state, 22 the start
    return None if fields[0] in "ZX" else fields[19]


def _started_ps(pid: int) -> str | None:
    told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return told.stdout.strip() or None


def _started_windows(pid: int) -> str | None:
    import ctypes

    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return None
    times = [ctypes.c_ulonglong() for _ in range(4)]
    code = ctypes.c_ulong()
    try:
        kernel.GetExitCodeProcess(handle, ctypes.byref(code))
        kernel.GetProcessTimes(handle, *(ctypes.byref(one) for one in times))
    finally:
        kernel.CloseHandle(handle)
    return str(times[0].value) if code.value == 259 else None  # STILL_ACTIVE
