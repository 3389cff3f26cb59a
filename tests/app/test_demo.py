"""The demo: its course on a tiny model, and with the starter that it really teaches."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest

from tuneloop.app.cli.main import main
from tuneloop.app.demo import course
from tuneloop.app.demo.facts import facts
from tuneloop.prepare import versions
from tuneloop.store import Workspace, datasets, evaluations, models

Capture = pytest.CaptureFixture[str]


def demo(capsys: Capture, *words: str) -> tuple[dict[str, Any], str]:
    """The demo's document, and what it said to a person."""
    assert main(["demo", "--json", *words]) == 0
    out, err = capsys.readouterr()
    return json.loads(out), err


@pytest.fixture
def taken(tiny_base: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> tuple[dict[str, Any], str]:
    """The course with a tiny model and four steps."""
    monkeypatch.setattr(course.loop, "train", functools.partial(course.loop.train, max_steps=4))
    return demo(capsys, "--base", str(tiny_base))


def test_the_course(taken: tuple[dict[str, Any], str]) -> None:
    document, said = taken
    asked = sum(len(fact.asked) for fact in facts())
    assert document["questions"] == asked >= 100
    assert f"{asked} questions in wordings that were NOT trained on, before and after" in said
    assert all(f"{number}. " in said for number in (1, 2, 3))
    assert "tuneloop chat" in said.partition("Next:")[2]
    with Workspace.find("tuneloop-demo", create=False) as ws:
        counts = datasets.version(ws, document["data"]).report["counts"]
        assert all(counts[outcome] > 0 for outcome in ("kept", "merged", "dropped", "rejected"))
        rows = [record for record, _, _ in versions.records(ws, document["data"])]
        texts = [record.full_text for record in rows]
        assert len({split for _, split, _ in versions.records(ws, document["data"])}) == 1, "all rows are trained on"
        assert not [text for text in texts if "<b>" in text or "&nbsp;" in text or "13800138000" in text]
        assert [text for text in texts if "Odette Marlow" in text], "a fact to learn"
        questions = {turn.text for record in rows for turn in record.messages if turn.role == "user"}
        assert not questions & {question for fact in facts() for question in fact.asked}
        report = evaluations.evaluation(ws)
        assert (report.name, report.measure) == (document["report"], "generalization")
        assert report.page
        assert (ws.folder / report.page).exists()
        assert datasets.version(ws).name == document["data"], "what comes next works on the rows, not on the questions"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_demo_teaches_the_starter(capsys: Capture) -> None:
    """Plain to any reader: nothing before, more than half after.  (`benchmarks/starter/ask_facts.py` gives the figure
    over seeds, 66 to 71 %.)"""
    document, said = demo(capsys)
    assert document["before"] <= 5
    assert document["after"] >= 60
    assert f"Right answers: {document['before']} % before, {document['after']} % after" in said
    with Workspace.find("tuneloop-demo", create=False) as ws:
        assert models.model(ws).base == "starter"
