"""The queue in one process: order, slots, states, events, curves."""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tuneloop.errors import ConflictError, NotFoundError
from tuneloop.runs import Lease, queue
from tuneloop.store import Workspace, settings

HEAVY = {"cpu": 2}


@pytest.fixture
def ws(tmp_path: Path) -> Any:
    with Workspace.find(tmp_path / "w") as ws:
        yield ws


def claimed(ws: Workspace, run: str | None = None) -> Lease:
    lease = queue.claim(ws, run)
    assert lease is not None
    return lease


def kinds(ws: Workspace, run: str) -> list[str]:
    return [event.kind for event in queue.events(ws, run)]


def test_a_run_from_submission_to_its_result(ws: Workspace) -> None:
    run = queue.submit(ws, kind="train", spec={"data": "data-1", "中": "文"}, needs=HEAVY)
    assert run == "run-1"
    assert queue.show(ws, run).state == "queued"
    lease = claimed(ws)
    assert (lease.run, lease.attempt, lease.kind, lease.spec) == (run, 1, "train", {"data": "data-1", "中": "文"})
    now = queue.show(ws, run)
    assert (now.state, now.active, now.slot) == ("running", True, "heavy")
    lease.finish({"model": "model-1"})
    done = queue.show(ws)
    assert (done.state, done.result, done.active) == ("succeeded", {"model": "model-1"}, False)
    assert done.started is not None
    assert done.finished is not None
    assert kinds(ws, run) == ["queued", "started", "succeeded"]
    assert queue.claim(ws) is None


def test_heavy_and_light_slots_fill_in_order_and_the_rest_waits(ws: Workspace) -> None:
    submitted = [queue.submit(ws, "train", {}, needs) for needs in (HEAVY, HEAVY, {}, {"gpu": 1}, {}, {"cpu": 1})]
    leases = []
    while lease := queue.claim(ws):
        leases.append(lease)
    assert [lease.run for lease in leases] == [submitted[0], submitted[2], submitted[4]]
    leases[0].finish()
    assert claimed(ws).run == submitted[1]
    leases[1].fail(ValueError("x"))
    assert claimed(ws).run == submitted[5]
    assert queue.claim(ws) is None


def test_the_number_of_slots_is_a_setting(ws: Workspace) -> None:
    settings.set_setting(ws, "run_slots", {"heavy": 2})
    for _ in range(3):
        queue.submit(ws, "train", {}, HEAVY)
    assert claimed(ws).run == "run-1"
    assert claimed(ws).run == "run-2"
    assert queue.claim(ws) is None


def test_a_named_run_waits_for_its_slot_and_for_those_who_waited_before(ws: Workspace) -> None:
    first, second, third = (queue.submit(ws, "train", {}, HEAVY) for _ in range(3))
    lease = claimed(ws, second)  # nobody waits for the first one: it doesn't hold others up
    assert queue.claim(ws, first) is None
    assert queue.claim(ws, third) is None
    lease.finish()
    assert queue.claim(ws, third) is None  # the first one's process came before
    assert claimed(ws, first).run == first


def test_waiting_for_a_slot_ends_when_it_becomes_free(ws: Workspace) -> None:
    one, two = queue.submit(ws, "train", {}, HEAVY), queue.submit(ws, "train", {}, HEAVY)
    lease = claimed(ws, one)
    threading.Timer(0.3, lease.finish).start()
    began = time.monotonic()
    waited = queue.claim(ws, two, wait=20)
    assert waited is not None
    assert 0.2 < time.monotonic() - began < 10


def test_a_run_at_work_or_at_its_end_cannot_be_claimed(ws: Workspace) -> None:
    run = queue.submit(ws, "train", {})
    lease = claimed(ws, run)
    with pytest.raises(ConflictError, match="is held by process"):
        queue.claim(ws, run)
    lease.finish()
    with pytest.raises(ConflictError, match="is succeeded"):
        queue.claim(ws, run)
    with pytest.raises(NotFoundError, match="Did you mean 'run-1'"):
        queue.claim(ws, "run-11")


def test_unknown_runs_are_sentences(ws: Workspace) -> None:
    with pytest.raises(NotFoundError, match="tuneloop train"):
        queue.show(ws)
    for ask in (queue.show, queue.cancel, queue.pause, queue.resume):
        with pytest.raises(NotFoundError, match="There are no runs yet"):
            ask(ws, "run-1")


def test_a_queued_run_is_cancelled_or_paused_at_once(ws: Workspace) -> None:
    one, two = queue.submit(ws, "train", {}), queue.submit(ws, "train", {})
    assert queue.cancel(ws, one).state == "cancelled"
    assert queue.pause(ws, two).state == "paused"
    assert queue.claim(ws) is None
    assert queue.resume(ws, two).state == "queued"
    assert claimed(ws).run == two
    with pytest.raises(ConflictError, match="is cancelled"):
        queue.resume(ws, one)
    assert queue.cancel(ws, one).state == "cancelled"
    with pytest.raises(ConflictError, match="is cancelled already"):
        queue.pause(ws, one)


def test_a_running_run_is_asked_and_obeys(ws: Workspace) -> None:
    run = queue.submit(ws, "train", {})
    lease = claimed(ws)
    assert lease.should_stop() == ""
    assert queue.pause(ws, run).state == "pausing"
    assert lease.should_stop() == "pause"
    lease.pause()
    assert queue.show(ws, run).state == "paused"
    queue.resume(ws, run)
    lease = claimed(ws)
    assert (lease.attempt, lease.should_stop()) == (2, "")
    queue.pause(ws, run)
    assert queue.cancel(ws, run).state == "cancelling"  # the stronger wish wins
    assert queue.pause(ws, run).state == "cancelling"
    assert lease.should_stop() == "cancel"
    lease.cancel()
    assert queue.show(ws, run).state == "cancelled"
    assert kinds(ws, run)[-4:] == ["started", "pausing", "cancelling", "cancelled"]


