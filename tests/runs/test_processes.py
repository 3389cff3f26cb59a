"""The queue among real processes: claims at once, owners that die or sleep, executors."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.kill_points import fork, forks

from tuneloop.errors import ConflictError
from tuneloop.runs import process, queue
from tuneloop.runs.executor import executors
from tuneloop.runs.executors.local import LocalExecutor, kill, log_file
from tuneloop.store import Workspace

pytestmark = forks


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Workspace.find(tmp_path / "w") as ws:
        ws.db.close()
    return tmp_path / "w"


def until(true: Callable[[], Any], seconds: float = 20.0) -> None:
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up, "waited too long"
        time.sleep(0.02)


def test_several_claimers_get_each_run_once(folder: Path) -> None:
    with Workspace.find(folder) as ws:
        for number in range(40):
            queue.submit(ws, "train", {"number": number})

    def drain() -> None:
        idle = 0
        with Workspace.find(folder) as ws:
            while idle < 20:
                if lease := queue.claim(ws):
                    idle = 0
                    lease.event("done", by=os.getpid())
                    lease.finish()
                else:
                    idle += 1
                    time.sleep(0.01)

    children = [fork(drain) for _ in range(4)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    with Workspace.find(folder) as ws:
        runs = queue.list(ws)
        assert {run.state for run in runs} == {"succeeded"}
        assert {run.attempt for run in runs} == {1}
        done = [[event.data["by"] for event in queue.events(ws, run.id) if event.kind == "done"] for run in runs]
        assert all(len(by) == 1 for by in done)
        assert len({by for (by,) in done}) > 1  # they did work side by side


def owner_of(folder: Path, run: str | None, seconds: float = 30.0) -> tuple[int, str]:
    """A process that claims a run (None: starts one here), tells its id, and then writes an event every 50 ms."""
    told, tell = os.pipe()

    def work() -> None:
        with Workspace.find(folder) as ws:
            lease = queue.claim(ws, run, seconds=seconds) if run else queue.here(ws, "train", {}, seconds=seconds)
            assert lease is not None
            os.write(tell, lease.run.encode() + b"\n")
            while True:
                try:
                    lease.event("beat")
                except ConflictError:
                    os._exit(42)
                time.sleep(0.05)

    child = fork(work)
    os.close(tell)
    with os.fdopen(told) as file:
        return child, file.readline().strip()


def test_a_killed_owners_run_can_be_claimed_again_at_once(folder: Path) -> None:
    with Workspace.find(folder) as ws:
        run = queue.submit(ws, "train", {})
    child, _ = owner_of(folder, run)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with Workspace.find(folder) as ws:
        shown = queue.show(ws, run)
        assert (shown.state, shown.interrupted, shown.active) == ("running", True, False)
        assert list(queue.events(ws, run, follow=True))  # ends by itself
        lease = queue.claim(ws)
        assert lease is not None
        assert (lease.run, lease.attempt) == (run, 2)
        numbers = [event.number for event in queue.events(ws, run)]
        assert numbers == list(range(1, len(numbers) + 1))


def test_a_killed_owners_run_that_was_to_stop_has_stopped(folder: Path) -> None:
    with Workspace.find(folder) as ws:
        one, two = queue.submit(ws, "train", {}), queue.submit(ws, "train", {})
    owners = [owner_of(folder, run)[0] for run in (one, two)]
    with Workspace.find(folder) as ws:
        queue.cancel(ws, one)
        queue.pause(ws, two)
        for child in owners:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        assert (queue.show(ws, one).state, queue.show(ws, two).state) == ("cancelled", "paused")
        assert queue.claim(ws) is None
        queue.resume(ws, two)
        lease = queue.claim(ws)
        assert lease is not None
        assert lease.run == two


def _stop_outside_of_a_write(child: int, folder: Path) -> None:
    """A process that is stopped while it renews its lease would hold the database until it goes on."""
    for _ in range(100):
        os.kill(child, signal.SIGSTOP)
        connection = sqlite3.connect(folder / "tuneloop.db", timeout=0, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError:
            os.kill(child, signal.SIGCONT)
            time.sleep(0.02)
        finally:
            connection.close()
    raise AssertionError("the owner was never found outside of a write")


def test_an_owner_that_slept_past_its_lease_is_refused(folder: Path) -> None:
    with Workspace.find(folder) as ws:
        run = queue.submit(ws, "train", {})
    child, _ = owner_of(folder, run, seconds=0.5)
    _stop_outside_of_a_write(child, folder)
    try:
        with Workspace.find(folder) as ws:
            with pytest.raises(ConflictError, match="is held by process"):
                queue.claim(ws, run)
            time.sleep(0.6)
            lease = queue.claim(ws, run)
            assert lease is not None
            before = len(list(queue.events(ws, run)))
            os.kill(child, signal.SIGCONT)
            status = os.waitpid(child, 0)[1]
            assert os.waitstatus_to_exitcode(status) == 42
            assert len(list(queue.events(ws, run))) == before
            lease.event("still mine")
    finally:
        os.kill(child, signal.SIGKILL) if process._started(child) else None


def test_a_lease_is_renewed_while_its_owner_works(folder: Path) -> None:
    with Workspace.find(folder) as ws:
        lease = queue.here(ws, "train", {}, seconds=0.6)
        time.sleep(1.5)
        assert queue.show(ws, lease.run).active
        lease.event("still mine")
        lease.finish()


def test_a_run_here_whose_process_died_shows_as_failed_and_only_a_person_resumes_it(folder: Path) -> None:
    child, run = owner_of(folder, None)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with Workspace.find(folder) as ws:
        shown = queue.show(ws, run)
        assert (shown.state, shown.interrupted) == ("failed", True)
        assert shown.error is not None
        assert shown.error["code"] == "interrupted"
        assert queue.claim(ws) is None
        with pytest.raises(ConflictError):
            queue.claim(ws, run)
        assert queue.resume(ws, run).state == "queued"
        lease = queue.claim(ws)
        assert lease is not None
        assert (lease.run, lease.attempt) == (run, 2)


def test_a_process_is_known_by_more_than_its_number() -> None:
    mine = process.identity()
    assert process.alive(mine)
    assert not process.dead(mine)
    reused = {**mine, "started": "1"}
    assert process.dead(reused)
    assert not process.alive(reused)
    elsewhere = {**mine, "host": "another"}
    assert not process.dead(elsewhere)
    assert not process.alive(elsewhere)
    child = subprocess.Popen([sys.executable, "-c", ""])
    owner = process.identity(child.pid)
    child.wait()
    assert process.dead(owner)
    assert not process.dead(None)


WORKER = """
import os, subprocess, sys, time
from pathlib import Path
from tuneloop.runs import queue
from tuneloop.store import Workspace

