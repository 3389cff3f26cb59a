"""Before a run: the estimate, a warning, a refusal. After it: the error. Out of memory: what to change."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.train.conftest import MakeVersion, facts

from tuneloop.errors import TuneloopError
from tuneloop.models.memory import Work
from tuneloop.runs import queue
from tuneloop.store import Workspace
from tuneloop.train import TrainRecipe, fitting, plan, train
from tuneloop.train.objective import objectives
from tuneloop.train.objectives.sft import SupervisedFineTuning

RECIPE: dict[str, Any] = {"max_steps": 2, "precision": "float32", "tuner": "full", "general": "none"}


@pytest.fixture
def recipe(base: Path) -> TrainRecipe:
    return TrainRecipe(base=str(base), **RECIPE)


def events(ws: Workspace, kind: str) -> list[dict[str, Any]]:
    return [dict(event.data) for event in queue.events(ws, "run-1") if event.kind == kind]


def test_the_error_stands_beside_the_estimate(
    ws: Workspace, make_version: MakeVersion, recipe: TrainRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A model this small is trained in memory that the tests before it have freed: the process need not grow at all.
    monkeypatch.setattr(fitting.Growth, "peak", lambda growth: 40_000_000)
    train(make_version(facts()), recipe, workspace=ws)
    (found,) = events(ws, "memory")
    assert found["estimated"] == sum(found["parts"].values())
    assert found["measured"] == 40_000_000
    assert found["error"] == pytest.approx(found["estimated"] / found["measured"] - 1)
    assert found["text"]["en"].startswith("memory: ")
    assert "实测" in found["text"]["zh"]


def test_no_error_is_stated_where_nothing_was_measured(
    ws: Workspace, make_version: MakeVersion, recipe: TrainRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting.Growth, "peak", lambda growth: 0)
    train(make_version(facts()), recipe, workspace=ws)
    assert events(ws, "memory") == []


def test_the_plan_tells_it(ws: Workspace, make_version: MakeVersion, recipe: TrainRecipe) -> None:
    resolved = plan(make_version(facts()), recipe, workspace=ws)
    memory, time = resolved.foreseen
    assert re.search(r"Memory: about \d+ MB \(buffers of the process \d+ MB", memory.en)
    assert "内存：约" in memory.zh
    assert re.search(r"about \d+ s for [\d,]+ tokens", time.en)
    assert set(resolved.as_dict()) == {"train", "origins"}  # what a run keeps can be repeated elsewhere


def test_what_cannot_fit_is_refused_before_training(
    ws: Workspace, make_version: MakeVersion, recipe: TrainRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "free", lambda device: 50_000_000)
    version = make_version(facts())
    with pytest.raises(TuneloopError, match=r"training is estimated to take \d+ MB .* 50 MB are free") as refused:
        train(version, recipe, workspace=ws)
    assert "Change one of: " in str(refused.value)
    assert fitting.SWITCH in str(refused.value)
    monkeypatch.setenv(fitting.SWITCH, "off")
    assert train(version, recipe, workspace=ws).metrics["steps"] == 2


def test_what_may_not_fit_is_warned_of(
    ws: Workspace, make_version: MakeVersion, recipe: TrainRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "free", lambda device: 125_000_000)
    train(make_version(facts()), recipe, workspace=ws)
    texts = [event["text"]["en"] for event in events(ws, "advice") if event["topic"] == "memory"]
    assert len(texts) == 1
    assert "125 MB are free" in texts[0]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[enforce fail at alloc_cpu.cpp:125] DefaultCPUAllocator: can't allocate memory: you tried to"),
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    ],
    ids=["processor", "python", "card"],
)
def test_out_of_memory_says_what_to_change(
    ws: Workspace,
    make_version: MakeVersion,
    recipe: TrainRecipe,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def fails(self: Any, lm: Any, batch: Any) -> Any:
        raise error

    monkeypatch.setattr(SupervisedFineTuning, "loss", fails)
    with pytest.raises(TuneloopError, match=r"out of memory after taking .* was estimated to take .*MB") as told:
        train(make_version(facts()), recipe, workspace=ws)
    assert "takes" in told.value.do
    assert told.value.__cause__ is error


def test_other_errors_stay_what_they_are(
    ws: Workspace, make_version: MakeVersion, recipe: TrainRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: Any, lm: Any, batch: Any) -> Any:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(SupervisedFineTuning, "loss", fails)
    with pytest.raises(RuntimeError, match="shapes"):
        train(make_version(facts()), recipe, workspace=ws)


def test_answers_that_the_model_writes_count() -> None:
    objective = objectives.create({"name": "ppo", "rewards": ["number"], "samples": 4, "max_tokens": 24})
    recipe = TrainRecipe(batch=3, micro_tokens=256)
    work = objective.work(Work(tokens=30, longest=10), recipe)
    assert (work.rollouts, work.rollout_tokens, work.longest) == (12, 34, 34)
    assert work.tokens == 256  # 408 tokens of questions and answers go through in two parts
    assert work.reference == "copy"
    assert (
        objectives.create({"name": "ppo", "rewards": ["number"], "penalty": 0}).work(work, recipe).reference == "none"
    )
    assert objectives.create("sft").work(work, recipe) is work
