"""A run that was killed and went on computes the numbers of one that was never interrupted, bit for bit."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tuneloop.errors import StoppedError
from tuneloop.runs import queue
from tuneloop.store import Workspace
from tuneloop.store.models import models
from tuneloop.train import TrainRecipe, examples, session, train

from .conftest import MakeVersion, facts

RECIPES: dict[str, dict[str, Any]] = {
    "lora": {"tuner": "lora", "epochs": 5, "eval_every": 9, "checkpoint_seconds": 0.3},
    "full": {"tuner": "full", "epochs": 5, "eval_every": 9, "checkpoint_seconds": 0.3},
    "muon": {"tuner": "full", "optimizer": "muon", "epochs": 5, "eval_every": 0, "checkpoint_seconds": 0.3},
}


class Nursery:
    """The process that makes the processes to be killed."""

    def __init__(self) -> None:
        command = [sys.executable, str(Path(__file__).with_name("nursery.py"))]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._read() == "ready"

    def start(self, ws: Workspace, run: str) -> int:
        return int(self._ask(f"start\t{ws.folder}\t{run}"))

    def wait(self) -> int:
        """The exit code of the process started last; minus the signal that ended it."""
        return int(self._ask("wait"))

    def close(self) -> None:
        self.process.communicate()

    def _ask(self, order: str) -> str:
        assert self.process.stdin
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        return self._read()

    def _read(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


def curve(ws: Workspace, run: str) -> list[tuple[int, str, float]]:
    told = queue.metrics(ws, run, ["loss", "validation_loss", "gradient_norm", "learning_rate"])
    return [(metric.step, metric.name, metric.value) for metric in told]


def submit(ws: Workspace, make_version: MakeVersion, base: Path, name: str) -> str:
    rows = facts()
    version = make_version([(r, "validation" if n % 8 == 0 else "train", 1.0, "f.jsonl") for n, r in enumerate(rows)])
    recipe = {"base": str(base), "precision": "float32", "seed": 5, **RECIPES[name]}
    return queue.submit(ws, "train", {"data": version.name, "train": recipe})


def wait_for_checkpoint(ws: Workspace, run: str) -> None:
    while not any(event.kind in ("checkpoint", "succeeded") for event in queue.events(ws, run)):
        time.sleep(0.02)


def survive(
    nursery: Nursery, ws: Workspace, make_version: MakeVersion, base: Path, name: str, kills: int, seed: int
) -> None:
    """Kill a run `kills` times at instants drawn uniformly over the wall time of an uninterrupted one, then compare."""
    straight = submit(ws, make_version, base, name)
    began = time.monotonic()
    nursery.start(ws, straight)
    assert nursery.wait() == 0
    whole = time.monotonic() - began
    wanted = models(ws)[-1]
    draw = random.Random(seed)
    done = resumed = 0
    while done < kills:
        run = submit(ws, make_version, base, name)
        while queue.show(ws, run).state != "succeeded":
            process = nursery.start(ws, run)
            if done < kills:
                if done == kills - 1:  # one for certain after there is something to go on from
                    wait_for_checkpoint(ws, run)
                else:
                    time.sleep(draw.uniform(0, whole))
                os.kill(process, signal.SIGKILL)
                done += 1
            nursery.wait()
            for made in models(ws):  # whatever is visible is whole
                assert (ws.folder / made.folder / "recipe.yaml").is_file()
        assert curve(ws, run) == curve(ws, straight)
        made = next(made for made in models(ws) if made.run == run)
        assert (made.id, made.metrics) == (wanted.id, wanted.metrics)
        resumed += sum(event.kind == "resumed_from" for event in queue.events(ws, run))
    assert resumed >= 1


@pytest.mark.parametrize("name", RECIPES)
def test_a_stopped_run_goes_on_to_the_same_numbers(
    ws: Workspace, make_version: MakeVersion, base: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped politely every 13 steps, in this process."""
    monkeypatch.setattr(session, "PERIOD", 0.0)
    straight = submit(ws, make_version, base, name)
    recipe = TrainRecipe(**queue.show(ws, straight).spec["train"])
    whole = train(None, recipe, workspace=ws)
    lease, stops = queue.here(ws, "train", {}), 0
    while True:
        looks = itertools.count()
        monkeypatch.setattr(lease, "should_stop", lambda looks=looks: "pause" if next(looks) == 13 else "")
        try:
            made = train(None, recipe, workspace=ws, lease=lease)
            break
        except StoppedError:
            stops += 1
        assert queue.show(ws, lease.run).state == "paused"
        lease = queue.here(ws, "train", {}, run_id=lease.run)
    lease.finish()
    assert stops == 4
    assert (made.id, made.metrics) == (whole.id, whole.metrics)
    assert curve(ws, lease.run) == curve(ws, str(whole.run))


