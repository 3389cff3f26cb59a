"""A run in a subprocess of this machine, in a process group of its own, so that it outlives whoever started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import update

from tuneloop.errors import ConflictError
from tuneloop.runs import process, queue
from tuneloop.runs.claiming import locked_row
from tuneloop.runs.executor import WORKER, Executor
from tuneloop.runs.lease import add_event
from tuneloop.runs.run import ACTIVE, Run
from tuneloop.store import Workspace
from tuneloop.store.database import clock
from tuneloop.store.durable import storage_errors
from tuneloop.store.tables import runs

LOG = "log.txt"
LOW_PRIORITY = 10
_POLL_SECONDS = 0.05


class LocalExecutor(Executor):
    """`background`: low priority and passive waiting, for a machine that serves or is worked at meanwhile.

    Two OpenMP threads that spin collapse 5 to 20 times beside a competing process, so idle threads sleep instead.
    """

    def __init__(self, background: bool = True) -> None:
        self.background = background
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, ws: Workspace, run_id: str, entry: str = WORKER) -> int:
        """Output and errors go to `log.txt` in the run's folder, one attempt after the other."""
        log = log_file(ws, run_id)
        command = [sys.executable, "-m", entry, str(ws.folder), run_id]
        with storage_errors(log), log.open("ab") as out:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=_environment(),
                start_new_session=os.name == "posix",
                creationflags=_windows_flags(),
            )
        if self.background and os.name == "posix":
            os.setpriority(os.PRIO_PROCESS, child.pid, LOW_PRIORITY)
        self._children[run_id] = child
        return child.pid

    def wait(self, run_id: str, timeout: float | None = None) -> int | None:
        """The exit code of a process that this executor started; None when it still runs after `timeout` seconds."""
        try:
            return self._children[run_id].wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, ws: Workspace, run_id: str, grace: float = 30.0) -> Run:
        run = queue.cancel(ws, run_id)
        give_up = time.monotonic() + grace
        while run.state in ACTIVE and time.monotonic() < give_up:
            time.sleep(_POLL_SECONDS)
            run = queue.show(ws, run_id)
        if run.state not in ACTIVE:
            return run
        kill(run.owner)
        return _write_down(ws, run_id)


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


def _write_down(ws: Workspace, run_id: str) -> Run:
    with ws.db.write(durable=True) as connection:
        row = locked_row(connection, run_id)
        if row["state"] in ACTIVE:
            if process.alive(row["owner"]):
                raise ConflictError(f"{run_id} is at work on another machine", do="Cancel it there, or wait")
            values = {"state": "cancelled", "stop": "", "lease_until": None, "finished": clock(connection)}
            connection.execute(update(runs).where(runs.c.id == run_id).values(values))
            add_event(connection, run_id, "cancelled", {"killed": True})
    return queue.show(ws, run_id)


def _environment() -> dict[str, str]:
    quiet = {"OMP_WAIT_POLICY": "passive", "KMP_BLOCKTIME": "0", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    return {**quiet, **os.environ}


def _windows_flags() -> int:
    return int(getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0))