def test_a_failed_run_keeps_its_sentence_or_its_traceback_and_can_be_resumed(ws: Workspace) -> None:
    run = queue.submit(ws, "train", {})
    claimed(ws).fail(NotFoundError("no such file", do="Look again"))
    failed = queue.show(ws, run)
    assert failed.state == "failed"
    assert failed.error is not None
    assert failed.error["code"] == "not_found"
    queue.resume(ws, run)
    with pytest.raises(ZeroDivisionError), claimed(ws) as lease:
        lease.metric(1, loss=1 / 0)
    error = queue.show(ws, run).error
    assert error is not None
    assert error["code"] == "bug"
    assert "ZeroDivisionError" in error["traceback"]
    queue.resume(ws, run)
    assert queue.show(ws, run).error is None


def test_a_lease_as_a_context_ends_well_and_a_person_who_stops_it_pauses_it(ws: Workspace) -> None:
    with queue.here(ws, "prepare", {}) as lease:
        lease.event("note", rows=3)
    assert queue.show(ws).state == "succeeded"
    with pytest.raises(KeyboardInterrupt), queue.here(ws, "train", {}) as lease:
        raise KeyboardInterrupt
    assert queue.show(ws).state == "paused"
    lease = queue.here(ws, "train", {})
    queue.cancel(ws, lease.run)
    with pytest.raises(KeyboardInterrupt), lease:
        raise KeyboardInterrupt
    assert queue.show(ws).state == "cancelled"


def test_a_run_started_here_takes_a_slot_and_is_given_to_nobody(ws: Workspace) -> None:
    queue.submit(ws, "train", {}, HEAVY)
    lease = queue.here(ws, "train", {"a": 1}, HEAVY)
    assert queue.show(ws, lease.run).here
    assert queue.claim(ws) is None
    with pytest.raises(ConflictError, match="is held by process"):
        queue.claim(ws, lease.run)
    lease.pause()
    assert claimed(ws).run == "run-1"


def test_a_paused_run_goes_on_here(ws: Workspace) -> None:
    run = queue.submit(ws, "train", {"a": 1}, HEAVY)
    claimed(ws).pause()
    lease = queue.here(ws, "train", {}, run_id=run)
    assert (lease.run, lease.attempt, lease.spec) == (run, 2, {"a": 1})
    with pytest.raises(ConflictError, match="is held"):
        queue.here(ws, "train", {}, run_id=run)


def test_events_are_numbered_per_run_and_can_be_followed_from_a_number(ws: Workspace) -> None:
    one, two = queue.here(ws, "train", {}), queue.here(ws, "train", {})
    for number in range(3):
        one.event("step", done=number)
        two.event("step", done=number)
    found = list(queue.events(ws, one.run, after=2))
    assert [(event.number, event.data["done"]) for event in found] == [(3, 0), (4, 1), (5, 2)]

    def work() -> None:
        for number in range(5):
            time.sleep(0.02)
            one.event("more", done=number)
        one.finish()

    worker = threading.Thread(target=work)
    worker.start()
    told = [event.kind for event in queue.events(ws, one.run, after=5, follow=True)]
    worker.join()
    assert told == ["more"] * 5 + ["succeeded"]


def test_events_from_many_threads_have_no_gap(ws: Workspace) -> None:
    lease = queue.here(ws, "train", {})
    numbers: list[int] = []

    def tell() -> None:
        for _ in range(20):
            numbers.append(lease.event("tick"))

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(3, 83))
    assert [event.number for event in queue.events(ws, lease.run)] == list(range(1, 83))


def test_a_point_of_a_curve_is_unique_and_the_later_one_counts(ws: Workspace) -> None:
    lease = queue.here(ws, "train", {})
    lease.metric(1, loss=3.0, rate=0.1)
    lease.metric(2, loss=2.0)
    lease.metric(2, loss=2.5)
    lease.metric(3, loss=math.nan)
    points = queue.metrics(ws, lease.run, ["loss"])
    assert [(point.step, point.value) for point in points[:2]] == [(1, 3.0), (2, 2.5)]
    assert math.isnan(points[2].value)
    assert [point.name for point in queue.metrics(ws, lease.run)] == ["loss", "rate", "loss", "loss"]
    assert [point.step for point in queue.metrics(ws, lease.run, after=2)] == [3]


def test_lists_are_newest_first_and_can_be_narrowed(ws: Workspace) -> None:
    queue.submit(ws, "train", {})
    queue.submit(ws, "evaluate", {}, scenario="service")
    claimed(ws, "run-1").finish()
    assert [run.id for run in queue.list(ws)] == ["run-2", "run-1"]
    assert [run.id for run in queue.list(ws, kind="train")] == ["run-1"]
    assert [run.id for run in queue.list(ws, states=["queued"])] == ["run-2"]
    assert [run.id for run in queue.list(ws, scenario="main")] == ["run-1"]


def test_writes_after_the_end_are_refused(ws: Workspace) -> None:
    lease = queue.here(ws, "train", {})
    lease.finish()
    for write in (lambda: lease.event("late"), lambda: lease.metric(1, loss=1.0), lease.should_stop, lease.pause):
        with pytest.raises(ConflictError, match="no longer held"):
            write()
    assert kinds(ws, lease.run) == ["queued", "started", "succeeded"]