with Workspace.find(sys.argv[1], create=False) as ws, queue.claim(ws, sys.argv[2]) as lease:
    print("hello from", lease.run, flush=True)
    if lease.spec.get("child"):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        lease.event("child", pid=child.pid)
    group = Path("/proc/self/autogroup")
    session = group.read_text().split()[-1] if group.exists() else "10"
    lease.event("priority", nice=os.nice(0), wait=os.environ["OMP_WAIT_POLICY"], leads=os.getpgid(0) == os.getpid(),
                session=session, threads=os.environ.get("OMP_NUM_THREADS"))
    while lease.spec.get("deaf") or (lease.spec.get("long") and not lease.should_stop()):
        time.sleep(0.02)
    if lease.should_stop():
        lease.cancel()
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "some_worker.py").write_text(WORKER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "some_worker"


def kinds(ws: Workspace, run: str) -> list[str]:
    return [event.kind for event in queue.events(ws, run)]


def test_the_local_executor_starts_a_run_in_a_group_of_its_own(folder: Path, worker: str) -> None:
    executor = executors.create("local")
    assert isinstance(executor, LocalExecutor)
    with Workspace.find(folder) as ws:
        run = queue.submit(ws, "train", {})
        executor.start(ws, run, entry=worker)
        assert executor.wait(run, timeout=60) == 0
        assert queue.show(ws, run).state == "succeeded"
        assert log_file(ws, run).read_text() == f"hello from {run}\n"
        (told,) = [event.data for event in queue.events(ws, run) if event.kind == "priority"]
        assert told["leads"]
        assert told["wait"] == "passive"
        assert told["nice"] >= 10
        assert told["session"] == "10"  # Linux counts a process's own priority within its session only


@pytest.mark.parametrize(("threads", "said", "seen"), [(0, None, None), (0, "5", "5"), (3, None, "3"), (3, "5", "3")])
def test_a_run_computes_with_the_threads_that_are_named(
    folder: Path, worker: str, monkeypatch: pytest.MonkeyPatch, threads: int, said: str | None, seen: str | None
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if said is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    executor = LocalExecutor(background=False, threads=threads)
    with Workspace.find(folder) as ws:
        run = queue.submit(ws, "train", {})
        executor.start(ws, run, entry=worker)
        assert executor.wait(run, timeout=60) == 0
        (told,) = [event.data for event in queue.events(ws, run) if event.kind == "priority"]
        assert told["threads"] == seen


def test_stopping_a_run_that_obeys_and_one_that_does_not(folder: Path, worker: str) -> None:
    executor = LocalExecutor(background=False)
    with Workspace.find(folder) as ws:
        good = queue.submit(ws, "train", {"long": True})
        deaf = queue.submit(ws, "train", {"deaf": True, "child": True})
        for run in (good, deaf):
            executor.start(ws, run, entry=worker)
        until(lambda: "priority" in kinds(ws, good) and "priority" in kinds(ws, deaf), 60)

        assert executor.stop(ws, good, grace=30).state == "cancelled"
        assert executor.wait(good, timeout=30) == 0

        (child,) = [event.data["pid"] for event in queue.events(ws, deaf) if event.kind == "child"]
        assert process.alive(process.identity(child))
        assert executor.stop(ws, deaf, grace=0.3).state == "cancelled"
        assert executor.wait(deaf, timeout=10) == -signal.SIGKILL
        until(lambda: process._started(child) is None)  # the whole group went


def test_a_server_ends_what_does_not_obey_a_cancel_and_nothing_else(folder: Path, worker: str) -> None:
    executor = LocalExecutor(background=False)
    with Workspace.find(folder) as ws:
        deaf, busy = queue.submit(ws, "train", {"deaf": True}), queue.submit(ws, "train", {"long": True})
        for run in (deaf, busy):
            executor.start(ws, run, entry=worker)
        until(lambda: "priority" in kinds(ws, deaf) and "priority" in kinds(ws, busy), 60)
        with queue.here(ws, "train", {}) as mine:
            queue.cancel(ws, mine.run)
            queue.cancel(ws, deaf)
            assert executor.end_deaf(ws, grace=3600) == []
            assert queue.show(ws, deaf).state == "cancelling"
            until(lambda: executor.end_deaf(ws, grace=0.3) == [deaf])
            assert executor.wait(deaf, timeout=10) == -signal.SIGKILL
            assert queue.show(ws, deaf).state == "cancelled"
            assert queue.show(ws, mine.run).state == "cancelling"  # it is in this process, which a person started
            assert queue.show(ws, busy).state == "running"
            assert executor.end_deaf(ws, grace=0.0) == []
            mine.cancel()
        assert executor.stop(ws, busy).state == "cancelled"


def test_a_stranger_is_never_killed() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    owner = process.identity(child.pid)
    try:
        kill({**owner, "started": "1"})
        kill({**owner, "host": "another"})
        kill(None)
        assert child.poll() is None
        kill(owner)
        assert child.wait(10) == -signal.SIGKILL
    finally:
        if child.poll() is None:
            child.kill()
