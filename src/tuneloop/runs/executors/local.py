"""A run in a subprocess of this machine, in a process group of its own, so that it outlives whoever started it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from pydantic import PrivateAttr

from tuneloop.config import setting
from tuneloop.runs import process
from tuneloop.runs.executor import WORKER, Executor
from tuneloop.store.durable import storage_errors
from tuneloop.wording import Words

if TYPE_CHECKING:
    from tuneloop.runs.run import Run
    from tuneloop.store import Workspace

LOG = "log.txt"
LOW_PRIORITY = 10
_POLL_SECONDS = 0.05


class LocalExecutor(Executor):
    """Idle OpenMP threads sleep: two that spin collapse 5 to 20 times beside a competing process."""

    title: ClassVar[Words] = Words("This machine", "本机")
    help: ClassVar[Words] = Words(
        "Starts each run as a process of its own on this machine.", "在本机为每个运行启动一个独立的进程。"
    )

    background: bool = setting(
        True,
        en="Low priority, for a machine that serves or is worked at meanwhile.",
        zh="以低优先级运行，适合同时提供服务或有人在用的机器。",
    )
    threads: int = setting(
        0,
        ge=0,
        en="Threads that a run computes with; 0: OMP_NUM_THREADS, or as many as there are cores.",
        zh="每个运行的计算线程数；0 表示取 OMP_NUM_THREADS，未设置时与 CPU 核数相同。",
    )
    _children: dict[str, subprocess.Popen[bytes]] = PrivateAttr(default_factory=dict)
    _ready: subprocess.Popen[bytes] | None = PrivateAttr(default=None)

    @contextmanager
    def getting_ready(self, wanted: bool = True) -> Iterator[None]:
        """While the block checks a recipe and queues a run, a process loads what runs need; `start` tells it its run.

        It saves about a second of waiting.  A process that was not told its run by the end of the block is ended.
        """
        if wanted:
            self._ready = self._spawn([sys.executable, "-m", WORKER], stdin=subprocess.PIPE, out=subprocess.DEVNULL)
        try:
            yield
        finally:
            unneeded, self._ready = self._ready, None
            if unneeded is not None:
                unneeded.kill()
                unneeded.communicate()

    def start(self, ws: Workspace, run_id: str, entry: str = WORKER) -> int:
        """Output and errors go to `log.txt` in the run's folder, one attempt after the other."""
        from tuneloop.runs.starting import reserve

        with ws.db.write() as connection:
            reserve(connection, run_id)  # a server on this workspace leaves the run to this process
        child = self._named(ws, run_id) if entry == WORKER else None
        if child is None:
            log = log_file(ws, run_id)
            with storage_errors(log), log.open("ab") as out:
                child = self._spawn([sys.executable, "-m", entry, str(ws.folder), run_id], subprocess.DEVNULL, out)
        self._children[run_id] = child
        return child.pid

    def _named(self, ws: Workspace, run_id: str) -> subprocess.Popen[bytes] | None:
        """The process that got ready, told its run; None where there is none, or where it ended while it got ready."""
        child, self._ready = self._ready, None
        if child is None or child.stdin is None or child.poll() is not None:
            return None
        try:
            with child.stdin as line:
                line.write(json.dumps([str(ws.folder), run_id]).encode() + b"\n")
        except BrokenPipeError:
            return None
        return child

    def _spawn(self, command: list[str], stdin: int, out: int | BinaryIO) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=self._environment(),
            start_new_session=os.name == "posix",
            creationflags=_windows_flags(),
        )
        if self.background and os.name == "posix":
            _lower(child.pid)
        return child

    def _environment(self) -> dict[str, str]:
        quiet = {"OMP_WAIT_POLICY": "passive", "KMP_BLOCKTIME": "0", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
        chosen = {"OMP_NUM_THREADS": str(self.threads)} if self.threads else {}
        return {**quiet, **os.environ, **chosen}

    def wait(self, run_id: str, timeout: float | None = None) -> int | None:
        """The exit code of a process that this executor started; None when it still runs after `timeout` seconds."""
        try:
            return self._children[run_id].wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def end_deaf(self, ws: Workspace, grace: float = 30.0) -> Sequence[str]:
        """End the processes of this machine whose runs were asked to cancel over `grace` seconds ago and go on."""
        from tuneloop.runs import queue

        ended = []
        for run in queue.deaf(ws, grace):
            if run.owner is None or not process.alive(run.owner):
                continue
            with suppress(PermissionError, ProcessLookupError):  # another user's; one that has just ended
                kill(run.owner)
                queue.write_off(ws, run.id)
                ended.append(run.id)
        return ended

    def stop(self, ws: Workspace, run_id: str, grace: float = 30.0) -> Run:
        from tuneloop.runs import queue
        from tuneloop.runs.run import ACTIVE

        run = queue.cancel(ws, run_id)
        give_up = time.monotonic() + grace
        while run.state in ACTIVE and time.monotonic() < give_up:
            time.sleep(_POLL_SECONDS)
            run = queue.show(ws, run_id)
        if run.state in ACTIVE:
            kill(run.owner)
            run = queue.write_off(ws, run_id)
        return run


def _lower(pid: int) -> None:
    """Lower the priority of a process that leads a session.

    Linux may share the processor among sessions first (`CONFIG_SCHED_AUTOGROUP`), and a process's own priority then
    counts within its session only: of two that compute on one core, nice 0 and 10, each had the same share; with the
    session lowered too it was 8 to 1.  The session's is set in `/proc`; without rights it may be written every 0.1 s.
    """
    os.setpriority(os.PRIO_PROCESS, pid, LOW_PRIORITY)
    session = Path(f"/proc/{pid}/autogroup")
    for _ in range(3):
        try:
            session.write_text(str(LOW_PRIORITY))
        except BlockingIOError:
            time.sleep(0.1)
        except OSError:  # another system, or a kernel without it
            return
        else:
            return


def kill(owner: Mapping[str, Any] | None) -> None:
    """End a process and its group at once, if it is certainly the one meant; it gets no chance to clean up."""
    if owner is None or not process.alive(owner):
        return
    pid = int(owner["pid"])
    if os.name == "nt":
        subprocess.run(["taskkill", "/PID", str(pid), "/T", "/F"], capture_output=True, check=False)
    elif os.getpgid(pid) == pid and pid != os.getpid():
        os.killpg(pid, signal.SIGKILL)
    elif pid != os.getpid():  # not the leader of a group (a notebook): the rest of its group is somebody else's
        os.kill(pid, signal.SIGKILL)
    give_up = time.monotonic() + 10
    while process.alive(owner) and time.monotonic() < give_up:
        time.sleep(_POLL_SECONDS)


def log_file(ws: Workspace, run_id: str) -> Path:
    return ws.path("runs", run_id) / LOG


def _windows_flags() -> int:
    return int(getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0))
