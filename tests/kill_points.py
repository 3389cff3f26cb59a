"""Kill a process (-9) at its first, second, … write, and look at what is left.

A write is: a flush, a rename, a link, a new folder, a removal, a database statement, a commit.  Killing before each of
them covers every order in which a crash can leave the disk, as nothing durable happens in between.  The work runs in a
forked process; the caller must have closed its workspace, since SQLite's locks don't survive a fork.

A forked process has one thread of its parent's and the locks of all: what other tests left running (Arrow's, DuckDB's,
torch's threads) can crash or stop it.  So a test that forks carries the mark `forks`, and runs before those that don't.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import pytest

forks = pytest.mark.forks

HANGS = 60
"""Seconds after which a forked process that still runs tells where it stands, and ends."""

CALLS = ("fsync", "replace", "rename", "link", "mkdir", "unlink", "remove", "rmdir")


def each_write(
    work: Callable[[int], None], check: Callable[[int, bool], None], every: int = 1, limit: int = 400
) -> int:
    """Run `work(n)` killed at its n-th write and then `check(n, done)`, for n = 1, 2, … until it gets through.

    `every` takes only each so many-th write.  Returns how many writes it has, or up to `every` - 1 more.
    """
    for count in range(1, limit, every):
        status = forked(lambda n=count: (_arm(n), work(n)))
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        assert killed or status == 0, f"the work itself failed ({told(status)}); see its traceback"
        check(count, not killed)
        if not killed:
            return count - 1
    raise AssertionError(f"more than {limit} writes")


def forked(work: Callable[[], Any]) -> int:
    """Run in a forked process; returns the status that `os.waitpid` gives (0: it got through)."""
    return os.waitpid(fork(work), 0)[1]


def told(status: int) -> str:
    """How a process ended, in words."""
    if os.WIFSIGNALED(status):
        return f"by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"exit code {os.WEXITSTATUS(status)}"


def _let_threads_come_out() -> None:
    """Keep the interpreter's lock for 50 ms: threads that other tests left wait for it, outside SQLite's locks.

    A child inherits those as they are: locked by a thread that it does not have, they stay so.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(5.0)
    until = time.perf_counter() + 0.05
    while time.perf_counter() < until:
        pass
    sys.setswitchinterval(before)


def fork(work: Callable[[], Any]) -> int:
    """Start in a forked process; returns its number."""
    _let_threads_come_out()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    # A process forked from one with several threads may find a lock held for ever: say where, rather than time out.
    faulthandler.dump_traceback_later(HANGS, exit=True)
    faulthandler.enable(sys.stderr)  # pytest's own writes beside what it captures
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001  (the parent sees the exit code; the trace is for the reader)
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _arm(count: int) -> None:
    """From now on, die at the `count`-th write."""
    left = count

    def write() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def inner(*args: Any, **kwargs: Any) -> Any:
            write()
            return call(*args, **kwargs)

        return inner

    for name in CALLS:
        setattr(os, name, watched(getattr(os, name)))

    from sqlalchemy import Engine, event

    event.listen(Engine, "before_cursor_execute", lambda *_: write())
    event.listen(Engine, "commit", lambda *_: write())
