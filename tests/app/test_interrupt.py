"""Ctrl-C on `tuneloop train` keeps a checkpoint, and `--resume` goes on from it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tuneloop.app.cli.main import main
from tuneloop.runs import queue
from tuneloop.store import Workspace, models

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="a test process cannot send Ctrl-C to one child on Windows"),
]
STEPS = 1000
"""Many more than are done before the stop arrives, also on a machine whose cores are taken."""


def wait_for(condition: object, seconds: float = 120) -> None:
    give_up = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < give_up
        time.sleep(0.1)


def _hear_ctrl_c() -> None:
    """What a shell puts into the background is deaf to Ctrl-C, and so are its children: these tests, perhaps."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_keeps_a_checkpoint_and_resume_goes_on(tmp_path: Path, tiny_base: Path) -> None:
    rows = [{"question": f"What is {a} plus {b}?", "answer": str(a + b)} for a in range(6) for b in range(6)]
    (tmp_path / "sums.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert main(["prepare", "sums.jsonl", "--json"]) == 0
    settings = [
        "--base",
        str(tiny_base),
        "--set",
        f"max_steps={STEPS}",
        "--set",
        "epochs=1000",
        "--set",
        "eval_every=0",
    ]
    command = [sys.executable, "-m", "tuneloop", "train", *settings]
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_hear_ctrl_c,
    )
    with Workspace.find(tmp_path) as ws:

        def begun() -> bool:
            runs = queue.list(ws, kind="train")
            return bool(runs) and len(queue.metrics(ws, runs[0].id, ["loss"])) > 3

        wait_for(begun)
        os.kill(child.pid, signal.SIGINT)
        out, err = child.communicate(timeout=120)
        assert child.returncode == 130, (out, err)
        assert "Go on with: tuneloop train --resume" in err
        run = queue.list(ws, kind="train")[0]
        assert run.state == "paused"
        assert [event.kind for event in queue.events(ws, run.id)][-3:] == ["pausing", "checkpoint", "paused"]
        reached = queue.metrics(ws, run.id, ["loss"])[-1].step
        assert 3 < reached < STEPS

        assert main(["train", "--resume", "--json"]) == 0
        steps = [point.step for point in queue.metrics(ws, run.id, ["loss"])]
        assert steps == list(range(1, STEPS + 1))
        kinds = [event.kind for event in queue.events(ws, run.id)]
        assert "resumed_from" in kinds
        assert models.model(ws).run == run.id
        assert main(["train", "--resume"]) == 1, "there is nothing left to resume"
