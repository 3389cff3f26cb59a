"""How far a run is: told by the work, seen by whoever looks, of the newest attempt only."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event, update

from tuneloop.errors import ConflictError
from tuneloop.records import Progress
from tuneloop.runs import HowFar, Lease, Run, how_far, queue
from tuneloop.store import Workspace
from tuneloop.store.tables import runs
from tuneloop.wording import Words


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as opened:
        yield opened


def far(run: Run) -> HowFar:
    assert run.progress is not None
    return run.progress


def until(ws: Workspace, run: str, done: int) -> HowFar:
    give_up = time.monotonic() + 20
    while (found := queue.show(ws, run).progress) is None or found.done != done:
        assert time.monotonic() < give_up, found
        time.sleep(0.05)
    return found


def test_what_the_work_tells_is_seen_from_elsewhere_a_second_later(ws: Workspace) -> None:
    with queue.here(ws, "prepare", {}) as lease:
        assert queue.show(ws, lease.run).progress is None
        lease.watch(Progress("fetch", 3, 12, "pages", note=Words("from a.example", "来自 a.example")))
        found = until(ws, lease.run, 3)
        assert (found.stage, found.title, found.total) == ("fetch", Words("fetch", "下载"), 12)
        assert (found.unit, found.units) == ("pages", Words("pages", "页"))
        assert found.note == Words("from a.example", "来自 a.example")
        lease.watch(Progress("something new", 1))
        found = until(ws, lease.run, 1)
        assert (found.title, found.total, found.note) == (Words("something new", "something new"), None, None)
        lease.watch(Progress("commit", 7, 7, "records"))
    assert far(queue.show(ws, lease.run)).done == 7  # also what came less than a second before the end


def test_it_is_written_about_once_a_second_and_not_by_the_work(ws: Workspace) -> None:
    writers: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE runs SET") and "progress" in statement:
            writers.append(threading.current_thread().name)

    with queue.here(ws, "merge", {}) as lease:
        event.listen(ws.db.engine, "before_cursor_execute", note)
        until_then = time.monotonic() + 2.5
        told = 0
        while time.monotonic() < until_then:
            told += 1
            lease.watch(Progress("merge", told, None, "records"))
            time.sleep(0.0002)
        event.remove(ws.db.engine, "before_cursor_execute", note)
    assert told > 500
    assert 1 <= len(writers) <= 3
    assert set(writers) == {f"lease of {lease.run}"}


def test_telling_inside_a_transaction_waits_for_nothing(ws: Workspace) -> None:
    with queue.here(ws, "merge", {}) as lease:
        with ws.db.write():
            for done in range(3):
                lease.watch(Progress("commit", done, 3))
                time.sleep(0.6)
        assert until(ws, lease.run, 2).stage == "commit"


@pytest.mark.parametrize(("values", "least", "most"), [({}, 1.0, 40.0), ({"seconds_left": 90.0}, 90.0, 90.0)])
def test_the_time_left_is_told_or_comes_of_the_pace(
    ws: Workspace, values: dict[str, float], least: float, most: float
) -> None:
    with queue.here(ws, "export", {}) as lease:
        lease.watch(Progress("export", 0, 30, "records", values))
        time.sleep(1.2)
        lease.watch(Progress("export", 3, 30, "records", values))
        left = until(ws, lease.run, 3).seconds_left
    assert left is not None
    assert least <= left <= most


def test_the_pace_begins_anew_with_each_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(how_far.time, "monotonic", lambda: clock[0])
    watch = how_far.Telling()

    def told(seconds: float, done: int, total: int = 1000, note: Words | None = None) -> float | None:
        clock[0] += seconds
        watch(Progress("export", done, total, "records", note=note))
        assert watch.fresh is not None
        return watch.fresh.seconds_left

    assert told(0, 0) is None
    assert told(50, 500) == 50.0
    assert told(50, 1000) == 0.0
    assert told(0, 0) is None  # the second pass
    assert told(10, 100) == 90.0
    assert told(0, 0, note=Words("base", "基座")) is None
    assert told(20, 100, note=Words("base", "基座")) == 180.0
    assert told(0, 0, total=50) is None


def test_what_is_no_number_is_an_error_of_the_work_and_not_of_the_lease(ws: Workspace) -> None:
    with queue.here(ws, "merge", {}) as lease:
        with pytest.raises((TypeError, ValueError)):
            lease.watch(Progress("merge", "many"))  # type: ignore[arg-type]
        lease.watch(Progress("merge", np.int64(3), np.int64(5)))  # type: ignore[arg-type]
        assert until(ws, lease.run, 3).total == 5
        lease.watch(Progress("merge", 4, 5, values={"seconds_left": math.inf}))
        assert until(ws, lease.run, 4).seconds_left is None


def test_a_run_whose_work_is_done_cannot_be_stopped_any_more(ws: Workspace) -> None:
    run = queue.submit(ws, "forget", {})
    with _claimed(ws, run):
        with ws.db.write() as connection:
            connection.execute(update(runs).where(runs.c.id == run).values(result={"versions": {}}))
        for stop in (queue.cancel, queue.pause):
            with pytest.raises(ConflictError, match="has done its work and clears up"):
                stop(ws, run)
        assert queue.show(ws, run).state == "running"


def test_the_next_attempt_begins_with_nothing_told(ws: Workspace) -> None:
    run = queue.submit(ws, "train", {})
    with _claimed(ws, run) as lease:
        lease.watch(Progress("train", 5, 10, "steps"))
        lease.pause()
    assert far(queue.show(ws, run)).done == 5
    queue.resume(ws, run)
    with _claimed(ws, run):
        assert queue.show(ws, run).progress is None


def _claimed(ws: Workspace, run: str) -> Lease:
    lease = queue.claim(ws, run)
    assert lease is not None
    return lease
