"""Checkpoints: whole or not there, whatever happens while they are written."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.kill_points import each_write, forks

from tuneloop.errors import ConflictError, InputError, StorageError
from tuneloop.runs import Lease, checkpoints, queue
from tuneloop.store import Workspace


@pytest.fixture
def ws(tmp_path: Path) -> Any:
    with Workspace.find(tmp_path / "w") as ws:
        yield ws


@pytest.fixture
def lease(ws: Workspace) -> Lease:
    return queue.here(ws, "train", {})


def save(lease: Lease, step: int, loss: float | None = None) -> Path:
    folder = lease.new_checkpoint()
    (folder / "weights").write_bytes(str(step).encode() * 10_000)
    (folder / "state").mkdir()
    (folder / "state" / "optimizer").write_text(f"step {step}")
    return lease.commit_checkpoint(folder, step, loss)


def steps(lease: Lease) -> list[int]:
    return [one.step for one in lease.checkpoints()]


def folders(lease: Lease) -> list[str]:
    return sorted(folder.name for folder in (lease.folder / "checkpoints").iterdir())


def test_the_newest_is_found_with_all_its_files(lease: Lease) -> None:
    assert lease.latest_checkpoint() is None
    save(lease, 10)
    place = save(lease, 20)
    assert lease.latest_checkpoint() == place
    assert (place / "state" / "optimizer").read_text() == "step 20"
    assert checkpoints.whole(place)


def test_the_newest_two_and_the_best_are_kept(lease: Lease) -> None:
    for step, loss in ((1, 3.0), (2, 1.0), (3, 2.0), (4, 2.5), (5, 2.2)):
        save(lease, step, loss)
    assert steps(lease) == [5, 4, 2]
    assert [folder[:13] for folder in folders(lease)] == ["step-00000002", "step-00000004", "step-00000005"]
    best = lease.best_checkpoint()
    assert best is not None
    assert best.name.startswith("step-00000002")


def test_without_a_loss_there_is_no_best(lease: Lease) -> None:
    for step in range(4):
        save(lease, step, float("nan") if step == 1 else None)
    assert steps(lease) == [3, 2]
    assert lease.best_checkpoint() is None


def test_the_same_step_again_replaces_it(lease: Lease) -> None:
    first = save(lease, 5)
    second = save(lease, 5)
    assert first != second
    assert steps(lease) == [5]
    assert lease.latest_checkpoint() == second
    assert not first.exists()


@pytest.mark.parametrize("harm", ["shorter", "changed", "missing", "no marker", "bad marker", "gone"])
def test_a_torn_newest_one_is_passed_over_noted_and_removed(ws: Workspace, lease: Lease, harm: str) -> None:
    before, torn = save(lease, 10), save(lease, 20)
    weights = torn / "weights"
    {
        "shorter": lambda: weights.write_bytes(weights.read_bytes()[:-1]),
        "changed": lambda: weights.write_bytes(b"9" + weights.read_bytes()[1:]),
        "missing": weights.unlink,
        "no marker": (torn / "COMPLETE").unlink,
        "bad marker": lambda: (torn / "COMPLETE").write_text('{"fil'),
        "gone": lambda: shutil.rmtree(torn),
    }[harm]()
    assert lease.latest_checkpoint() == before
    assert steps(lease) == [10]
    assert not torn.exists()
    assert [event.data["step"] for event in queue.events(ws, lease.run) if event.kind == "checkpoint_torn"] == [20]
    save(lease, 20)
    assert steps(lease) == [20, 10]


def test_the_next_attempt_goes_on_from_the_last_ones_checkpoint(ws: Workspace) -> None:
    run = queue.submit(ws, "train", {})
    first = queue.claim(ws)
    assert first is not None
    place = save(first, 10)
    left = first.new_checkpoint()
    first.pause()
    queue.resume(ws, run)
    second = queue.claim(ws)
    assert second is not None
    assert second.latest_checkpoint() == place
    save(second, 20)
    assert steps(second) == [20, 10]
    assert not left.exists()  # what the first attempt left unfinished


def test_a_stale_owners_checkpoint_is_refused_and_its_successors_stay(ws: Workspace) -> None:
    run = queue.submit(ws, "train", {})
    stale = queue.claim(ws)
    assert stale is not None
    save(stale, 10)
    unfinished = stale.new_checkpoint()
    (unfinished / "weights").write_text("late")
    queue.write_off(ws, run)
    with ws.db.write() as connection:
        connection.exec_driver_sql("UPDATE runs SET state = 'failed'")
    queue.resume(ws, run)
    fresh = queue.claim(ws)
    assert fresh is not None
    place = save(fresh, 20)
    with pytest.raises(ConflictError, match="no longer held"):
        save(stale, 30)
    checkpoints.sweep(ws, run, stale.attempt)
    assert steps(fresh) == [20, 10]
    assert fresh.latest_checkpoint() == place
    with pytest.raises(ConflictError, match="no longer held"):
        stale.commit_checkpoint(unfinished, 30)  # its folder was swept meanwhile


def test_an_empty_folder_is_no_checkpoint(lease: Lease) -> None:
    with pytest.raises(InputError, match="holds no files"):
        lease.commit_checkpoint(lease.new_checkpoint(), 1)


def test_a_folder_of_another_file_system_is_copied(
    lease: Lease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "weights").write_text("w")
    monkeypatch.setattr(checkpoints, "_same_disk", lambda *_: False)
    place = lease.commit_checkpoint(outside, 3)
    assert (place / "weights").read_text() == "w"
    assert lease.latest_checkpoint() == place
    assert not outside.exists()


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_a_sentence_and_the_one_before_stays(
    lease: Lease, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    before = save(lease, 10)
    folder = lease.new_checkpoint()
    (folder / "weights").write_text("x")

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(StorageError, match="disk is full"):
            lease.commit_checkpoint(folder, 20)
    assert lease.latest_checkpoint() == before
    lease.event("goes on")


@forks
def test_killed_at_any_write_the_newest_checkpoint_is_whole(tmp_path: Path) -> None:
    """One run, killed at its first, second, … write of claiming, saving and finishing; each attempt goes on from the
    newest checkpoint and finds there what was written."""
    with Workspace.find(tmp_path / "w") as ws:
        run = queue.submit(ws, "train", {})

    def work(count: int) -> None:
        with Workspace.find(tmp_path / "w") as ws:
            lease = queue.claim(ws)
            assert lease is not None
            latest = lease.latest_checkpoint()
            done = int((latest / "state" / "optimizer").read_text().split()[1]) if latest else 0
            save(lease, done + 1, loss=1.0 / (done + 1))
            lease.metric(done + 1, loss=1.0)
            lease.finish()

    newest = 0

    def check(count: int, done: bool) -> None:
        nonlocal newest
        with Workspace.find(tmp_path / "w") as ws:
            visible = checkpoints.visible(ws, run)
            assert all(checkpoints.whole(ws.folder / one.folder) for one in visible)
            assert len(visible) <= 2
            reached = visible[0].step if visible else 0
            assert reached - newest in ({1} if done else {0, 1})
            newest = reached
            numbers = [event.number for event in queue.events(ws, run)]
            assert numbers == list(range(1, len(numbers) + 1))
            # killed after its last commit, the run had ended: give the next round something to do
            if not done and queue.show(ws, run).state == "succeeded":
                with ws.db.write() as connection:
                    connection.exec_driver_sql("UPDATE runs SET state = 'queued'")

    writes = each_write(work, check)
    assert writes > 25
    assert newest > 5
    place = tmp_path / "w" / "runs" / run / "checkpoints"
    assert len(list(place.iterdir())) <= 3  # nothing piles up: two checkpoints and at most one unfinished
