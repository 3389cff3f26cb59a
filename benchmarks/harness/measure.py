"""One measured run of one command: wall time, peak memory, and how much of the processor others took.

Memory is the largest sum over the command's process and its children at one instant, looked at ten times a second, or
the largest single process as the system counts it, whichever is more.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "DISABLE_VERSION_CHECK": "1",
    "TOKENIZERS_PARALLELISM": "true",
    "TRANSFORMERS_VERBOSITY": "error",
    "PYTHONWARNINGS": "ignore",
    "CUDA_VISIBLE_DEVICES": "",
}


@dataclass(frozen=True)
class Measured:
    """`others` is the share of all cores that other processes took during the run; `told` what the run wrote."""

    label: str
    returned: int
    wall: float
    memory_mb: float
    processor_seconds: float
    others: float
    told: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def run(
    label: str, command: Sequence[str], *, threads: int, log: Path, environment: Mapping[str, str] | None = None
) -> Measured:
    """Run a command to its end; its output goes to `log`, what it puts into BENCHMARK_RESULT is read."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        counts = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        start, before = time.time(), psutil.cpu_times()
        own = {"BENCHMARK_START": repr(start), "BENCHMARK_RESULT": str(result)}
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as output:
            output.write(f"\n=== {label}: {' '.join(command)}\n")
            output.flush()
            process = subprocess.Popen(
                command,
                env={**os.environ, **ENVIRONMENT, **counts, **own, **(environment or {})},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            memory = _Memory(process.pid)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        wall, after = time.time() - start, psutil.cpu_times()
        peak, watched = memory.stop()
        # The system counts children that were waited for; a worker with a session of its own is only seen from outside.
        seconds = max(used.ru_utime + used.ru_stime, watched)
        told = json.loads(result.read_text()) if result.is_file() else {}
    busy = sum(getattr(after, kind) - getattr(before, kind) for kind in ("user", "nice", "system"))
    return Measured(
        label=label,
        returned=process.returncode,
        wall=wall,
        memory_mb=max(peak, used.ru_maxrss * 1024) / 1e6,
        processor_seconds=seconds,
        others=max(0.0, busy - seconds) / (wall * (os.cpu_count() or 1)),
        told=told,
    )


class _Memory:
    """Watches the resident memory and the processor time of a process and its children from a thread."""

    def __init__(self, pid: int) -> None:
        self._peak, self._over = 0, threading.Event()
        self._seconds: dict[int, float] = {}  # by process, as last seen
        self._process = psutil.Process(pid)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            total = 0
            try:
                for process in (self._process, *self._process.children(recursive=True)):
                    total += process.memory_info().rss
                    times = process.cpu_times()
                    self._seconds[process.pid] = times.user + times.system
            except psutil.Error:  # a process that ended between being listed and being asked
                continue
            self._peak = max(self._peak, total)

    def stop(self) -> tuple[int, float]:
        """Bytes at the peak, and seconds of all processes that were seen."""
        self._over.set()
        self._thread.join()
        return self._peak, sum(self._seconds.values())


def wait_for_quiet(most: float, seconds: float) -> None:
    """Wait until all processes together take at most `most` of the processor for two seconds, or time is up."""
    until = time.monotonic() + seconds
    while psutil.cpu_percent(2.0) / 100 > most and time.monotonic() < until:
        time.sleep(1)
