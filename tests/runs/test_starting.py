"""What a server starts of the queue: each run once, in order, within the slots, and what a crash left behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update
from tests.store.test_postgres import folder, server

from tuneloop.runs import process, queue, starting
from tuneloop.store import Workspace, settings
from tuneloop.store.database import now
from tuneloop.store.tables import runs

__all__ = ["folder", "server"]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def ws(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
    place = request.getfixturevalue("folder") if request.param == "postgresql" else tmp_path / "w"
    with Workspace.find(place) as found:
        yield found


def submit(ws: Workspace, slot: str = "light") -> str:
    return queue.submit(ws, "train", {}, slot=slot)  # type: ignore[arg-type]


def dead_owner() -> dict[str, object]:
    return process.identity() | {"pid": 2**22 + 7}


def test_the_oldest_start_as_far_as_slots_are_free(ws: Workspace) -> None:
    names = [submit(ws) for _ in range(4)] + [submit(ws, "heavy") for _ in range(2)]
    assert starting.next_to_start(ws) == [*names[:2], names[4]]
    assert starting.next_to_start(ws) == []  # their processes are on their way
    leases = [queue.claim(ws, name) for name in (names[0], names[1], names[4])]
    assert starting.next_to_start(ws) == []
    for lease in leases:
        assert lease is not None
        lease.finish()
    assert starting.next_to_start(ws) == [*names[2:4], names[5]]


def test_several_servers_start_each_run_once(ws: Workspace) -> None:
    settings.set_setting(ws, "run_slots", {"light": 30})
    names = {submit(ws) for _ in range(20)}
    gate, chosen = threading.Barrier(6), []

    def serve() -> None:
        gate.wait()
        for _ in range(3):
            chosen.extend(starting.next_to_start(ws))

    threads = [threading.Thread(target=serve) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(chosen) == sorted(names)


def test_a_run_whose_starter_brings_its_own_process_is_left_to_it(ws: Workspace) -> None:
    with ws.db.write() as connection:
        run = queue.add(connection, "train", {}, {})
        starting.reserve(connection, run)
    assert starting.next_to_start(ws) == []
    with ws.db.write() as connection:  # it never came
        connection.execute(update(runs).values(waiting_until=now()))
    assert starting.next_to_start(ws) == [run]


def test_a_run_in_a_notebook_is_theirs_and_one_that_lives_is_left_alone(ws: Workspace) -> None:
    mine = queue.here(ws, "train", {})
    other = queue.claim(ws, submit(ws))
    assert other is not None
    assert starting.next_to_start(ws) == []
    with ws.db.write() as connection:
        connection.execute(update(runs).values(owner=dead_owner()))
    assert starting.next_to_start(ws) == [other.run]
    assert mine.run != other.run


def test_what_a_crash_left_is_started_again_or_ended_as_asked(ws: Workspace) -> None:
    leases = [queue.claim(ws, submit(ws)) for _ in range(2)]
    first, second = (one.run for one in leases if one is not None)
    queue.cancel(ws, second)
    with ws.db.write() as connection:
        connection.execute(update(runs).values(owner=dead_owner()))
    assert starting.next_to_start(ws) == [first]
    assert queue.show(ws, second).state == "cancelled"


def test_a_run_that_kills_its_process_again_and_again_is_given_up(ws: Workspace) -> None:
    run = submit(ws)
    for attempt in range(1, starting.MOST_DEATHS + 1):
        assert starting.next_to_start(ws) == [run], attempt
        assert queue.claim(ws, run) is not None
        with ws.db.write() as connection:
            connection.execute(update(runs).values(owner=dead_owner()))
    assert starting.next_to_start(ws) == []
    ended = queue.show(ws, run)
    assert ended.state == "failed"
    assert ended.error is not None
    assert ended.error["message"].startswith("The run's process died 10 times")
    assert [one.kind for one in queue.events(ws, run)][-1] == "failed"


def test_a_run_that_gets_further_is_not_given_up(ws: Workspace) -> None:
    run = submit(ws)
    for attempt in range(1, starting.MOST_DEATHS + 3):
        assert starting.next_to_start(ws) == [run], attempt
        lease = queue.claim(ws, run)
        assert lease is not None
        place = lease.new_checkpoint()
        (place / "weights").write_text(str(attempt))
        lease.commit_checkpoint(place, attempt)
        lease._stop_renewing()
        with ws.db.write() as connection:
            connection.execute(update(runs).values(owner=dead_owner()))
    assert os.getpid() != dead_owner()["pid"]
