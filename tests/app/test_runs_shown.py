"""`tuneloop runs` as a person reads it: each kind and state in words, and how far a run is."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from tuneloop.app import wiring
from tuneloop.app.cli.main import main
from tuneloop.app.cli.runs.told import KINDS, STATES
from tuneloop.records import Progress
from tuneloop.runs import queue
from tuneloop.runs.run import State
from tuneloop.store import Workspace

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.find(tmp_path / "w") as opened:
        yield opened


def said(capsys: Capture, *words: str) -> str:
    assert main([*words, "-w", "w"]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_every_kind_and_state_has_words() -> None:
    assert set(KINDS) == set(re.findall(r'^ +"(\w+)": _\w+,$', inspect.getsource(wiring.work), re.MULTILINE))
    assert set(STATES) == {*get_args(State), "interrupted"}


@pytest.mark.parametrize(
    ("language", "line", "asked"),
    [
        ("en", "run-1 prepare running", "clean 1,200/5,000 records"),
        ("zh", "run-1 数据准备 运行中", "清洗 1,200/5,000 条记录"),
    ],
)
def test_a_run_says_how_far_it_is_until_it_is_over(
    ws: Workspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch, language: str, line: str, asked: str
) -> None:
    monkeypatch.setenv("TUNELOOP_LANG", language)
    monkeypatch.setenv("COLUMNS", "200")
    with queue.here(ws, "prepare", {}) as lease:
        lease.watch(Progress("clean", 1200, 5000, "records"))
        lease.pause()
    assert asked in said(capsys, "runs")
    assert asked in said(capsys, "show", "run-1")
    queue.resume(ws, "run-1")
    with queue.claim(ws, "run-1") as lease:  # type: ignore[union-attr]
        assert line in said(capsys, "runs")
        lease.watch(Progress("commit", 5000, 5000, "records"))
    over = said(capsys, "runs")
    assert "5,000" not in over
    assert str(STATES["succeeded"]) in over


def test_runs_are_cancelled_paused_and_resumed_by_name(ws: Workspace, capsys: Capture) -> None:
    queue.submit(ws, "merge", {"versions": []})
    assert said(capsys, "runs", "pause", "run-1") == "run-1: paused"
    assert said(capsys, "runs", "cancel", "run-1") == "run-1: cancelled"
    assert main(["runs", "resume", "run-1", "-w", "w"]) == 1
    assert "run-1 is cancelled" in capsys.readouterr().err
    assert main(["runs", "pause", "run-2", "-w", "w"]) == 1
    assert "run-1" in capsys.readouterr().err
