"""Following a run: how its end is told, whatever the end was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tuneloop import errors
from tuneloop.app.cli import following
from tuneloop.app.worker import main as work
from tuneloop.errors import ConflictError, NotFoundError, StoppedError, TuneloopError, Where
from tuneloop.records import Progress
from tuneloop.runs import queue
from tuneloop.runs.executors.local import LocalExecutor, log_file
from tuneloop.store import Workspace

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TuneloopError)]


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with Workspace.find() as workspace:
        yield workspace


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_of_the_runs_process_is_told_as_it_was(ws: Workspace, kind: type[TuneloopError]) -> None:
    error = kind("found 3", expected="a text", where=Where("a.csv", row=2, field="q"), do="Quote it")
    lease = queue.here(ws, "train", {})
    lease.fail(error)
    told = following.ending(ws, queue.show(ws, lease.run))
    assert type(told) is kind
    assert told.as_dict() == error.as_dict()


def test_a_bug_names_the_log(ws: Workspace) -> None:
    lease = queue.here(ws, "train", {})
    lease.fail(ZeroDivisionError("division by zero"))
    told = following.ending(ws, queue.show(ws, lease.run))
    assert "by a fault in the program: ZeroDivisionError: division by zero" in str(told)
    assert told.where
    assert str(told.where.file).endswith("log.txt")
    assert told.exit_code == 1


def test_a_paused_and_a_cancelled_run_are_stops(ws: Workspace) -> None:
    lease = queue.here(ws, "train", {})
    lease.pause()
    told = following.ending(ws, queue.show(ws, lease.run))
    assert isinstance(told, StoppedError)
    assert "tuneloop train --resume" in told.do
    queue.cancel(ws, lease.run)
    assert "was cancelled" in str(following.ending(ws, queue.show(ws, lease.run)))


def test_there_may_be_nothing_to_resume(ws: Workspace) -> None:
    with pytest.raises(NotFoundError, match="no training run was stopped"):
        following.newest_stopped(ws)
    lease = queue.here(ws, "train", {})
    with pytest.raises(ConflictError, match=f"{lease.run} is running"):
        following.newest_stopped(ws)
    lease.pause()
    assert following.newest_stopped(ws).id == lease.run
    queue.here(ws, "evaluate", {}).finish()
    assert following.newest_stopped(ws).id == lease.run, "only training is resumed"


def test_what_a_run_tells_becomes_progress(ws: Workspace) -> None:
    seen: list[Progress] = []
    lease = queue.here(ws, "train", {})
    view = following.View(seen.append)
    lease.event("resolved", steps=20)
    lease.metric(1, loss=2.0, gradient_norm=1.0)
    lease.metric(2, loss=1.5, tokens_per_second=100.0)
    view.look(ws, lease.run)
    view.look(ws, lease.run)
    assert seen == [Progress("train", 2, 20, "steps", {"loss": 1.5, "tokens_per_second": 100.0})]
    lease.metric(3, loss=1.0)
    view.look(ws, lease.run)
    assert (seen[-1].done, seen[-1].values["loss"]) == (3, 1.0)
    lease.finish()


def test_the_worker_leaves_a_run_alone_that_is_not_its_own(ws: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    lease = queue.here(ws, "train", {})
    assert work(str(ws.folder), lease.run) == 1
    assert "is held by process" in capsys.readouterr().err
    lease.pause()
    assert work(str(ws.folder), lease.run) == 1
    assert "paused" in capsys.readouterr().err


def test_a_process_that_got_ready_does_the_run_that_it_is_told(ws: Workspace) -> None:
    executor = LocalExecutor(background=False)
    with executor.getting_ready():
        waiting = executor._ready
        run = queue.submit(ws, "train", {"data": "data-1", "train": {}})
        assert waiting
        assert executor.start(ws, run) == waiting.pid
    assert executor.wait(run, timeout=120) == 1
    ended = queue.show(ws, run)
    assert ended.state == "failed"
    sentence = str(following.ending(ws, ended))
    assert "no dataset version is called 'data-1'" in sentence
    assert sentence in log_file(ws, run).read_text("utf-8")


def test_a_process_that_is_not_needed_ends(ws: Workspace) -> None:
    executor = LocalExecutor(background=False)
    with executor.getting_ready():
        waiting = executor._ready
    assert waiting
    assert waiting.returncode is not None
    with executor.getting_ready(wanted=False):
        assert executor._ready is None
