"""The benchmarks' own arithmetic: speeds without the first steps, ratios inside rounds, loud runs left out."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MACHINE = {"processor": "p", "cores": 2, "memory_gb": 1, "units": [], "torch": "2", "python": "3", "tuneloop": "x"}


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def run(program: str, number: int, seconds: float, others: float = 0.0, losses: tuple[float, ...] = (2.0, 1.0)) -> Any:
    """Four steps of 100 tokens; the first two take ten times as long."""
    ends = [10 * seconds, 20 * seconds, 21 * seconds, 22 * seconds]
    told = {"ends": ends, "tokens": [100] * 4, "first_step": 1.0, "losses": list(losses), "versions": {"torch": "2"}}
    row = {"cell": "m25-lora-float32", "program": program, "round": f"r-{number}", "told": told, "machine": MACHINE}
    return row | {"returned": 0, "others": others, "memory_mb": 1000.0 / seconds}


def test_the_first_steps_are_no_part_of_a_speed() -> None:
    from harness import tables

    assert tables.speed(run("ours", 0, seconds=0.5)) == pytest.approx(200)
    assert tables.speed(run("ours", 0, seconds=0.5) | {"returned": 1}) is None


def test_the_reference_is_part_of_a_speed() -> None:
    """Scored for 800 tokens in 4 s, of which the 200 that are timed have a quarter: 1 s beside the step's own 1."""
    from harness import tables

    row = run("ours", 0, seconds=0.5)
    row["told"]["references"] = {"seconds": 4.0, "tokens": 800}
    assert tables.speed(row) == pytest.approx(100)


def test_ratios_are_taken_inside_a_round_and_loud_runs_are_left_out() -> None:
    from harness import tables

    rows = [
        *(run("ours", number, seconds) for number, seconds in enumerate([1.0, 2.0, 4.0])),
        *(run("trl", number, seconds, losses=(2.0, 1.5)) for number, seconds in enumerate([3.0, 8.0, 12.0])),
        run("trl", 9, 0.001, others=0.5),
    ]
    table = tables.train_speed(rows)
    trl = next(line for line in table.splitlines() if "TRL" in line)
    assert "3.00 ×" in trl
    assert "0.2500" in trl  # mean of |2 - 2| and |1 - 1.5|
    assert "7 runs, 1 dropped" in table


def test_generated_rows_repeat_as_often_as_is_said(tmp_path: Path) -> None:
    from harness import generated

    counts = generated.write(tmp_path / "rows.jsonl", 4_000)
    assert counts["exact"] / 4_000 == pytest.approx(generated.EXACT, abs=0.02)
    assert counts["near"] / 4_000 == pytest.approx(generated.NEAR, abs=0.02)
    lines = Counter((tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines())
    assert len(lines) == pytest.approx(4_000 - counts["exact"], abs=3)
    sizes = [len(json.loads(line)["messages"][1]["content"]) for line in lines]
    assert 120 < sum(sizes) / len(sizes) < 220


def test_a_run_is_measured_with_its_children(tmp_path: Path) -> None:
    import sys

    from harness import measure

    child = "import time; held = bytearray(60_000_000); time.sleep(0.5)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}]); sys.exit(3)"
    found = measure.run("test", [sys.executable, "-c", parent], threads=1, log=tmp_path / "log")
    assert found.returned == 3
    assert found.memory_mb > 60
    assert found.told == {}


DETACHED = r"""
import subprocess, sys, time
work = "import time\nwhile time.process_time() < 0.5: pass\nprint(flush=True)\ntime.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", work], start_new_session=True, stdout=subprocess.PIPE)
child.stdout.readline()
time.sleep(1)
child.kill()
"""


def test_a_worker_with_a_session_of_its_own_counts_as_ours(tmp_path: Path) -> None:
    from harness import measure

    found = measure.run("detached", [sys.executable, "-c", DETACHED], threads=1, log=tmp_path / "log")
    assert found.returned == 0
    assert found.processor_seconds > 0.3


def test_real_tokens_are_counted_in_both_forms_of_a_mask() -> None:
    from peers import clock

    flat = torch.tensor([[1, 1, 0], [1, 2, 2]])
    assert clock.real_tokens(flat) == 5
    added = torch.full((1, 1, 4, 4), float("-inf"))
    for query, key in [(0, 0), (1, 0), (1, 1), (2, 2)]:  # two tokens, one of another record, one of padding
        added[0, 0, query, key] = 0.0
    assert clock.real_tokens(added) == 3
