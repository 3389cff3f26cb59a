"""Processor cores: how many this process may use."""

from __future__ import annotations

import os


def usable() -> int:
    """What the system lets this process run on (`taskset`, a container's set), else what the machine has; at least 1.

    A container's share of time (`--cpus`) is not looked at.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