def test_a_run_is_stopped_while_its_records_are_encoded(
    ws: Workspace, make_version: MakeVersion, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "PERIOD", 0.0)
    monkeypatch.setattr(examples, "BATCH", 8)
    run = submit(ws, make_version, base, "full")
    recipe = TrainRecipe(**queue.show(ws, run).spec["train"])
    lease, seen = queue.here(ws, "train", {}), []
    looks = itertools.count()
    monkeypatch.setattr(lease, "should_stop", lambda: "pause" if next(looks) == 1 else "")
    with pytest.raises(StoppedError, match="stopped at step 0; nothing was trained yet"):
        train(None, recipe, workspace=ws, lease=lease, progress=seen.append)
    assert [(one.stage, one.done, one.unit) for one in seen] == [("encode", 8, "records"), ("encode", 16, "records")]
    assert queue.show(ws, lease.run).state == "paused"
    monkeypatch.undo()
    again = queue.here(ws, "train", {}, run_id=lease.run)
    made = train(None, recipe, workspace=ws, lease=again)
    again.finish()
    assert (made.id, made.metrics) == ((whole := train(None, recipe, workspace=ws)).id, whole.metrics)


def test_killed_runs_go_on_to_the_same_numbers(
    nursery: Nursery, ws: Workspace, make_version: MakeVersion, base: Path
) -> None:
    survive(nursery, ws, make_version, base, "lora", kills=4, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "kills"), [("lora", 7), ("full", 7), ("muon", 6)])
def test_twenty_kills(
    nursery: Nursery, ws: Workspace, make_version: MakeVersion, base: Path, name: str, kills: int
) -> None:
    survive(nursery, ws, make_version, base, name, kills, seed=2)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_hundred_kills(nursery: Nursery, ws: Workspace, make_version: MakeVersion, base: Path) -> None:
    survive(nursery, ws, make_version, base, "full", kills=100, seed=3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_pauses(
    nursery: Nursery, ws: Workspace, make_version: MakeVersion, base: Path, number: int
) -> None:
    run = submit(ws, make_version, base, "full")
    process = nursery.start(ws, run)
    while not queue.metrics(ws, run, ["loss"]):
        time.sleep(0.05)
    os.kill(process, number)
    assert nursery.wait() == 1
    assert queue.show(ws, run).state == "paused"
    assert not models(ws)
    queue.resume(ws, run)
    nursery.start(ws, run)
    assert nursery.wait() == 0
    resumed = [event.data["step"] for event in queue.events(ws, run) if event.kind == "resumed_from"]
    assert resumed
    assert resumed[0] > 0


def test_an_attempt_that_died_after_its_last_row_is_not_done_again(
    ws: Workspace, make_version: MakeVersion, base: Path
) -> None:
    make_version(facts())
    recipe = TrainRecipe(base=str(base), max_steps=2, precision="float32")
    lease = queue.here(ws, "train", {})
    made = train(None, recipe, workspace=ws, lease=lease)
    lease.fail(RuntimeError("killed before the run could end"))
    again = queue.here(ws, "train", {}, run_id=lease.run)
    assert train(None, recipe, workspace=ws, lease=again) == made
    again.finish()
    assert models(ws) == [made]
