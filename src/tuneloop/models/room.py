"""Memory of this machine: what is free, and what this process has taken.

Resident memory of the process for processors, the allocator's figures for graphics cards.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from tuneloop.wording import Words

SELF, ALL = Path("/proc/self"), Path("/proc/meminfo")
GROUP = Path("/sys/fs/cgroup")


def free(device: str = "cpu") -> int | None:
    """Bytes that could be taken now; in a container with a limit, what is left of it.  None where the system does not
    tell (only Linux does)."""
    if device.startswith("cuda"):
        import torch

        # What torch holds and does not use will be used again.
        kept = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
        return int(torch.cuda.mem_get_info()[0]) + kept
    available = _line(ALL, "MemAvailable")
    limit, used = _number("memory.max"), _number("memory.current")
    if available is None or limit is None or used is None:
        return available
    return min(available, max(0, limit - used + _reclaimable()))


def _line(file: Path, key: str) -> int | None:
    """Bytes of a line `key: 123 kB`."""
    with suppress(OSError):
        for line in file.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) * 1024
    return None


def _number(name: str) -> int | None:
    try:
        text = (GROUP / name).read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None  # "max": no limit


def _reclaimable() -> int:
    """Bytes of files in the container's page cache, which give way."""
    with suppress(OSError):
        for line in (GROUP / "memory.stat").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(" ")
            if name == "inactive_file":
                return int(value)
    return 0


class Growth:
    """How far memory has grown since this was made, at most: the peak over what was held then.

    The system's own peak is set back to what is resident, where it allows that; else the peak of the process's whole
    life counts, which is the same in a run's own process.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        if device.startswith("cuda"):
            import torch

            torch.cuda.reset_peak_memory_stats()
            self.before: int | None = torch.cuda.memory_allocated()
            return
        with suppress(OSError):
            (SELF / "clear_refs").write_text("5", encoding="ascii")  # sets VmHWM to what is resident (man 5 proc)
        self.before = _resident()

    def peak(self) -> int | None:
        """Bytes above the beginning; None where the system does not tell."""
        if self.before is None:
            return None
        if self.device.startswith("cuda"):
            import torch

            return int(torch.cuda.max_memory_allocated()) - self.before
        most = _line(SELF / "status", "VmHWM")
        return None if most is None else max(0, most - self.before)


def _resident() -> int | None:
    with suppress(OSError):
        pages = int((SELF / "statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return None


def size(count: float) -> str:
    """Bytes for a person to read: 512 MB, 3.4 GB (10⁹)."""
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"


COMPARED = Words(
    "memory: {estimated} estimated, {measured} measured, error {error:+.0%}",
    "内存：估计 {estimated}，实测 {measured}，误差 {error:+.0%}",
)


def compared(estimated: int, measured: int) -> Words:
    """The sentence after a run; the error is that of the estimate, over the measured growth."""
    return COMPARED.format(estimated=size(estimated), measured=size(measured), error=estimated / measured - 1)
